//! Packs made of the images of two releases, and published.

use std::fs::File;
use std::io::Cursor;

use e2e::world::{OLD, Part, World};
use pack::make::{Images, Level, Options, Padded, Source, make};
use pack::{HEAD_OFFSET, Head, Image, Sha256, Way};
use serde_json::{Value, json};
use verity::{BLOCK_SIZE, BlockHasher, Leaves, RootHash, Salt, Unreadable, available_threads};

use super::PACK;

/// A pack that was made.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) head: Vec<u8>,
    /// Root hash of the old release.
    from: RootHash,
}

/// The images of a release, as packs are made of them.
pub(super) struct Release {
    images: [(Padded<File>, Leaves); 2],
    pub(super) root_hash: RootHash,
    salt: Salt,
}

impl Release {
    pub(super) fn of(world: &World, version: &str) -> Self {
        let open = |part: Part| {
            let file = File::open(world.parts(version).join(format!("{}.img", part.name())));
            let file = file.unwrap();
            let length = file.metadata().unwrap().len();
            Padded::new(file, length)
        };
        let hash = open(Part::Hash);
        let root_hash = verity::claimed_root_hash(&hash, hash.length()).unwrap().unwrap();
        let (leaves, superblock) = Leaves::read(&hash, hash.length(), &root_hash).unwrap();
        let salt = superblock.params.salt;
        let (boot, hasher, threads) =
            (open(Part::Boot), BlockHasher::new(&salt), available_threads());
        let length = boot.length();
        let hashed =
            Leaves::of_data(&boot, length, &hasher, Unreadable::Refuse, threads, &|_| ()).unwrap();
        Self { images: [(open(Part::Root), leaves), (boot, hashed)], root_hash, salt }
    }

    fn images(&self) -> Images<'_> {
        let [root, boot] = self.images.each_ref().map(|(data, leaves)| Source { data, leaves });
        Images { root, boot, root_hash: self.root_hash }
    }
}

impl Packed {
    /// The pack that leads from one release of the world to another.
    pub(super) fn between(world: &World, old: &str, new: &str) -> Self {
        let (old, new) = (Release::of(world, old), Release::of(world, new));
        let options =
            Options { level: Level::new(1).unwrap(), threads: available_threads(), memory: 0 };
        let zero = BlockHasher::new(&old.salt).digest(&[0; BLOCK_SIZE]);
        let (mut spool, mut bytes) = (Cursor::new(Vec::new()), Vec::new());
        let (from, to) = (old.images(), new.images());
        let made = make(&from, &to, &zero, &options, &mut spool, &mut bytes, &|_, _| ()).unwrap();
        Self { bytes, head: made.head, from: old.root_hash }
    }

    /// As the manifest names it.
    fn entry(&self) -> Value {
        json!([{
            "from": OLD,
            "from_root_hash": self.from.to_string(),
            "target": PACK,
            "head": { "length": self.head.len(), "sha256": Sha256::of(&self.head).to_string() },
        }])
    }

    /// Publishes it, with `bytes` for its target and its entry changed.
    pub(super) fn publish_as(&self, world: &World, bytes: &[u8], change: impl FnOnce(&mut Value)) {
        let mut entry = self.entry();
        change(&mut entry[0]);
        world.sign_elsewhere(&[(PACK, bytes)]);
        world.change_update(|update| update["packs"] = entry);
    }

    /// Bytes up to the end of its head.
    pub(super) fn start(&self) -> usize {
        usize::try_from(HEAD_OFFSET).unwrap() + self.head.len()
    }

    pub(super) fn publish(&self, world: &World) {
        self.publish_as(world, &self.bytes, |_| ());
    }

    /// A block of the old image that becomes one of the new image, amid the most such blocks: no other has its content.
    pub(super) fn copied(&self, image: Image) -> usize {
        let head = Head::parse(&self.head).unwrap();
        let copied = head.runs(image).iter().filter_map(|run| match run.way {
            Way::Old { image: from, first } if from == image => Some((run.blocks, first)),
            _ => None,
        });
        let (blocks, first) = copied.max().unwrap();
        usize::try_from(first + blocks / 2).unwrap()
    }
}

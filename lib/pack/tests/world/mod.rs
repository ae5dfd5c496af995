//! Pairs of releases in memory, and a host that knows nothing but the pack and the old images.
#![allow(dead_code)] // not every test needs all of it

use std::io::Cursor;
use std::num::NonZeroUsize;

use pack::make::{Images, Level, Options, Padded, Source, make};
use pack::{Error, Extent, Head, Image, Run, Way};
use verity::{BLOCK_SIZE, BlockHasher, Digest, Leaves, Params, Unreadable};

/// Root and boot image of two releases.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) old: [Vec<u8>; 2],
    pub(crate) new: [Vec<u8>; 2],
}

#[derive(Clone, Debug)]
pub(crate) struct Pack {
    pub(crate) bytes: Vec<u8>,
    pub(crate) head: Head,
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn options(level: i32, threads: NonZeroUsize, memory: usize) -> Options {
    Options { level: Level::new(level).unwrap(), threads, memory }
}

fn params() -> Params {
    Params::for_product_line("pack")
}

fn hasher() -> BlockHasher {
    BlockHasher::new(&params().salt)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

pub(crate) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

fn padded(image: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    image.resize(image.len().next_multiple_of(BLOCK_SIZE), 0);
    image
}

struct Hashed<'a> {
    data: Padded<&'a Vec<u8>>,
    leaves: Leaves,
}

impl<'a> Hashed<'a> {
    fn new(image: &'a Vec<u8>) -> Self {
        let data = Padded::new(image, length(image));
        let (len, one) = (data.length(), NonZeroUsize::MIN);
        let leaves =
            Leaves::of_data(&data, len, &hasher(), Unreadable::Refuse, one, &|_| ()).unwrap();
        Self { data, leaves }
    }

    fn source(&self) -> Source<'_> {
        Source { data: &self.data, leaves: &self.leaves }
    }
}

impl Pair {
    pub(crate) fn make(&self, level: i32, threads: usize) -> Pack {
        self.make_with(&options(level, NonZeroUsize::new(threads).unwrap(), usize::MAX))
    }

    pub(crate) fn make_with(&self, options: &Options) -> Pack {
        let [old_root, old_boot] = self.old.each_ref().map(Hashed::new);
        let [new_root, new_boot] = self.new.each_ref().map(Hashed::new);
        let images = |root: &'_ Hashed<'_>| root.leaves.root_hash(&params());
        let old = Images {
            root: old_root.source(),
            boot: old_boot.source(),
            root_hash: images(&old_root),
        };
        let new = Images {
            root: new_root.source(),
            boot: new_boot.source(),
            root_hash: images(&new_root),
        };
        let zero: Digest = hasher().digest(&[0; BLOCK_SIZE]);
        let (mut spool, mut bytes) = (Cursor::new(Vec::new()), Vec::new());
        let made = make(&old, &new, &zero, options, &mut spool, &mut bytes, &|_, _| ()).unwrap();
        assert_eq!(made.length, length(&bytes));
        assert_eq!(made.head, bytes[12..12 + made.head.len()]);
        Head::check_start(bytes[..12].try_into().unwrap()).unwrap();
        let head = Head::parse(&made.head).unwrap();
        assert_eq!(head.pack_len(), length(&bytes));
        assert_eq!(head.new_release().root_hash, new.root_hash.0);
        Pack { bytes, head }
    }

    /// What a host makes of the old images and a pack.
    pub(crate) fn apply(&self, pack: &Pack) -> Result<[Vec<u8>; 2], Error> {
        let old = self.old.each_ref().map(|image| padded(image));
        let mut new = Image::ALL.map(|image| {
            let blocks = pack.head.new_release().blocks(image);
            vec![0xee; size(blocks) * BLOCK_SIZE]
        });
        for placed in pack.head.pieces() {
            let range = size32(placed.range.start)..size32(placed.range.end);
            let compressed = pack.bytes.get(range).unwrap_or_default();
            let window: Vec<u8> =
                placed.piece.window.iter().flat_map(|it| bytes(&old, it).to_vec()).collect();
            let mut raw = vec![0; placed.piece.raw_bytes()];
            placed.piece.decode(compressed, &window, &mut raw)?;
            let mut raw = raw.as_slice();
            for place in &placed.places {
                let (now, later) = raw.split_at(size(place.blocks) * BLOCK_SIZE);
                bytes_mut(&mut new, place).copy_from_slice(now);
                raw = later;
            }
            assert!(raw.is_empty());
        }
        for image in Image::ALL {
            let mut first = 0;
            for run in pack.head.runs(image) {
                carry_out(run, Extent { image, first, blocks: run.blocks }, &old, &mut new);
                first += run.blocks;
            }
        }
        Ok(new)
    }

    pub(crate) fn padded_new(&self) -> [Vec<u8>; 2] {
        self.new.each_ref().map(|image| padded(image))
    }
}

fn carry_out(run: &Run, place: Extent, old: &[Vec<u8>; 2], new: &mut [Vec<u8>; 2]) {
    match run.way {
        Way::New => {} // placed already
        Way::Zero => bytes_mut(new, &place).fill(0),
        Way::Old { image, first } => {
            let found = bytes(old, &Extent { image, first, blocks: run.blocks }).to_vec();
            bytes_mut(new, &place).copy_from_slice(&found);
        }
        Way::Again { image, first } => {
            for step in 0..run.blocks {
                let one = |image, first| Extent { image, first: first + step, blocks: 1 };
                let found = bytes(new, &one(image, first)).to_vec();
                bytes_mut(new, &one(place.image, place.first)).copy_from_slice(&found);
            }
        }
    }
}

fn size32(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn index(image: Image) -> usize {
    Image::ALL.iter().position(|it| *it == image).unwrap()
}

fn range(extent: &Extent) -> std::ops::Range<usize> {
    let first = size(extent.first) * BLOCK_SIZE;
    first..first + size(extent.blocks) * BLOCK_SIZE
}

fn bytes<'a>(images: &'a [Vec<u8>; 2], extent: &Extent) -> &'a [u8] {
    &images[index(extent.image)][range(extent)]
}

fn bytes_mut<'a>(images: &'a mut [Vec<u8>; 2], extent: &Extent) -> &'a mut [u8] {
    &mut images[index(extent.image)][range(extent)]
}

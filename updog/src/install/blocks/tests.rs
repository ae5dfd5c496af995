//! Sets of a few blocks, made of packs of every kind of run.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use manifest::{Content, Contents, Digest};
use pack::make::{Images, Level, Options, Source, make};
use pack::{Head, Image, Run, Sha256, Way};
use proptest::prelude::*;
use signpost::{PartRange, SetLayout};
use verity::{BLOCK_SIZE, BlockHasher, Leaves, Params, ReadAt, RootHash};

use super::make::Making;
use super::pack_way::{Ground, PackWay};
use super::pieces::Pieces;
use super::positioned::Positioned;
use super::present::Trust;
use super::*;
use crate::install::check_set;

mod states;

/// Blocks that each partition has room for.
const ROOM: u64 = 4096;

/// An image by the numbers of its blocks; 0 is a block of zeros.
fn image(blocks: &[u32]) -> Vec<u8> {
    let block = |number: &u32| {
        let mut state = u64::from(*number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        std::iter::repeat_with(next).take(BLOCK_SIZE / 8).flatten()
    };
    blocks.iter().flat_map(block).collect()
}

/// A release as it was built.
struct Built {
    root: Vec<u8>,
    boot: Vec<u8>,
    hash: Vec<u8>,
    leaves: [Leaves; 2],
    root_hash: RootHash,
}

impl Built {
    fn new(root: &[u32], boot: &[u32]) -> Self {
        Self::with_params(root, boot, &Params::for_product_line("test"))
    }

    fn with_params(root: &[u32], boot: &[u32], params: &Params) -> Self {
        let hasher = BlockHasher::new(&params.salt);
        let leaves = |image: &[u8]| {
            Leaves::new(image.chunks(BLOCK_SIZE).map(|block| hasher.digest(block)).collect())
        };
        let (root, boot) = (image(root), image(boot));
        let leaves = [leaves(&root).unwrap(), leaves(&boot).unwrap()];
        let mut hash = Cursor::new(Vec::new());
        let root_hash = leaves[0].write_tree(params, &mut hash).unwrap().root_hash;
        Self { root, boot, hash: hash.into_inner(), leaves, root_hash }
    }

    fn images(&self) -> Images<'_> {
        let [root, boot] = &self.leaves;
        Images {
            root: Source { data: &self.root, leaves: root },
            boot: Source { data: &self.boot, leaves: boot },
            root_hash: self.root_hash,
        }
    }

    fn contents(&self) -> Contents {
        let [boot, root, hash] = [&self.boot, &self.root, &self.hash].map(|bytes| content(bytes));
        Contents::new(Digest::new(self.root_hash.0), boot, root, hash)
    }

    /// Writes the images to their partitions.
    fn lay(&self, disk: &File, layout: &SetLayout) {
        let parts =
            [(layout.boot, &self.boot), (layout.root, &self.root), (layout.hash, &self.hash)];
        for (range, bytes) in parts {
            std::os::unix::fs::FileExt::write_all_at(disk, bytes, range.start).unwrap();
        }
    }
}

fn bytes(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

fn content(bytes: &[u8]) -> Content {
    Content::new(u64::try_from(bytes.len()).unwrap(), Digest::new(Sha256::of(bytes).0))
}

/// A disk with two sets; the first runs.
struct Host {
    disk: File,
    sets: [SetLayout; 2],
}

impl Host {
    fn new(running: &Built) -> Self {
        let length = ROOM * 4096;
        let part = |index: u32| PartRange { index, start: u64::from(index - 1) * length, length };
        let set = |first| SetLayout {
            boot: part(first),
            root: part(first + 1),
            hash: part(first + 2),
            reserved: None,
            efi: None,
        };
        let disk = tempfile::tempfile().unwrap();
        disk.set_len(6 * length).unwrap();
        let sets = [set(1), set(4)];
        running.lay(&disk, &sets[0]);
        Self { disk, sets }
    }

    /// Makes the second set of a pack, as it comes from a server with ranges.
    fn receive(&self, pack: &[u8], head: &[u8], contents: &Contents) -> Result<Tally, DeltaError> {
        let running = Running::open(&self.disk, &self.sets[0])?;
        let mut bad = Bad::default();
        let head = Arc::new(head::read(&mut &pack[..], &content(head))?);
        let (disk, layout) = (&self.disk, &self.sets[1]);
        let trust = Trust::Tree;
        let (running, spilled_blocks) = (&running, 0);
        let ground = Ground { disk, layout, contents, running, bad: &bad, trust, spilled_blocks };
        let way = PackWay::find(head, &ground)?;
        let ranges = way.ranges();
        let arriving: Vec<u8> =
            ranges.iter().flat_map(|range| pack[bytes(range)].to_vec()).collect();
        let source = Positioned::new(&arriving[..], ranges);
        let mut pieces = Pieces::new(&way.head, &way.needed, source, running);
        let (params, written) = (&running.tree().unwrap().params, AtomicU64::new(0));
        let making = Making {
            disk,
            layout,
            contents,
            running,
            params,
            written: &|bytes| {
                written.fetch_add(bytes, Ordering::Relaxed);
            },
            checked: &|_| (),
        };
        making.run(&way.recipe, &mut pieces, &mut bad)?;
        assert_eq!(written.into_inner(), way.recipe.tally().written_bytes());
        Ok(way.recipe.tally())
    }

    fn read(&self, range: PartRange, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.disk.read_exact_at(&mut bytes, range.start).unwrap();
        bytes
    }
}

/// The bytes of a pack and those of its head.
fn packed(old: &Built, new: &Built) -> (Vec<u8>, Vec<u8>) {
    let options = Options { level: Level::new(1).unwrap(), threads: NonZeroUsize::MIN, memory: 0 };
    let hasher = BlockHasher::new(&Params::for_product_line("test").salt);
    let zero = hasher.digest(&[0; BLOCK_SIZE]);
    let (mut spool, mut pack) = (Cursor::new(Vec::new()), Vec::new());
    let (old, new) = (old.images(), new.images());
    let made = make(&old, &new, &zero, &options, &mut spool, &mut pack, &|_, _| ()).unwrap();
    (pack, made.head)
}

/// Makes the new release of the old one, and gives the runs that did it.
fn becomes(old: &Built, new: &Built) -> Vec<Run> {
    let host = Host::new(old);
    let (pack, head) = packed(old, new);
    host.receive(&pack, &head, &new.contents()).unwrap();
    check_set(&host.disk, &host.sets[1], &new.contents(), &|_| ()).unwrap();
    for (set, built) in host.sets.iter().zip([old, new]) {
        assert!(host.read(set.root, built.root.len()) == built.root);
        assert!(host.read(set.boot, built.boot.len()) == built.boot);
        assert!(host.read(set.hash, built.hash.len()) == built.hash);
    }
    let head = Head::parse(&head).unwrap();
    Image::ALL.into_iter().flat_map(|image| head.runs(image).to_vec()).collect()
}

#[test]
fn every_kind_of_run_is_carried_out() {
    let old = Built::new(&[1, 2, 0, 3, 4, 5], &[6, 7]);
    let new = Built::new(&[9, 4, 5, 0, 0, 9, 10, 6, 9, 10], &[7, 10, 6, 1, 11]);
    let runs = becomes(&old, &new);
    let has = |wanted: fn(&Way) -> bool| runs.iter().any(|run| wanted(&run.way));
    assert!(has(|way| matches!(way, Way::Zero)) && has(|way| matches!(way, Way::New)));
    assert!(has(|way| matches!(way, Way::Old { image: Image::Root, .. })));
    assert!(has(|way| matches!(way, Way::Old { image: Image::Boot, .. })));
    assert!(has(|way| matches!(way, Way::Again { image: Image::Root, .. })));
}

#[test]
fn runs_go_on_from_buffer_to_buffer_and_pieces_from_run_to_run() {
    let old = Built::new(&(1..1000).collect::<Vec<_>>(), &[1]);
    // More than two buffers of one block again, of three blocks again, of old blocks, and more than a piece of new ones.
    let again = std::iter::repeat_n([5000], 700).flatten();
    let three = std::iter::repeat_n([5001, 5002, 5003], 200).flatten();
    let root: Vec<_> = again.chain(three).chain(300..900).collect();
    let boot: Vec<_> = (6000..8200).chain([0; 300]).collect();
    becomes(&old, &Built::new(&root, &boot));
}

#[test]
fn nothing_but_old_blocks_needs_no_piece() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let runs = becomes(&old, &Built::new(&[3, 2, 1], &[4]));
    assert!(runs.iter().all(|run| matches!(run.way, Way::Old { .. })));
}

#[test]
fn an_old_block_that_is_not_what_it_was_is_missed_or_named() {
    let (old, new) = (Built::new(&[1, 2, 3], &[4]), Built::new(&[9, 2, 3], &[4]));
    let (pack, head) = packed(&old, &new);
    let spoilt = |block: u64| {
        let host = Host::new(&old);
        let place = host.sets[0].root.start + block * 4096;
        std::os::unix::fs::FileExt::write_all_at(&host.disk, &[0xEE; 4], place).unwrap();
        host.receive(&pack, &head, &new.contents()).unwrap_err()
    };
    let copied = spoilt(1);
    assert!(matches!(copied, DeltaError::Holes { blocks: 1 }), "{copied}");
    let windowed = spoilt(0);
    assert!(matches!(windowed, DeltaError::OldBlock { block: 0 }), "{windowed}");
}

#[test]
fn a_release_with_another_tree_than_the_manifest_says_is_refused() {
    let (old, new) = (Built::new(&[1, 2, 3], &[4]), Built::new(&[9, 2, 3], &[4]));
    let (pack, head) = packed(&old, &new);
    let mut contents = new.contents();
    contents.hash.length += 4096;
    let error = Host::new(&old).receive(&pack, &head, &contents).unwrap_err();
    assert!(matches!(error, DeltaError::OtherNew), "{error}");
    let mut contents = new.contents();
    contents.root_hash = Digest::new([0xAB; 32]);
    let error = Host::new(&old).receive(&pack, &head, &contents).unwrap_err();
    assert!(matches!(error, DeltaError::OtherNew), "{error}");
}

#[test]
fn a_boot_image_larger_than_the_running_partition_is_none_of_it() {
    let old = Built::new(&[1, 2, 3], &[4, 5]);
    let (pack, head) = packed(&old, &Built::new(&[1, 2, 9], &[4]));
    let mut host = Host::new(&old);
    host.sets[0].boot.length = 4096;
    let contents = Built::new(&[1, 2, 9], &[4]).contents();
    let error = host.receive(&pack, &head, &contents).unwrap_err();
    assert!(matches!(error, DeltaError::OldBlocks { image: Image::Boot, blocks: 2 }), "{error}");
}

fn blocks(least: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..24_u32, least..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_release_is_made_of_any_other(
        old in (blocks(2), blocks(1)),
        new in (blocks(2), blocks(1)),
    ) {
        becomes(&Built::new(&old.0, &old.1), &Built::new(&new.0, &new.1));
    }
}

//! Damaged data, trees and superblocks are found, and the first bad block is named.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{self, Cursor};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use verity::{
    BLOCK_SIZE, Checked, Error, LengthError, Params, ReadAt, RootHash, SuperblockError,
    claimed_root_hash, format, verify,
};

/// Two levels above the leaves, and room for several chunks.
const BLOCKS: u64 = 128 * 130;

struct Images {
    data: Vec<u8>,
    hash: Vec<u8>,
    root: RootHash,
}

impl Images {
    fn of(blocks: u64) -> Self {
        let mut data = vec![0; usize::try_from(blocks).unwrap() * BLOCK_SIZE];
        for (block, bytes) in data.chunks_exact_mut(BLOCK_SIZE).enumerate() {
            bytes.fill(block.to_le_bytes()[0]);
            bytes[..8].copy_from_slice(&block.to_le_bytes());
        }
        let mut hash = Cursor::new(Vec::new());
        let params = Params::for_product_line("damage");
        let made = format(&data, length(&data), &params, &mut hash, threads(2), &|_| ()).unwrap();
        Self { data, hash: hash.into_inner(), root: made.root_hash }
    }

    fn check(&self) -> Result<Checked, Error> {
        self.check_with(2)
    }

    fn check_with(&self, count: usize) -> Result<Checked, Error> {
        let (data, hash) = (length(&self.data), length(&self.hash));
        verify(&self.data, data, &self.hash, hash, &self.root, threads(count), &|_| ())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn whole_images_hold() {
    for blocks in [1, 2, 127, 128, 129, 1024, 1025, BLOCKS] {
        let images = Images::of(blocks);
        assert_eq!(images.check().unwrap().data_blocks, blocks);
    }
}

#[test]
fn longer_partitions_than_images_hold() {
    let mut images = Images::of(300);
    images.data.resize(400 * BLOCK_SIZE, 0xee);
    images.hash.resize(100 * BLOCK_SIZE, 0xee);
    assert_eq!(images.check().unwrap().data_blocks, 300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_flipped_bit_of_the_data_is_found_and_its_block_named(
        blocks in prop_oneof![1..=5_u64, 120..=135_u64, 1020..=1030_u64],
        place in any::<prop::sample::Index>(),
    ) {
        let mut images = Images::of(blocks);
        let bit = place.index(images.data.len() * 8);
        flip(&mut images.data, bit);
        let wanted = u64::try_from(bit / 8 / BLOCK_SIZE).unwrap();
        match images.check() {
            Err(Error::BadDataBlock { index, offset }) => {
                prop_assert_eq!((index, offset), (wanted, wanted * 4096));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_flipped_bit_of_the_tree_is_found_and_its_block_named(
        blocks in prop_oneof![2..=5_u64, 120..=135_u64, 1020..=1030_u64],
        place in any::<prop::sample::Index>(),
    ) {
        let mut images = Images::of(blocks);
        let bit = BLOCK_SIZE * 8 + place.index((images.hash.len() - BLOCK_SIZE) * 8);
        flip(&mut images.hash, bit);
        let wanted = u64::try_from(bit / 8 / BLOCK_SIZE).unwrap();
        match images.check() {
            Err(Error::BadTreeBlock { block, .. }) => prop_assert_eq!(block, wanted),
            Err(Error::RootHash { .. }) => prop_assert_eq!(wanted, 1),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_flipped_bit_of_the_first_block_but_the_uuid_is_found(
        blocks in prop_oneof![1..=5_u64, 120..=135_u64, 1020..=1030_u64],
        bit in 0..BLOCK_SIZE * 8,
    ) {
        let mut images = Images::of(blocks);
        flip(&mut images.hash, bit);
        let in_uuid = (16..32).contains(&(bit / 8));
        prop_assert_eq!(images.check().is_ok(), in_uuid);
    }

    #[test]
    fn hostile_superblocks_are_refused_without_panic(
        start in 0..96_usize,
        junk in prop::collection::vec(any::<u8>(), 1..16),
    ) {
        let mut images = Images::of(200);
        let good = images.hash.clone();
        images.hash[start..start + junk.len()].copy_from_slice(&junk);
        let same = (0..good.len()).all(|byte| (16..32).contains(&byte) || images.hash[byte] == good[byte]);
        prop_assert_eq!(images.check().is_ok(), same);
    }
}

#[test]
fn of_many_bad_blocks_the_first_is_named() {
    for count in [1, 2, 8] {
        let mut images = Images::of(BLOCKS);
        for block in [16_000, 9_001, 5_555, 5_554, 12_345] {
            flip(&mut images.data, block * BLOCK_SIZE * 8);
        }
        match images.check_with(count) {
            Err(Error::BadDataBlock { index: 5_554, .. }) => {}
            other => panic!("{count} threads: {other:?}"),
        }
    }
}

#[test]
fn a_bad_leaf_block_comes_before_the_bad_data_below_it() {
    let mut images = Images::of(BLOCKS);
    let first_leaf = images.hash.len() - 130 * BLOCK_SIZE;
    flip(&mut images.hash, (first_leaf + 40 * BLOCK_SIZE) * 8);
    flip(&mut images.data, 40 * 128 * BLOCK_SIZE * 8);
    match images.check() {
        Err(Error::BadTreeBlock { level: 0, index: 40, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_level_is_checked() {
    let blocks_above_leaves = [(1, None), (2, Some((1, 0))), (3, Some((1, 1)))];
    for (block, place) in blocks_above_leaves {
        let mut images = Images::of(BLOCKS);
        flip(&mut images.hash, block * BLOCK_SIZE * 8 + 5);
        match (images.check(), place) {
            (Err(Error::RootHash { .. }), None) => {}
            (Err(Error::BadTreeBlock { level, index, .. }), Some(wanted)) => {
                assert_eq!((level, index), wanted);
            }
            (other, _) => panic!("block {block}: {other:?}"),
        }
    }
}

#[test]
fn another_root_hash_is_refused() {
    let mut images = Images::of(500);
    images.root.0[31] ^= 1;
    let found = Images::of(500).root;
    match images.check() {
        Err(Error::RootHash { wanted, found: top }) => {
            assert_eq!((wanted, top), (images.root, found));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tree_that_covers_fewer_blocks_is_refused() {
    let mut images = Images::of(200);
    images.hash[72] = 199;
    match images.check() {
        Err(Error::Padding { level: 0, index: 1, block: 3 }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn truncated_data_is_refused_before_it_is_read() {
    let mut images = Images::of(200);
    images.data.pop();
    match images.check() {
        Err(Error::DataTooLong { claimed: 819_200, limit: 819_199 }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn truncated_trees_are_refused_before_they_are_read() {
    let whole = Images::of(200);
    for keep in [0, 1, 511, 512, 4095, 4096, 8192, 16_383] {
        let images = Images { hash: whole.hash[..keep].to_vec(), ..Images::of(200) };
        match images.check() {
            Err(Error::TreeTooLong { available, .. }) => {
                assert_eq!(available, length(&images.hash))
            }
            other => panic!("{keep} bytes: {other:?}"),
        }
    }
}

#[test]
fn huge_claims_do_not_overflow() {
    for (blocks, wanted) in [(u64::MAX, true), (u64::MAX / 4096, false), (1 << 51, false)] {
        let mut images = Images::of(2);
        images.hash[72..80].copy_from_slice(&blocks.to_le_bytes());
        match images.check() {
            Err(Error::Superblock(SuperblockError::DataBlocks(LengthError::Huge(_)))) => {
                assert!(wanted)
            }
            Err(Error::DataTooLong { .. }) => assert!(!wanted),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn data_that_ends_inside_a_block_is_refused() {
    let params = Params::for_product_line("odd");
    for (size, wanted) in [
        (0, LengthError::Empty),
        (1, LengthError::Odd { length: 1, over: 1 }),
        (4097, LengthError::Odd { length: 4097, over: 1 }),
    ] {
        let data = vec![0; size];
        let mut out = Cursor::new(Vec::new());
        match format(&data, length(&data), &params, &mut out, threads(1), &|_| ()) {
            Err(Error::Length(error)) => assert_eq!(error, wanted),
            other => panic!("{other:?}"),
        }
        assert!(out.into_inner().is_empty(), "nothing may be written");
    }
}

/// Reads zeros, and fails at one place.
struct Broken {
    from: u64,
}

impl ReadAt for Broken {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if offset + length(buffer) > self.from {
            return Err(io::Error::other("medium error"));
        }
        buffer.fill(0);
        Ok(())
    }
}

#[test]
fn a_medium_error_ends_the_work_and_is_named() {
    let data = Broken { from: 4096 * 3000 };
    let params = Params::for_product_line("broken");
    for count in [1, 2, 8] {
        let mut out = Cursor::new(Vec::new());
        match format(&data, 4096 * BLOCKS, &params, &mut out, threads(count), &|_| ()) {
            Err(Error::ReadData { offset, .. }) => assert_eq!(offset, 4096 * (3000 / 128 * 128)),
            other => panic!("{other:?}"),
        }
    }
}

/// Takes some bytes, then is full.
struct Full(Cursor<Vec<u8>>, u64);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.position() + length(bytes) > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for Full {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_ends_the_work_and_is_named() {
    let data = Broken { from: u64::MAX };
    let params = Params::for_product_line("full");
    for room in [0, 4096, 100_000] {
        let mut out = Full(Cursor::new(Vec::new()), room);
        match format(&data, 4096 * BLOCKS, &params, &mut out, threads(2), &|_| ()) {
            Err(Error::WriteHash(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            other => panic!("{other:?}"),
        }
    }
}

/// Notes reads that `O_DIRECT` would refuse.
struct Strict<'a> {
    inner: &'a [u8],
    wrong: AtomicU64,
}

impl ReadAt for Strict<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let aligned = buffer.as_ptr().align_offset(BLOCK_SIZE) == 0
            && buffer.len().is_multiple_of(BLOCK_SIZE)
            && offset.is_multiple_of(4096);
        self.wrong.fetch_add(u64::from(!aligned), Ordering::Relaxed);
        self.inner.read_exact_at(buffer, offset)
    }
}

#[test]
fn every_read_suits_direct_input_and_output() {
    for blocks in [1, 2, 129, 1025] {
        let images = Images::of(blocks);
        let data = Strict { inner: &images.data, wrong: AtomicU64::new(0) };
        let hash = Strict { inner: &images.hash, wrong: AtomicU64::new(0) };
        let (data_len, hash_len) = (length(&images.data), length(&images.hash));
        verify(&data, data_len, &hash, hash_len, &images.root, threads(2), &|_| ()).unwrap();
        let params = Params::for_product_line("strict");
        let mut out = Cursor::new(Vec::new());
        format(&data, data_len, &params, &mut out, threads(2), &|_| ()).unwrap();
        assert_eq!(data.wrong.into_inner() + hash.wrong.into_inner(), 0);
    }
}

#[test]
fn a_tree_claims_the_root_hash_that_it_was_made_with() {
    for blocks in [1, 2, 129, BLOCKS] {
        let images = Images::of(blocks);
        let claimed = claimed_root_hash(&images.hash, length(&images.hash)).unwrap();
        assert_eq!(claimed, (blocks > 1).then_some(images.root));
    }
    let cut = &Images::of(129).hash[..8192];
    assert!(matches!(claimed_root_hash(cut, 8192), Err(Error::TreeTooLong { .. })));
}

#[test]
fn progress_adds_up_to_the_data() {
    let images = Images::of(1025);
    let done = AtomicU64::new(0);
    let count = |bytes| {
        done.fetch_add(bytes, Ordering::Relaxed);
    };
    let (data, hash) = (length(&images.data), length(&images.hash));
    verify(&images.data, data, &images.hash, hash, &images.root, threads(3), &count).unwrap();
    assert_eq!(done.into_inner(), data);
}

#[test]
fn the_claimed_root_hash_is_that_of_the_top_block() {
    let image = Images::of(300);
    let claimed = claimed_root_hash(&image.hash, length(&image.hash)).unwrap();
    assert_eq!(claimed, Some(image.root));
    let one = Images::of(1);
    assert_eq!(claimed_root_hash(&one.hash, length(&one.hash)).unwrap(), None);
    let cut = &image.hash[..image.hash.len() - 1];
    assert!(claimed_root_hash(cut, length(cut)).is_err());
}

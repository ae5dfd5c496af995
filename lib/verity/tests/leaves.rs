//! Leaves are the same from the tree and from the data, and a tree made of them is the one that was made of the data.

#![allow(clippy::unwrap_used)]

use std::io::{self, Cursor};
use std::num::NonZeroUsize;

use verity::{
    BLOCK_SIZE, BlockHasher, Error, Formatted, Leaves, Params, ReadAt, RootHash, Unreadable,
    format, verify,
};

/// Shapes of zero to three levels, and more than one chunk.
const COUNTS: [usize; 8] = [1, 2, 127, 128, 129, 1025, 128 * 128, 128 * 128 + 1];

fn data(blocks: usize) -> Vec<u8> {
    let mut data = vec![0; blocks * BLOCK_SIZE];
    for (number, block) in data.chunks_exact_mut(BLOCK_SIZE).enumerate() {
        block[..8].copy_from_slice(&number.to_le_bytes());
    }
    data
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn params() -> Params {
    Params::for_product_line("leaves")
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn formatted(data: &[u8]) -> (Formatted, Vec<u8>) {
    let mut hash = Cursor::new(Vec::new());
    let made = format(data, length(data), &params(), &mut hash, threads(2), &|_| ()).unwrap();
    (made, hash.into_inner())
}

fn of_data<D: ReadAt>(data: &D, len: u64, unreadable: Unreadable) -> Result<Leaves, Error> {
    let hasher = BlockHasher::new(&params().salt);
    Leaves::of_data(data, len, &hasher, unreadable, threads(3), &|_| ())
}

#[test]
fn leaves_of_the_tree_are_those_of_the_data() {
    for count in COUNTS {
        let data = data(count);
        let (made, hash) = formatted(&data);
        let (read, superblock) = Leaves::read(&hash, length(&hash), &made.root_hash).unwrap();
        assert_eq!(superblock.params, params());
        assert_eq!(read.digests().len(), count);
        assert!(read == of_data(&data, length(&data), Unreadable::Refuse).unwrap(), "{count}");
    }
}

/// Known of every hash tree whose leaves are not told from its other nodes, so of dm-verity: the size has to be trusted by itself.
#[test]
fn a_root_hash_does_not_say_how_many_blocks_it_stands_for() {
    let (made, mut hash) = formatted(&data(130));
    let leaf_blocks = hash[2 * BLOCK_SIZE..].to_vec();
    hash[72..80].copy_from_slice(&2_u64.to_le_bytes());
    let (read, superblock) = Leaves::read(&hash, length(&hash), &made.root_hash).unwrap();
    assert_eq!(superblock.data_blocks.blocks(), 2);
    assert!(read == of_data(&leaf_blocks, length(&leaf_blocks), Unreadable::Refuse).unwrap());
    let (data_len, hash_len) = (length(&leaf_blocks), length(&hash));
    let root = &made.root_hash;
    let checked = verify(&leaf_blocks, data_len, &hash, hash_len, root, threads(1), &|_| ());
    assert_eq!(checked.unwrap().data_blocks, 2);
}

#[test]
fn a_tree_made_of_leaves_is_the_one_made_of_the_data() {
    for count in COUNTS {
        let data = data(count);
        let (made, hash) = formatted(&data);
        let leaves = of_data(&data, length(&data), Unreadable::Refuse).unwrap();
        let mut out = Cursor::new(Vec::new());
        assert_eq!(leaves.write_tree(&params(), &mut out).unwrap(), made);
        assert!(out.into_inner() == hash, "{count} blocks");
        assert_eq!(leaves.root_hash(&params()), made.root_hash);
    }
}

#[test]
fn a_tree_that_does_not_lead_to_the_root_hash_has_no_leaves() {
    let (made, hash) = formatted(&data(1025));
    let other = RootHash([7; 32]);
    let error = Leaves::read(&hash, length(&hash), &other).unwrap_err();
    assert!(matches!(error, Error::RootHash { .. }), "{error}");
    for (byte, level) in [(4096, 1), (2 * 4096, 0), (10 * 4096 + 31, 0)] {
        let mut bad = hash.clone();
        bad[byte] ^= 1;
        match Leaves::read(&bad, length(&bad), &made.root_hash).unwrap_err() {
            Error::RootHash { .. } => assert_eq!(level, 1),
            Error::BadTreeBlock { level: found, .. } => assert_eq!(found, level),
            other => assert_eq!(other.to_string(), ""),
        }
    }
    let short = &hash[..hash.len() - BLOCK_SIZE];
    let error = Leaves::read(short, length(short), &made.root_hash).unwrap_err();
    assert!(matches!(error, Error::TreeTooLong { .. }), "{error}");
}

/// Data with one block that the disk does not give.
struct Damaged(Vec<u8>);

impl ReadAt for Damaged {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bad = 700 * 4096_u64;
        if offset <= bad && bad < offset + length(buffer) {
            return Err(io::Error::other("bad sector"));
        }
        self.0.read_exact_at(buffer, offset)
    }
}

#[test]
fn a_block_that_cannot_be_read_is_unknown_where_it_may_be() {
    let data = data(1025);
    let len = length(&data);
    let whole = of_data(&data, len, Unreadable::Refuse).unwrap();
    let damaged = Damaged(data);
    let error = of_data(&damaged, len, Unreadable::Refuse).unwrap_err();
    assert!(matches!(error, Error::ReadData { .. }), "{error}");
    let found = of_data(&damaged, len, Unreadable::Unknown).unwrap();
    for block in 0..1025 {
        let expected = if block == 700 { &Leaves::UNKNOWN } else { whole.digest(block) };
        assert_eq!(found.digest(block), expected, "block {block}");
    }
}

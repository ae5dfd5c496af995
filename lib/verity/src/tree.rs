//! The levels of a hash image, read from the root downwards.
//!
//! Each block is compared with its digest in the level above, and what follows its last digest with zero. Nothing is
//! trusted before it was compared.

use std::ops::Range;

use crate::block::{BLOCK_BYTES, bytes_in};
use crate::chunk::CHUNK_LEAF_BYTES;
use crate::shape::{DIGEST_SIZE, DIGESTS_PER_BLOCK};
use crate::{
    AlignedBuffer, BLOCK_SIZE, BlockHasher, Error, ReadAt, RootHash, Superblock, SuperblockError,
    TreeShape, read_at,
};

/// Reads the superblock of a hash image of `hash_len` bytes.
pub(crate) fn superblock<H: ReadAt + ?Sized>(hash: &H, hash_len: u64) -> Result<Superblock, Error> {
    if hash_len < BLOCK_BYTES {
        return Err(Error::TreeTooLong { needed: BLOCK_BYTES, available: hash_len });
    }
    let mut buffer = AlignedBuffer::new(BLOCK_SIZE);
    let block = read_at::hash_blocks(hash, &(0..1), &mut buffer)?;
    let (bytes, rest) = block.split_first_chunk().expect("a block is longer than a superblock");
    let superblock = Superblock::parse(bytes)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(SuperblockError::NotZero.into());
    }
    Ok(superblock)
}

/// A tree that was not checked yet, and what it is checked against.
pub(crate) struct Tree<'a, H: ?Sized> {
    hash: &'a H,
    pub(crate) shape: TreeShape,
    data_blocks: u64,
    pub(crate) hasher: BlockHasher,
    root_hash: RootHash,
}

impl<'a, H: ReadAt + ?Sized> Tree<'a, H> {
    pub(crate) fn new(hash: &'a H, superblock: &Superblock, root_hash: RootHash) -> Self {
        Self {
            hash,
            shape: TreeShape::of(superblock.data_blocks),
            data_blocks: superblock.data_blocks.blocks(),
            hasher: BlockHasher::new(&superblock.params.salt),
            root_hash,
        }
    }

    pub(crate) fn check_sizes(&self, limit: u64, available: u64) -> Result<(), Error> {
        let claimed = self.data_blocks * BLOCK_BYTES; // a BlockCount, so it fits
        if claimed > limit {
            return Err(Error::DataTooLong { claimed, limit });
        }
        let needed = self.shape.hash_len();
        if needed > available { Err(Error::TreeTooLong { needed, available }) } else { Ok(()) }
    }

    /// The digests that the leaf blocks must have (the only data block, if there is no level), checked up
    /// to the root.
    pub(crate) fn expected_leaves(&self) -> Result<Vec<u8>, Error> {
        let mut expected = self.root_hash.0.to_vec();
        for level in (1..self.shape.levels().len()).rev() {
            let mut content = Vec::new();
            self.read_level(level, &expected, &mut |blocks| content.extend_from_slice(blocks))?;
            expected = content;
        }
        Ok(expected)
    }

    /// Gives all leaf blocks to `sink`, in order, each checked; the root hash if there is no level.
    pub(crate) fn leaves_into(&self, sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let expected = self.expected_leaves()?;
        if self.shape.levels().is_empty() {
            sink(&expected);
            return Ok(());
        }
        self.read_level(0, &expected, sink)
    }

    /// Reads a level whose blocks must have the digests `expected`.
    fn read_level(
        &self,
        level: usize,
        expected: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Error> {
        let mut buffer = AlignedBuffer::new(CHUNK_LEAF_BYTES);
        let mut next = 0;
        while next < self.shape.levels()[level].blocks {
            let blocks = self.read(level, next, &mut buffer)?;
            for block in blocks.chunks_exact(BLOCK_SIZE) {
                self.check(level, next, block, digest_at(expected, next))?;
                next += 1;
            }
            sink(blocks);
        }
        Ok(())
    }

    /// Reads as many blocks of a level, from its block `first`, as there are and the buffer holds.
    pub(crate) fn read<'b>(
        &self,
        level: usize,
        first: u64,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], Error> {
        let place = &self.shape.levels()[level];
        let end = (first + bytes_in(buffer) / BLOCK_BYTES).min(place.blocks);
        let range: Range<u64> = place.first_block + first..place.first_block + end;
        read_at::hash_blocks(self.hash, &range, buffer)
    }

    /// Compares one block of the tree with its digest, and what lies after its last digest with zero.
    pub(crate) fn check(
        &self,
        level: usize,
        index: u64,
        bytes: &[u8],
        expected: &[u8],
    ) -> Result<(), Error> {
        let levels = self.shape.levels();
        let block = levels[level].first_block + index;
        let found = self.hasher.digest(bytes);
        if found != expected {
            let top = level + 1 == levels.len();
            let mismatch = Error::RootHash { wanted: self.root_hash, found: RootHash(found) };
            return Err(if top { mismatch } else { Error::BadTreeBlock { level, index, block } });
        }
        let below = if level == 0 { self.data_blocks } else { levels[level - 1].blocks };
        let used = (below - index * DIGESTS_PER_BLOCK).min(DIGESTS_PER_BLOCK);
        let spare = bytes.chunks_exact(DIGEST_SIZE).zip(0..DIGESTS_PER_BLOCK);
        let clean =
            spare.filter(|(_, entry)| *entry >= used).all(|(spare, _)| spare == [0; DIGEST_SIZE]);
        if clean { Ok(()) } else { Err(Error::Padding { level, index, block }) }
    }
}

/// Digest `index` of a list of digests.
pub(crate) fn digest_at(digests: &[u8], index: u64) -> &[u8] {
    let start = usize::try_from(index).expect("the list is in memory") * DIGEST_SIZE;
    &digests[start..start + DIGEST_SIZE]
}

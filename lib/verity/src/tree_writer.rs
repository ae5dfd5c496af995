//! Writing the levels of a tree to their places.
//!
//! Order of writes: leaves, upper levels, superblock. A hash image without its superblock is not taken for a
//! whole one.

use std::io::{Seek, SeekFrom, Write};

use crate::shape::DIGEST_SIZE;
use crate::{BLOCK_SIZE, BlockHasher, Error, Formatted, Level, RootHash, Superblock, TreeShape};

/// Writes the levels of a tree to their places.
pub(crate) struct TreeWriter<'a, W: ?Sized> {
    out: &'a mut W,
    shape: TreeShape,
    hasher: &'a BlockHasher,
    /// Digests of the leaf blocks so far; of the only data block if there is no level.
    above: Vec<u8>,
}

impl<'a, W: Write + Seek + ?Sized> TreeWriter<'a, W> {
    pub(crate) fn new(out: &'a mut W, shape: TreeShape, hasher: &'a BlockHasher) -> Self {
        Self { out, shape, hasher, above: Vec::new() }
    }

    /// Goes to where the leaves lie.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let leaves = self.shape.levels().first().map_or(0, Level::position);
        self.out.seek(SeekFrom::Start(leaves)).map(drop).map_err(Error::WriteHash)
    }

    /// Writes the next leaf blocks, whole ones.
    pub(crate) fn append(&mut self, leaves: &[u8]) -> Result<(), Error> {
        if self.shape.levels().is_empty() {
            self.above.extend_from_slice(&leaves[..DIGEST_SIZE]);
            return Ok(());
        }
        self.above.extend(digests(self.hasher, leaves));
        self.out.write_all(leaves).map_err(Error::WriteHash)
    }

    /// Writes what lies above the leaves, and the superblock.
    pub(crate) fn finish(mut self, superblock: &Superblock) -> Result<Formatted, Error> {
        for index in 1..self.shape.levels().len() {
            let position = self.shape.levels()[index].position();
            self.above.resize(self.above.len().next_multiple_of(BLOCK_SIZE), 0);
            write_at(self.out, position, &self.above)?;
            self.above = digests(self.hasher, &self.above).collect();
        }
        let mut first = superblock.to_bytes().to_vec();
        first.resize(BLOCK_SIZE, 0);
        write_at(self.out, 0, &first)?;
        self.out.flush().map_err(Error::WriteHash)?;
        let root_hash = self.above.try_into().expect("the top level is one block");
        Ok(Formatted {
            root_hash: RootHash(root_hash),
            data_blocks: superblock.data_blocks.blocks(),
            hash_len: self.shape.hash_len(),
        })
    }
}

fn digests(hasher: &BlockHasher, blocks: &[u8]) -> impl Iterator<Item = u8> {
    blocks.chunks_exact(BLOCK_SIZE).flat_map(|block| hasher.digest(block))
}

fn write_at<W: Write + Seek + ?Sized>(
    out: &mut W,
    position: u64,
    bytes: &[u8],
) -> Result<(), Error> {
    out.seek(SeekFrom::Start(position)).map_err(Error::WriteHash)?;
    out.write_all(bytes).map_err(Error::WriteHash)
}

//! The leaf digests of one image, in memory: what its blocks are.
//!
//! They come from a hash image, checked from the root hash down, or from hashing the data. A tree is a function of its
//! leaves, the salt and the UUID, so that a whole hash image can be made of them, without the data.
//!
//! Memory: 32 bytes a block, 1/128 of the data; the digests of a hash image and, while it is read, 1/128 of that.

use std::io::{self, Seek, Write};
use std::num::NonZeroUsize;

use crate::hashing::{Source, Unreadable};
use crate::shape::DIGEST_SIZE;
use crate::tree::{Tree, superblock};
use crate::tree_writer::TreeWriter;
use crate::{
    BLOCK_SIZE, BlockCount, BlockHasher, Digest, Error, Formatted, Params, Prefix, ReadAt,
    RootHash, Superblock, TreeShape,
};

/// One digest for each data block, in order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    digests: Vec<Digest>,
    data: BlockCount,
}

impl Leaves {
    /// The leaf of a block that nobody knows; no block has it for its digest.
    pub const UNKNOWN: Digest = [0; DIGEST_SIZE];

    /// Reads the leaves of a hash image of at most `hash_len` bytes, each block checked up to the root hash.
    ///
    /// The superblock comes along, since salt and UUID are in it. Nothing is said of the data. Compare the number of blocks with the one
    /// that is wanted: a root hash does not say it, and digests of a higher level can be given as leaves.
    ///
    /// # Errors
    ///
    /// Fails when the superblock cannot be used, and names the first block of the tree that is wrong.
    pub fn read<H: ReadAt + ?Sized>(
        hash: &H,
        hash_len: u64,
        root_hash: &RootHash,
    ) -> Result<(Self, Superblock), Error> {
        let superblock = superblock(hash, hash_len)?;
        let tree = Tree::new(hash, &superblock, *root_hash);
        tree.check_sizes(u64::MAX, hash_len)?;
        let mut leaves = room(superblock.data_blocks);
        tree.leaves_into(&mut |blocks| leaves.extend(blocks.as_chunks::<DIGEST_SIZE>().0))?;
        leaves.truncate(count(superblock.data_blocks));
        Ok((Self { digests: leaves, data: superblock.data_blocks }, superblock))
    }

    /// Hashes the first `data_len` bytes of `data` on several threads.
    ///
    /// `progress` is called with the number of bytes that were hashed since its last call.
    ///
    /// # Errors
    ///
    /// Fails when `data_len` is zero or no multiple of [`BLOCK_SIZE`], and when data cannot be read that may not be
    /// unknown.
    pub fn of_data<D: ReadAt + ?Sized>(
        data: &D,
        data_len: u64,
        hasher: &BlockHasher,
        unreadable: Unreadable,
        threads: NonZeroUsize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Self, Error> {
        let blocks = BlockCount::of_bytes(data_len)?;
        let mut leaves = room(blocks);
        Source::new(data, blocks, hasher, unreadable, progress).hash_into(
            threads,
            &mut |more| {
                leaves.extend(more.as_chunks::<DIGEST_SIZE>().0);
                Ok(())
            },
        )?;
        leaves.truncate(count(blocks));
        Ok(Self { digests: leaves, data: blocks })
    }

    /// Leaves that were computed elsewhere.
    ///
    /// # Errors
    ///
    /// There is at least one.
    pub fn new(digests: Vec<Digest>) -> Result<Self, Error> {
        let count = u64::try_from(digests.len()).expect("memory is smaller than 2^64 bytes");
        Ok(Self { data: BlockCount::new(count)?, digests })
    }

    /// The number of data blocks.
    pub fn blocks(&self) -> BlockCount {
        self.data
    }

    /// The digests, in the order of the blocks.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The digest of one block; unknown after the last one.
    pub fn digest(&self, block: u64) -> &Digest {
        let index = usize::try_from(block).ok();
        index.and_then(|index| self.digests.get(index)).unwrap_or(&Self::UNKNOWN)
    }

    /// The first eight bytes of each digest: 8 bytes a block where 32 are too many.
    pub fn prefixes(&self) -> Vec<Prefix> {
        self.digests.iter().map(Prefix::of).collect()
    }

    /// Writes the whole hash image to `out`, from its start: superblock and levels, as
    /// [`format`](crate::format()) makes them from the data.
    ///
    /// # Errors
    ///
    /// Fails when writing fails.
    pub fn write_tree<W: Write + Seek + ?Sized>(
        &self,
        params: &Params,
        out: &mut W,
    ) -> Result<Formatted, Error> {
        let hasher = BlockHasher::new(&params.salt);
        let mut tree = TreeWriter::new(out, TreeShape::of(self.data), &hasher);
        tree.start()?;
        for digests in self.digests.chunks(BLOCK_SIZE) {
            let mut blocks = digests.as_flattened().to_vec();
            blocks.resize(blocks.len().next_multiple_of(BLOCK_SIZE), 0);
            tree.append(&blocks)?;
        }
        tree.finish(&Superblock { params: params.clone(), data_blocks: self.data })
    }

    /// The root hash of the tree over these leaves.
    pub fn root_hash(&self, params: &Params) -> RootHash {
        self.write_tree(params, &mut Nowhere).expect("nothing is written").root_hash
    }
}

fn count(blocks: BlockCount) -> usize {
    usize::try_from(blocks.blocks()).expect("the leaves fit into memory")
}

/// Room for all leaves, and for what fills the last leaf block.
fn room(blocks: BlockCount) -> Vec<Digest> {
    Vec::with_capacity(count(blocks).next_multiple_of(BLOCK_SIZE / DIGEST_SIZE))
}

/// Takes everything and keeps nothing.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

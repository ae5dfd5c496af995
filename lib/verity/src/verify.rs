//! Checking data and tree against a root hash.
//!
//! The levels above the leaves are read once, from the root downwards. Then threads take chunks in rising order: a leaf block is compared with its digest, and the
//! data below it with the leaves. Nothing is trusted before it was compared.
//!
//! The fault that is reported is the first one in the order of the data: whoever finds one stops the handing out,
//! and all earlier chunks, which were taken before, are still finished.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread;

use uuid::Uuid;

use crate::block::{BLOCK_BYTES, bytes_in};
use crate::chunk::{CHUNK_LEAF_BYTES, Chunk, Chunks, READ_BYTES};
use crate::shape::DIGEST_SIZE;
use crate::tree::{Tree, digest_at, superblock};
use crate::{AlignedBuffer, BLOCK_SIZE, Error, ReadAt, RootHash, Salt, read_at};

/// Data and a tree that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The root hash that they were checked against.
    pub root_hash: RootHash,
    /// Data blocks that the tree covers.
    pub data_blocks: u64,
    /// Length of the hash image in bytes.
    pub hash_len: u64,
    /// Salt of the tree.
    pub salt: Salt,
    /// UUID of the tree; no digest covers it.
    pub uuid: Uuid,
}

/// Checks data and hash image against a root hash: every block of the tree and every data block.
///
/// `data_len_limit` and `hash_len` are the bytes that there are, for instance the sizes of two partitions; the tree
/// may cover less. What lies after the covered data and after the tree is not looked at. `progress` is called with
/// the number of bytes of data that were checked since its last call.
///
/// A root hash does not say how many blocks it stands for: blocks of the tree can be given as the data of a smaller image with the same root
/// hash. Who knows how many there should be compares [`Checked::data_blocks`].
///
/// # Errors
///
/// Names the first block that is wrong, in the order of the data, or says why the superblock cannot be used.
pub fn verify<D: ReadAt + ?Sized, H: ReadAt + ?Sized>(
    data: &D,
    data_len_limit: u64,
    hash: &H,
    hash_len: u64,
    root_hash: &RootHash,
    threads: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Checked, Error> {
    let superblock = superblock(hash, hash_len)?;
    let tree = Tree::new(hash, &superblock, *root_hash);
    tree.check_sizes(data_len_limit, hash_len)?;
    let expected = tree.expected_leaves()?;
    let check = Check {
        data,
        tree: &tree,
        expected: &expected,
        progress,
        chunks: Chunks::new(superblock.data_blocks),
        first_fault: Mutex::new(None),
    };
    check.run(threads)?;
    Ok(Checked {
        root_hash: *root_hash,
        data_blocks: superblock.data_blocks.blocks(),
        hash_len: tree.shape.hash_len(),
        salt: superblock.params.salt,
        uuid: superblock.params.uuid,
    })
}

/// The root hash that a hash image leads to: the digest of its top block. It says nothing of the data, nor of
/// the tree below, until [`verify`] was called with it. A tree of one data block has no top block: `None`.
///
/// # Errors
///
/// Fails when the superblock cannot be used, or the tree is longer than `hash_len`.
pub fn claimed_root_hash<H: ReadAt + ?Sized>(
    hash: &H,
    hash_len: u64,
) -> Result<Option<RootHash>, Error> {
    let superblock = superblock(hash, hash_len)?;
    let tree = Tree::new(hash, &superblock, RootHash([0; 32]));
    tree.check_sizes(u64::MAX, hash_len)?;
    let Some(top) = tree.shape.levels().len().checked_sub(1) else { return Ok(None) };
    let mut buffer = AlignedBuffer::new(BLOCK_SIZE);
    let block = tree.read(top, 0, &mut buffer)?;
    Ok(Some(RootHash(tree.hasher.digest(block))))
}

/// What the threads share.
struct Check<'a, D: ?Sized, H: ?Sized> {
    data: &'a D,
    tree: &'a Tree<'a, H>,
    expected: &'a [u8],
    progress: &'a (dyn Fn(u64) + Sync),
    chunks: Chunks,
    first_fault: Mutex<Option<(u64, Error)>>,
}

impl<D: ReadAt + ?Sized, H: ReadAt + ?Sized> Check<'_, D, H> {
    fn run(self, threads: NonZeroUsize) -> Result<(), Error> {
        thread::scope(|scope| {
            for _ in 1..threads.get() {
                // Where no more can be started, fewer do as well, more slowly.
                if thread::Builder::new().spawn_scoped(scope, || self.work()).is_err() {
                    break;
                }
            }
            self.work();
        });
        let fault = self.first_fault.into_inner().unwrap_or_else(PoisonError::into_inner);
        fault.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// One thread's work: chunks, until there are none.
    fn work(&self) {
        let mut leaves = AlignedBuffer::new(CHUNK_LEAF_BYTES);
        let mut data = AlignedBuffer::new(READ_BYTES);
        while let Some(chunk) = self.chunks.take() {
            if let Err(error) = self.check(&chunk, &mut leaves, &mut data) {
                self.chunks.close();
                self.keep_first(chunk.number, error);
            }
        }
    }

    fn keep_first(&self, number: u64, error: Error) {
        let mut first = self.first_fault.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(earliest, _)| number < *earliest) {
            *first = Some((number, error));
        }
    }

    fn check(&self, chunk: &Chunk, leaves: &mut [u8], buffer: &mut [u8]) -> Result<(), Error> {
        if self.tree.shape.levels().is_empty() {
            return self.check_data(0..1, self.expected, buffer);
        }
        let leaves = self.tree.read(0, chunk.leaves.start, leaves)?;
        for (leaf, block) in chunk.leaves.clone().zip(leaves.chunks_exact(BLOCK_SIZE)) {
            self.tree.check(0, leaf, block, digest_at(self.expected, leaf))?;
            self.check_data(chunk.data_of(leaf), block, buffer)?;
        }
        Ok(())
    }

    /// Reads data blocks and compares them with their digests.
    fn check_data(
        &self,
        blocks: Range<u64>,
        digests: &[u8],
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let data = read_at::data_blocks(self.data, &blocks, buffer)?;
        let pairs = data.chunks_exact(BLOCK_SIZE).zip(digests.chunks_exact(DIGEST_SIZE));
        for (index, (block, digest)) in blocks.zip(pairs) {
            if self.tree.hasher.digest(block) != digest {
                return Err(Error::BadDataBlock { index, offset: index * BLOCK_BYTES });
            }
        }
        (self.progress)(bytes_in(data));
        Ok(())
    }
}

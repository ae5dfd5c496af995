//! Making a tree.
//!
//! Leaves go from the threads that hash to the writer as they come; see [`crate::hashing`] and
//! [`crate::tree_writer`].

use std::io::{Seek, Write};
use std::num::NonZeroUsize;

use crate::hashing::{Source, Unreadable};
use crate::tree_writer::TreeWriter;
use crate::{BlockCount, BlockHasher, Error, Params, ReadAt, RootHash, Superblock, TreeShape};

/// A tree that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// Stands for all data.
    pub root_hash: RootHash,
    /// Data blocks that the tree covers.
    pub data_blocks: u64,
    /// Length of the hash image in bytes.
    pub hash_len: u64,
}

/// Writes the hash image for the first `data_len` bytes of `data` to `out`, from its start.
///
/// `progress` is called with the number of bytes that were hashed since its last call. `out` is not cut: what
/// it holds after the hash image stays.
///
/// # Errors
///
/// Fails when `data_len` is zero or no multiple of [`BLOCK_SIZE`](crate::BLOCK_SIZE), and when reading or writing fails.
pub fn format<D: ReadAt + ?Sized, W: Write + Seek + ?Sized>(
    data: &D,
    data_len: u64,
    params: &Params,
    out: &mut W,
    threads: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Formatted, Error> {
    let data_blocks = BlockCount::of_bytes(data_len)?;
    let hasher = BlockHasher::new(&params.salt);
    let source = Source::new(data, data_blocks, &hasher, Unreadable::Refuse, progress);
    let mut tree = TreeWriter::new(out, TreeShape::of(data_blocks), &hasher);
    tree.start()?;
    source.hash_into(threads, &mut |leaves| tree.append(leaves))?;
    tree.finish(&Superblock { params: params.clone(), data_blocks })
}

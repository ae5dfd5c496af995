//! dm-verity hash trees: superblock, format and verify; and what differs between two of them.
//!
//! The trees are those of `veritysetup format` with its defaults, byte for byte: superblock version 1,
//! hash type 1, SHA-256, data and hash blocks of 4096 bytes, the salt before the data in every digest.
//! Other kinds of trees are refused, not guessed at. See the kernel's `Documentation/admin-guide/
//! device-mapper/verity.rst` and cryptsetup's on-disk format of the superblock.
//!
//! A hash image, with the levels from the root downwards:
//!
//! ```text
//! block 0         superblock (512 bytes, then zeros)
//! block 1         top level, one block; its digest is the root hash
//! …
//! last level      leaves: one digest a data block, 128 a block, the rest of the last block zero
//! ```
//!
//! One data block alone has no tree: its digest is the root hash.
//!
//! Invariants: every read of data and of the tree starts at a multiple of [`BLOCK_SIZE`], has such a length
//! and goes into memory that is aligned so, which lets files opened with `O_DIRECT` work. Memory is bounded
//! by the number of threads, apart from the levels above the leaves: 1/16384 of the data.
//!
//! Left out on purpose: forward error correction, other hash algorithms, roots signed inside the kernel.

mod block;
mod buffer;
mod chunk;
mod difference;
mod error;
mod format;
mod hasher;
mod hashing;
mod inventory;
mod leaves;
mod parameter;
mod params;
mod prefix;
mod read_at;
mod region;
mod root_hash;
mod salt;
mod shape;
mod spill;
mod superblock;
mod tree;
mod tree_writer;
mod verify;

pub use block::{BLOCK_SIZE, BlockCount, LengthError};
pub use buffer::AlignedBuffer;
pub use chunk::available_threads;
pub use difference::{Difference, Origin, Run, Way, difference, unused};
pub use error::Error;
pub use format::{Formatted, format};
pub use hasher::{BlockHasher, Digest};
pub use hashing::Unreadable;
pub use inventory::Inventory;
pub use leaves::Leaves;
pub use parameter::{BootParameter, BootParameterError};
pub use params::Params;
pub use prefix::Prefix;
pub use read_at::{ReadAt, Window};
pub use region::Region;
pub use root_hash::{RootHash, RootHashError};
pub use salt::{Salt, SaltError};
pub use shape::{Level, TreeShape};
pub use superblock::{Superblock, SuperblockError};
pub use verify::{Checked, claimed_root_hash, verify};

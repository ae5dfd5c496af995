//! What can go wrong with a tree.

use std::io;

use crate::{LengthError, RootHash, SuperblockError};

/// Why a tree could not be made, or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data has a length that dm-verity cannot cover.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// Data could not be read.
    #[error("cannot read {length} bytes of data at byte {offset}")]
    ReadData {
        /// Position in the data.
        offset: u64,
        /// Bytes that were wanted.
        length: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The hash image could not be read.
    #[error("cannot read {length} bytes of the hash image at byte {offset}")]
    ReadHash {
        /// Position in the hash image.
        offset: u64,
        /// Bytes that were wanted.
        length: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The hash image could not be written.
    #[error("cannot write the hash image")]
    WriteHash(#[source] io::Error),
    /// There are too many threads to start a single one more.
    #[error("cannot start one more thread")]
    Thread(#[source] io::Error),
    /// The hash image has no superblock that can be used.
    #[error(transparent)]
    Superblock(#[from] SuperblockError),
    /// The superblock covers more data than there is.
    #[error("the tree covers {claimed} bytes of data, and there are only {limit}")]
    DataTooLong {
        /// Bytes that the superblock claims.
        claimed: u64,
        /// Bytes that there are.
        limit: u64,
    },
    /// The tree would end after the hash image does.
    #[error("the hash image needs {needed} bytes, and there are only {available}")]
    TreeTooLong {
        /// Bytes that the tree needs, superblock included.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// The top block of the tree is wrong, or it is the tree of another root hash.
    #[error("the top of the tree has the digest {found}, not the root hash {wanted}")]
    RootHash {
        /// The root hash asked for.
        wanted: RootHash,
        /// Digest of the top block of the tree.
        found: RootHash,
    },
    /// A block of the tree does not match the digest in the level above.
    #[error("hash block {index} of level {level} (block {block} of the hash image) is wrong")]
    BadTreeBlock {
        /// Level, 0 for the leaves.
        level: usize,
        /// Block within the level.
        index: u64,
        /// Block within the hash image.
        block: u64,
    },
    /// Digests stand where there is no data.
    #[error(
        "hash block {index} of level {level} (block {block} of the hash image) has bytes after its last digest"
    )]
    Padding {
        /// Level, 0 for the leaves.
        level: usize,
        /// Block within the level.
        index: u64,
        /// Block within the hash image.
        block: u64,
    },
    /// A data block does not match its leaf.
    #[error("data block {index} (at byte {offset}) is wrong")]
    BadDataBlock {
        /// Block within the data.
        index: u64,
        /// Position in the data, in bytes.
        offset: u64,
    },
    /// More blocks than an inventory has numbers for.
    #[error("an inventory numbers up to 2^32 blocks, and there are {0}")]
    TooManyBlocks(u64),
    /// More places to copy from than there are numbers for.
    #[error("blocks can come from up to 255 regions, and there are {0}")]
    TooManyOrigins(usize),
}

//! Why frames could not be made.

use std::io;

use crate::INDEX_BYTES;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The image cannot be read.
    #[error("cannot read the image at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The frames cannot be written.
    #[error("cannot write the frames")]
    Write(#[source] io::Error),
    /// Leaves of another image.
    #[error("the image has {blocks} blocks, and its tree {leaves} leaves")]
    Leaves {
        /// Blocks of the image.
        blocks: u64,
        /// Its leaves.
        leaves: u64,
    },
    /// An image has more blocks than an index can number.
    #[error("the image has {0} blocks, and an index has room for 2^25")]
    TooManyBlocks(u64),
    /// The index is longer than readers accept.
    #[error("the index would have {0} bytes, and {INDEX_BYTES} are the limit")]
    TooLarge(usize),
    /// zstd refuses.
    #[error("cannot compress a frame: {0}")]
    Compress(&'static str),
    /// What was made would be refused by who reads it.
    #[error("the index that was made is not consistent")]
    Inconsistent(#[from] crate::Error),
}

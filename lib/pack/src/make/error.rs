//! Why a pack could not be made.

use std::io;

use crate::Image;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// An image cannot be read.
    #[error("cannot read the {which} {image} image")]
    Read {
        /// `old` or `new`.
        which: &'static str,
        /// Which image.
        image: Image,
        /// What the system said.
        source: io::Error,
    },
    /// The pack or its spool cannot be written.
    #[error("cannot write the pack")]
    Write(#[source] io::Error),
    /// An image has more blocks than a pack can name.
    #[error("the {image} image has {blocks} blocks, and a pack names up to 2^32")]
    TooLarge {
        /// Which image.
        image: Image,
        /// Its blocks.
        blocks: u64,
    },
    /// The leaves cannot be compared.
    #[error(transparent)]
    Leaves(#[from] verity::Error),
    /// The images have too little in common.
    #[error("the releases differ in more places than a pack can name")]
    TooManyRuns,
    /// The head cannot be written down.
    #[error("cannot write down the head of the pack")]
    Encode(#[source] postcard::Error),
    /// zstd refuses.
    #[error("cannot compress a piece: {0}")]
    Compress(&'static str),
    /// What was made would be refused by who reads it.
    #[error("the pack that was made is not consistent")]
    Inconsistent(#[from] crate::Error),
}

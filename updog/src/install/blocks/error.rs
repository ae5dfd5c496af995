//! Why blocks did not become the new set.

use std::io;

use manifest::Digest;
use pack::Image;
use thiserror::Error;
use verity::RootHash;

use crate::install::{CheckError, DecodeError};

/// Why blocks did not become the new set.
#[derive(Debug, Error)]
pub enum DeltaError {
    /// The target is not the one that was signed, or the disk does not take what is written.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Less arrived than was asked for.
    #[error("what was fetched ends too early")]
    Short,
    /// The index or a frame is refused.
    #[error(transparent)]
    Frames(#[from] frames::Error),
    /// A fetched block is not what the index says.
    #[error("block {block} of the fetched {image} image is not what the index says")]
    NewBlock {
        /// Which image.
        image: Image,
        /// Which block.
        block: u32,
    },
    /// Some blocks were to come from the disk and were not what they had to be.
    #[error(
        "the disk did not have what it was to give: {blocks} of its blocks are not what they had to be, or cannot be read"
    )]
    Holes {
        /// How many.
        blocks: u64,
    },
    /// The set that is written cannot be looked at.
    #[error("cannot open the set that is to be written")]
    OpenTarget(#[source] io::Error),
    /// What is there cannot be compared with what is wanted.
    #[error("what lies on the disk cannot be compared with the release")]
    Survey(#[source] verity::Error),
    /// The new set is not what the release says.
    #[error("the set was written and does not read back as released")]
    Check(#[from] CheckError),
    /// A thread of ours ended early.
    #[error("the reader stopped")]
    Stopped,
    /// The head or a piece is refused.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// The head is another than the manifest says.
    #[error("the head of the pack has SHA-256 {got}, the release says {expected}")]
    Head {
        /// Digest of what came.
        got: Digest,
        /// Digest that the manifest names.
        expected: Digest,
    },
    /// The pack is for a host that runs another release.
    #[error(
        "the pack is for hosts that run a release with the root hash {pack}, and this one runs {running}"
    )]
    OtherOld {
        /// Root hash of the old release in the pack.
        pack: RootHash,
        /// Root hash of the running set.
        running: RootHash,
    },
    /// The pack is from the right release, which has other images there.
    #[error(
        "the pack is for an old {image} image of {blocks} blocks, and the running set has none such"
    )]
    OldBlocks {
        /// Which image.
        image: Image,
        /// Its blocks, by the pack.
        blocks: u32,
    },
    /// It makes another release.
    #[error("it makes another release than the manifest says")]
    OtherNew,
    /// The running set's partitions cannot be opened.
    #[error("cannot open the running set")]
    Open(#[source] io::Error),
    /// The running set's tree does not hold.
    #[error("the tree of the running set cannot be used")]
    OldTree(#[source] verity::Error),
    /// The running set's tree has no block of its own.
    #[error("the tree of the running set covers one block only and names no root hash")]
    NoTree,
    /// A block of the running set cannot be read.
    #[error("cannot read the {image} image of the running set from block {block} on")]
    ReadOld {
        /// Which image.
        image: Image,
        /// The first block of those that were asked for.
        block: u32,
        /// The cause.
        source: io::Error,
    },
    /// A block of the running set is not what its tree says.
    #[error("block {block} of the running set's root image is not what its tree says")]
    OldBlock {
        /// Which block.
        block: u64,
    },
    /// What was written cannot be read again.
    #[error("cannot read the {image} image that is being written")]
    ReadNew {
        /// Which image.
        image: Image,
        /// The cause.
        source: io::Error,
    },
    /// The new tree cannot be made.
    #[error("the new tree cannot be made")]
    NewTree(#[source] verity::Error),
    /// The tree of what was written is another.
    #[error("what was made has the root hash {got}, the release says {expected}")]
    NewRoot {
        /// Root hash of what was written.
        got: RootHash,
        /// Root hash that the manifest names.
        expected: RootHash,
    },
}

impl DeltaError {
    /// Whether the disk that is written has failed, or the host, so that nothing else can be written to it either.
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::Decode(DecodeError::Write(_) | DecodeError::Thread(_))
            | Self::ReadNew { .. }
            | Self::OpenTarget(_) => true,
            Self::Check(error) => error.is_of_disk(),
            _ => false,
        }
    }

    /// Whether what was fetched is not what was published, so that another mirror may have better.
    pub(super) fn is_of_mirror(&self) -> bool {
        matches!(
            self,
            Self::Short
                | Self::Head { .. }
                | Self::NewBlock { .. }
                | Self::Frames(frames::Error::Frame(_) | frames::Error::RawLength { .. })
                | Self::Pack(pack::Error::Magic | pack::Error::CompressedDigest { .. })
        )
    }
}

//! Why there is no pack between two releases, or why there are no frames of one.

use cli::ByteCount;
use pack::make::MakeError;
use semver::Version;
use verity::{RootHash, Salt};

use crate::{Error, Result};

/// What keeps something from being made of a release: that it is not fit for it, or the world.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// The release is published without it.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Nothing is published.
    #[error(transparent)]
    Fault(#[from] Error),
}

impl Obstacle {
    /// Why there is nothing, in words, unless that is to end the run.
    pub(crate) fn reason(self) -> Result<String> {
        match self {
            Self::Unfit(unfit) => Ok(unfit.to_string()),
            Self::Fault(error) => Err(error),
        }
    }
}

/// Why hosts of one release take the images of another whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// The manifest has no contents for it, which packs and frames need.
    #[error("the manifest does not say what the images of {0} hold")]
    NoContents(Version),
    /// The repository has no such target.
    #[error("the repository's metadata does not list {0}")]
    Unlisted(String),
    /// A target's file that is missing, is another one or does not decompress.
    #[error("target {name} {reason}")]
    Target {
        /// Its name.
        name: String,
        /// What is wrong, in words.
        reason: String,
    },
    /// The hash image is no tree of the root hash that the manifest has.
    #[error("the tree of {release} cannot be used: {source}")]
    Tree {
        /// The release.
        release: Version,
        /// What is wrong.
        source: verity::Error,
    },
    /// A host could not make the hash image of the leaves.
    #[error("the tree of {0} does not give its hash image, or does not cover its root image")]
    OtherTree(Version),
    /// The digests of equal blocks differ.
    #[error("its dm-verity salt is {old}, not {new}: a pack needs two releases of one salt")]
    Salt {
        /// That of the release that hosts have.
        old: Salt,
        /// That of the release that is published.
        new: Salt,
    },
    /// A host takes the UUID of the tree that it has.
    #[error("the UUIDs of the two trees differ: a pack needs two releases of one UUID")]
    Uuid,
    /// Hosts know a pack by this root hash, and it is taken.
    #[error("its root hash {0} is that of another of these releases")]
    Same(RootHash),
    /// The releases have too little in common for the format.
    #[error("{0}")]
    Make(MakeError),
    /// The release has too many blocks for the format.
    #[error("{0}")]
    Frames(::frames::make::MakeError),
    /// It would save too little.
    #[error("a pack would have {}, and the images {}: it saves too little", ByteCount(*pack), ByteCount(*images))]
    TooLarge {
        /// Bytes of the pack.
        pack: u64,
        /// Bytes of the compressed images.
        images: u64,
    },
}

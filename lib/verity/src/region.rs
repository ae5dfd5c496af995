//! What the blocks of a region are, by whole digests or by prefixes.

use crate::{Digest, Leaves, Prefix};

/// The blocks of a region in order: one that is wanted, or what lies there now.
#[derive(Clone, Copy, Debug)]
pub enum Region<'a> {
    /// Whole digests: 32 bytes a block.
    Leaves(&'a Leaves),
    /// Prefixes: 8 bytes a block.
    Prefixes(&'a [Prefix]),
}

impl Region<'_> {
    /// A region of which nothing is known.
    pub const UNKNOWN: Self = Self::Prefixes(&[]);

    /// The number of blocks.
    pub fn blocks(&self) -> u64 {
        match self {
            Self::Leaves(leaves) => leaves.blocks().blocks(),
            Self::Prefixes(prefixes) => {
                u64::try_from(prefixes.len()).expect("memory is smaller than 2^64 bytes")
            }
        }
    }

    /// The prefix of one block; unknown after the last one.
    pub fn prefix(&self, block: u64) -> Prefix {
        match self {
            Self::Leaves(leaves) => Prefix::of(leaves.digest(block)),
            Self::Prefixes(prefixes) => {
                let index = usize::try_from(block).ok();
                index.and_then(|index| prefixes.get(index)).copied().unwrap_or(Prefix::UNKNOWN)
            }
        }
    }

    /// Whether a block is known to be the same in both: by whole digests if both have them.
    pub(crate) fn has_same(&self, block: u64, other: &Region<'_>) -> bool {
        let prefix = self.prefix(block);
        let equal = match (self, other) {
            (Self::Leaves(own), Region::Leaves(other)) => own.digest(block) == other.digest(block),
            _ => prefix == other.prefix(block),
        };
        equal && prefix.is_known()
    }

    /// Whether a block has this digest.
    pub(crate) fn is(&self, block: u64, digest: &Digest) -> bool {
        match self {
            Self::Leaves(leaves) => leaves.digest(block) == digest,
            Self::Prefixes(_) => self.prefix(block) == Prefix::of(digest),
        }
    }
}

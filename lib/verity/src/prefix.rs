//! The start of a digest, where whole digests take too much memory.

use crate::{Digest, Leaves};

/// The first eight bytes of a leaf digest.
///
/// Different blocks of honest images never share one in practice, and those that somebody made so only cost a wrong guess:
/// whoever copies a block by its prefix hashes it before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(u64);

impl Prefix {
    /// The prefix of [`Leaves::UNKNOWN`].
    pub const UNKNOWN: Self = Self(0);

    /// The prefix of a digest.
    pub fn of(digest: &Digest) -> Self {
        let (first, _) = digest.split_first_chunk().expect("a digest is longer than its prefix");
        Self(u64::from_be_bytes(*first))
    }

    /// The prefix of these bytes, as [`Prefix::to_bytes`] gives them.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// Its bytes: the first ones of the digest.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// Whether it is of a block that somebody knows.
    pub fn is_known(self) -> bool {
        self != Self::UNKNOWN
    }
}

// Both stand for the same blocks.
const _: () = assert!(matches!(Leaves::UNKNOWN, [0, 0, 0, 0, 0, 0, 0, 0, ..]));

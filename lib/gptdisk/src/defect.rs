//! Why a copy of the table is not taken.

use core::fmt;

use thiserror::Error;

/// What is wrong with a copy of the table. Numbers are blocks unless another unit is named.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Defect {
    /// The header does not start with the eight letters of one.
    #[error("there is no table header in block {0}")]
    Signature(u64),
    /// Only revision 1.0 exists.
    #[error("the header has the unknown revision {0:#010x}")]
    Revision(u32),
    /// A header is at least 92 bytes and at most a block long.
    #[error("the header says to be {0} bytes long")]
    HeaderSize(u32),
    /// The checksum of the header is not that of its bytes.
    #[error("the header's checksum is {stored:08x} and should be {computed:08x}")]
    HeaderChecksum {
        /// What the header says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The header was written for another place.
    #[error("the header in block {found} says to be in block {stated}")]
    Misplaced {
        /// Where it was found.
        found: u64,
        /// Where it says to be.
        stated: u64,
    },
    /// The header names a block of the disk as the other copy's which cannot be that.
    #[error("the header says that the other copy is in block {0}, which cannot be")]
    Alternate(u64),
    /// The disk ends before what the header describes.
    #[error("the disk has {blocks} blocks, but the header speaks of block {stated}")]
    DiskTooSmall {
        /// How many blocks there are.
        blocks: u64,
        /// The block that is beyond the end.
        stated: u64,
    },
    /// The blocks for partitions do not lie between the two copies.
    #[error("blocks {first} to {last} cannot be the usable ones")]
    UsableRange {
        /// The first usable block.
        first: u64,
        /// The last usable block.
        last: u64,
    },
    /// An entry is 128 to 4096 bytes, in steps of eight.
    #[error("entries of {0} bytes are not supported")]
    EntrySize(u32),
    /// There is at least one entry and no more than a table may reasonably have.
    #[error("{0} entries are not supported")]
    EntryCount(u32),
    /// The entries do not lie between their header and the usable blocks.
    #[error("the entries cannot lie in blocks {first} to {last}")]
    EntriesPlace {
        /// The first block of the entries.
        first: u64,
        /// The last block of the entries, or the largest number if that is beyond every disk.
        last: u64,
    },
    /// The checksum of the entries is not that of their bytes.
    #[error("the checksum of the entries is {computed:08x} and should be {stored:08x}")]
    EntriesChecksum {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// A partition is impossible.
    #[error("partition {index} {problem}")]
    Partition {
        /// Its number, from 1.
        index: u32,
        /// What is wrong with it.
        problem: EntryDefect,
    },
}

/// What is wrong with a partition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EntryDefect {
    /// It ends before it starts.
    #[error("starts in block {first} and ends before, in block {last}")]
    Reversed {
        /// Its first block.
        first: u64,
        /// Its last block.
        last: u64,
    },
    /// It leaves the usable blocks.
    #[error("has blocks {first} to {last}, which are not all usable")]
    Outside {
        /// Its first block.
        first: u64,
        /// Its last block.
        last: u64,
    },
    /// It shares blocks with another.
    #[error("overlaps partition {0}")]
    Overlaps(u32),
}

/// Why a copy cannot be used: it could not be read, or it is not right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault<E> {
    /// The disk failed.
    Unreadable(E),
    /// The bytes are there and are wrong.
    Invalid(Defect),
}

impl<E: fmt::Display> fmt::Display for Fault<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(out, "it cannot be read: {cause}"),
            Self::Invalid(defect) => fmt::Display::fmt(defect, out),
        }
    }
}

impl<E> From<Defect> for Fault<E> {
    fn from(defect: Defect) -> Self {
        Self::Invalid(defect)
    }
}

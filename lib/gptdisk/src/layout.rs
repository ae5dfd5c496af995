//! Which partition is which part of which set.

use alloc::vec::Vec;

use gptprio::SetId;
use thiserror::Error;

use crate::{Entry, PartType, Table};

/// A partition as a range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartRange {
    /// Its number in the table, from 1.
    pub index: u32,
    /// Its first byte on the disk.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// The partitions of one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLayout {
    /// The kernel image; its attributes hold the set's boot bits.
    pub boot: PartRange,
    /// The root filesystem.
    pub root: PartRange,
    /// The dm-verity tree of the root filesystem.
    pub hash: PartRange,
    /// Room for what may come.
    pub reserved: Option<PartRange>,
    /// The EFI system partition (set A) or its backup (set B).
    pub efi: Option<PartRange>,
}

impl SetLayout {
    /// The partitions that exist, each with its kind.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, PartRange)> {
        let parts = [
            ("efi", self.efi),
            ("boot", Some(self.boot)),
            ("root", Some(self.root)),
            ("hash", Some(self.hash)),
            ("reserved", self.reserved),
        ];
        parts.into_iter().filter_map(|(name, part)| Some((name, part?)))
    }
}

/// The partitions of a disk by what they are for.
///
/// The n-th partition of a type in table order belongs to set A (first) or B (second). Boot, root and hash must
/// be there once or twice, alike; private at most once. Partitions of other types are none of our business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    a: SetLayout,
    b: Option<SetLayout>,
    /// The settings data store; without it, nothing can remember that a boot has succeeded.
    pub private: Option<PartRange>,
    /// Everything else that a host stores; it may be on another disk, or be the first of several.
    pub data: Option<PartRange>,
}

/// Why the partitions of a disk do not make sets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// There is not even a part of a set.
    #[error("the disk has no boot, root or hash partition: it is not one of ours")]
    NoSets,
    /// A set lacks a part.
    #[error("set {set} has no {part} partition")]
    Missing {
        /// The set.
        set: SetId,
        /// The part that it lacks.
        part: PartType,
    },
    /// A part is there more often than there can be sets.
    #[error("the disk has {count} {part} partitions, and {most} can be told apart")]
    Doubled {
        /// The part.
        part: PartType,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}

impl Layout {
    /// Sorts the partitions of a table into sets.
    ///
    /// # Errors
    ///
    /// Fails if a part is missing or there is one too many, saying which.
    pub fn of(table: &Table) -> Result<Self, LayoutError> {
        let parts = Parts::of(table)?;
        let [a, b] = SetId::ALL.map(|set| parts.set(set));
        let b = if parts.any(1) { Some(b?) } else { None };
        if !parts.any(0) {
            return Err(LayoutError::NoSets);
        }
        Ok(Self {
            a: a?,
            b,
            private: parts.nth(PartType::Private, 0),
            data: parts.nth(PartType::Data, 0),
        })
    }

    /// The partitions of a set, if the disk has it.
    #[must_use]
    pub fn set(&self, set: SetId) -> Option<&SetLayout> {
        match set {
            SetId::A => Some(&self.a),
            SetId::B => self.b.as_ref(),
        }
    }

    /// The set that holds the partition with this number, if one does.
    #[must_use]
    pub fn set_of(&self, index: u32) -> Option<SetId> {
        SetId::ALL.into_iter().find(|set| {
            self.set(*set).is_some_and(|layout| layout.parts().any(|(_, part)| part.index == index))
        })
    }
}

/// The partitions of a table that are ours, in table order.
struct Parts(Vec<(PartType, PartRange)>);

impl Parts {
    fn of(table: &Table) -> Result<Self, LayoutError> {
        let ours = table.partitions().filter_map(|(index, entry)| {
            Some((PartType::of(entry.kind)?, range(table, index, &entry)))
        });
        let parts = Self(ours.collect());
        parts.check_counts()?;
        Ok(parts)
    }

    fn check_counts(&self) -> Result<(), LayoutError> {
        for part in PartType::ALL {
            let most = match part {
                PartType::Boot | PartType::Root | PartType::Hash | PartType::Reserved => 2,
                PartType::Private => 1,
                // Nothing here writes to these, and a disk may have more for its own ends.
                PartType::Data | PartType::EfiSystem | PartType::EfiBackup => usize::MAX,
            };
            let count = self.0.iter().filter(|(kind, _)| *kind == part).count();
            if count > most {
                return Err(LayoutError::Doubled { part, count, most });
            }
        }
        Ok(())
    }

    /// The n-th partition of a kind, from 0.
    fn nth(&self, part: PartType, n: usize) -> Option<PartRange> {
        self.0.iter().filter(|(kind, _)| *kind == part).map(|(_, range)| *range).nth(n)
    }

    /// Whether any required part of the n-th set exists, from 0.
    fn any(&self, n: usize) -> bool {
        [PartType::Boot, PartType::Root, PartType::Hash]
            .into_iter()
            .any(|part| self.nth(part, n).is_some())
    }

    fn set(&self, set: SetId) -> Result<SetLayout, LayoutError> {
        let (n, efi) = match set {
            SetId::A => (0, PartType::EfiSystem),
            SetId::B => (1, PartType::EfiBackup),
        };
        let required = |part| self.nth(part, n).ok_or(LayoutError::Missing { set, part });
        Ok(SetLayout {
            boot: required(PartType::Boot)?,
            root: required(PartType::Root)?,
            hash: required(PartType::Hash)?,
            reserved: self.nth(PartType::Reserved, n),
            efi: self.nth(efi, 0),
        })
    }
}

/// The bytes of a partition of a checked table: they lie on the disk, so the numbers fit.
fn range(table: &Table, index: u32, entry: &Entry) -> PartRange {
    let block = table.block_size().bytes();
    let blocks = entry.last - entry.first + 1;
    PartRange { index, start: entry.first * block, length: blocks * block }
}

//! A fresh table: the protective MBR and both copies.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use crate::block::{BlockIo, BlockSize};
use crate::entry::{Attributes, ENTRY_BYTES, Entry};
use crate::header::PRIMARY_BLOCK;
use crate::{Guid, Loaded, PartRange, Side, Table, WriteError};

/// Partitions start at multiples of this many bytes.
const ALIGNMENT: u64 = 1 << 20;

const ENTRY_COUNT: u32 = 128;
const ENTRY_SIZE: u32 = 128;

/// A partition to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPart {
    /// What it is for.
    pub kind: Guid,
    /// Its own identity; whoever makes the disk sees to it that it is unique.
    pub id: Guid,
    /// Its label, for people, at most 36 UTF-16 units.
    pub name: String,
    /// Its length in bytes, rounded up to the alignment; `None` for all that is left.
    pub length: Option<u64>,
    /// Its attribute bits.
    pub attributes: Attributes,
}

/// Why a table cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The disk cannot hold the table itself.
    #[error("a disk of {0} bytes is too small for a partition table, or too large")]
    Size(u64),
    /// A partition does not fit.
    #[error("partition {index} needs {needed} bytes and {left} are left")]
    NoRoom {
        /// Its number, from 1.
        index: u32,
        /// How many bytes it needs.
        needed: u64,
        /// How many are left.
        left: u64,
    },
    /// There is no entry left.
    #[error("a table has room for {ENTRY_COUNT} partitions")]
    TooMany,
    /// A partition cannot have no length, or no type.
    #[error("partition {0} has no length or no type")]
    Empty(u32),
    /// A label is too long.
    #[error("the label of partition {0} is longer than 36 UTF-16 units")]
    Name(u32),
}

/// A table in the making. Partitions are laid one after the other, each starting at a mebibyte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTable {
    table: Table,
    used: u32,
    /// The first byte that is not yet given to a partition.
    next: u64,
}

impl NewTable {
    /// An empty table for a disk of `length` bytes with the identity `disk`.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot hold the table.
    pub fn new(block_size: BlockSize, length: u64, disk: Guid) -> Result<Self, CreateError> {
        let entries = block_size.blocks_for(u64::from(ENTRY_COUNT * ENTRY_SIZE));
        let block_count = length / block_size.bytes();
        let first_usable = PRIMARY_BLOCK + 1 + entries;
        // Two headers, two rows of entries, the MBR, and at least one block to use.
        if block_count <= first_usable + entries + 1 || i64::try_from(length).is_err() {
            return Err(CreateError::Size(length));
        }
        let table = Table {
            block_size,
            block_count,
            disk,
            first_usable,
            last_usable: block_count - entries - 2,
            backup_block: block_count - 1,
            entry_count: ENTRY_COUNT,
            entry_size: ENTRY_SIZE,
            entries: vec![0; ENTRY_BYTES * 128],
        };
        Ok(Self { table, used: 0, next: ALIGNMENT })
    }

    /// Adds a partition behind those that are there.
    ///
    /// # Errors
    ///
    /// Fails if it does not fit, saying by how much; the table is then as before.
    pub fn add(&mut self, part: &NewPart) -> Result<PartRange, CreateError> {
        let index = self.used + 1;
        if index > ENTRY_COUNT {
            return Err(CreateError::TooMany);
        }
        let length = self.length_of(part, index)?;
        let range = PartRange { index, start: self.next, length };
        let entry = self.entry(part, range).ok_or(CreateError::Name(index))?;
        let slot =
            self.table.entries.chunks_exact_mut(ENTRY_BYTES).zip(1..).find(|(_, n)| *n == index);
        let (slot, _) = slot.ok_or(CreateError::TooMany)?;
        slot.copy_from_slice(&entry.serialise());
        self.used = index;
        self.next += length.next_multiple_of(ALIGNMENT);
        Ok(range)
    }

    /// The table as it stands.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Writes the protective MBR and both copies, the primary one last, and flushes. What was on the disk is lost.
    ///
    /// # Errors
    ///
    /// Fails if the disk is of another size or fails.
    pub fn write<I: BlockIo + ?Sized>(
        &self,
        io: &mut I,
    ) -> Result<Loaded<I::Error>, WriteError<I::Error>>
    where
        I::Error: fmt::Display,
    {
        use crate::load::Condition::Stale;
        let entries_blocks = (PRIMARY_BLOCK + 1, self.table.usual_backup_entries());
        let mut loaded = Loaded {
            table: self.table.clone(),
            primary: Stale,
            backup: Stale,
            authority: Side::Primary,
            entries_blocks,
        };
        loaded.write(io)?;
        io.write_blocks(0, &self.protective_mbr())
            .and_then(|()| io.flush())
            .map_err(|cause| WriteError::Io { side: Side::Primary, cause })?;
        Ok(loaded)
    }

    /// The bytes that a partition gets.
    fn length_of(&self, part: &NewPart, index: u32) -> Result<u64, CreateError> {
        let end = (self.table.last_usable + 1) * self.table.block_size.bytes();
        let left = end.saturating_sub(self.next);
        let needed = part.length.unwrap_or(left.max(self.table.block_size.bytes()));
        if needed == 0 || part.kind == Guid::UNUSED {
            return Err(CreateError::Empty(index));
        }
        let whole = needed.checked_next_multiple_of(self.table.block_size.bytes());
        // What fills the rest of the disk keeps to the blocks; everything else to the alignment, if there is room.
        let aligned = needed.checked_next_multiple_of(ALIGNMENT).filter(|length| *length <= left);
        match aligned.or(whole) {
            Some(length) if length <= left => Ok(length),
            _ => Err(CreateError::NoRoom { index, needed, left }),
        }
    }

    fn entry(&self, part: &NewPart, range: PartRange) -> Option<Entry> {
        let block = self.table.block_size.bytes();
        let first = range.start / block;
        let last = first + range.length / block - 1;
        Entry::unnamed(part.kind, part.id, first, last, part.attributes).named(&part.name)
    }

    /// One partition of type 0xEE over the whole disk (UEFI specification 2.10, section 5.2.3), so that tools which know no
    /// GPT take the disk for full.
    fn protective_mbr(&self) -> Vec<u8> {
        let mut block = vec![0; self.table.block_size.buffer_len()];
        let blocks = u32::try_from(self.table.block_count - 1).unwrap_or(u32::MAX);
        block[446..454].copy_from_slice(&[0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF]);
        block[454..458].copy_from_slice(&1_u32.to_le_bytes());
        block[458..462].copy_from_slice(&blocks.to_le_bytes());
        block[510..512].copy_from_slice(&[0x55, 0xAA]);
        block
    }
}

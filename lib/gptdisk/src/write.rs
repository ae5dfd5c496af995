//! The order of writes. It is decided here and nowhere else.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use crate::block::BlockIo;
use crate::header::{Header, PRIMARY_BLOCK};
use crate::load::{Condition, Loaded};
use crate::{Side, Table};

/// Why a table could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError<E: fmt::Display> {
    /// A copy has to be made anew and there is no room for its entries. Nothing was written.
    #[error("there is no room for the {0} copy of the partition table")]
    NoRoom(Side),
    /// The table belongs to a disk of another size. Nothing was written.
    #[error("the table is for a disk of {table} blocks and this one has {disk}")]
    OtherDisk {
        /// The blocks of the disk that the table is for.
        table: u64,
        /// The blocks of the disk that it was to be written to.
        disk: u64,
    },
    /// The disk failed while a copy was written; the other one is whole.
    #[error("cannot write the {side} copy of the partition table: {cause}")]
    Io {
        /// The copy that may be torn.
        side: Side,
        /// What the disk said.
        cause: E,
    },
}

impl<E: fmt::Display> Loaded<E> {
    /// Writes both copies, first the one that reading would not take, each followed by a flush.
    ///
    /// When it returns, both copies are on the medium and say what [`table`](Loaded::table) says. If power fails before, the
    /// disk says either that or what it said before, and one copy that says it is whole:
    ///
    /// | found | written first | until the flush counts | then counts |
    /// |---|---|---|---|
    /// | both good, or the backup stale or bad | backup | primary, old | primary, old; backup, new, while the primary is written |
    /// | primary bad | primary | backup, old (primary, new, once whole) | primary, new |
    ///
    /// # Errors
    ///
    /// Fails if a copy has no place, or if the disk fails. The same call may then be made again: it goes on from the copy that
    /// is whole.
    pub fn write<I: BlockIo<Error = E> + ?Sized>(
        &mut self,
        io: &mut I,
    ) -> Result<(), WriteError<E>> {
        self.check_places(io)?;
        for side in [self.authority.other(), self.authority] {
            *self.condition_mut(side) = Condition::Stale;
            let written = self.table.write_copy(io, side, self.entries_block(side));
            written.and_then(|()| io.flush()).map_err(|cause| WriteError::Io { side, cause })?;
            *self.condition_mut(side) = Condition::Good;
            self.authority = side;
        }
        self.authority = Side::Primary;
        Ok(())
    }

    /// The places were checked where a copy was read; where one is made anew, there may be no room.
    fn check_places<I: BlockIo + ?Sized>(&self, io: &I) -> Result<(), WriteError<E>> {
        let table = &self.table;
        if (table.block_size, table.block_count) != (io.block_size(), io.block_count()) {
            let (table, disk) = (table.block_count, io.block_count());
            return Err(WriteError::OtherDisk { table, disk });
        }
        let (primary, backup) = self.entries_blocks;
        if primary <= PRIMARY_BLOCK || primary + table.entries_blocks() > table.first_usable {
            return Err(WriteError::NoRoom(Side::Primary));
        }
        if backup <= table.last_usable || backup + table.entries_blocks() > table.backup_block {
            return Err(WriteError::NoRoom(Side::Backup));
        }
        Ok(())
    }

    fn condition_mut(&mut self, side: Side) -> &mut Condition<E> {
        match side {
            Side::Primary => &mut self.primary,
            Side::Backup => &mut self.backup,
        }
    }

    fn entries_block(&self, side: Side) -> u64 {
        match side {
            Side::Primary => self.entries_blocks.0,
            Side::Backup => self.entries_blocks.1,
        }
    }
}

impl Table {
    /// Writes the entries and the header of one copy, in any order: until both are whole the checksums do not hold.
    pub(crate) fn write_copy<I: BlockIo + ?Sized>(
        &self,
        io: &mut I,
        side: Side,
        entries_block: u64,
    ) -> Result<(), I::Error> {
        let header = self.header(side, entries_block);
        io.write_blocks(entries_block, &padded(&self.entries, self.block_size.buffer_len()))?;
        io.write_blocks(
            header.own_block,
            &padded(&header.serialise(), self.block_size.buffer_len()),
        )
    }

    /// The header of one copy.
    fn header(&self, side: Side, entries_block: u64) -> Header {
        let (own_block, other_block) = match side {
            Side::Primary => (PRIMARY_BLOCK, self.backup_block),
            Side::Backup => (self.backup_block, PRIMARY_BLOCK),
        };
        Header {
            own_block,
            other_block,
            first_usable: self.first_usable,
            last_usable: self.last_usable,
            disk: self.disk,
            entries_block,
            entry_count: self.entry_count,
            entry_size: self.entry_size,
            entries_checksum: crc32fast::hash(&self.entries),
        }
    }

    /// Where the backup entries of a new copy go: right before their header; block 0, which is never right, if there is no room.
    pub(crate) fn usual_backup_entries(&self) -> u64 {
        self.backup_block.saturating_sub(self.entries_blocks())
    }

    /// Whether the copies of both tables take the same room, so that the entries of one fit where the other's are.
    pub(crate) fn same_places(&self, other: &Self) -> bool {
        let places = |table: &Self| (table.entries_blocks(), table.first_usable, table.last_usable);
        places(self) == places(other)
    }
}

/// Bytes followed by zeros up to whole blocks.
fn padded(bytes: &[u8], block: usize) -> Vec<u8> {
    let mut blocks = vec![0; bytes.len().next_multiple_of(block)];
    blocks[..bytes.len()].copy_from_slice(bytes);
    blocks
}

//! What a valid table says, whichever copy said it.

use alloc::vec::Vec;
use core::fmt;

use crate::block::BlockSize;
use crate::entry::{ATTRIBUTES_OFFSET, Attributes, Entry};
use crate::header::Header;
use crate::{Defect, EntryDefect, Guid, Side};

/// The content of a table: validated, and valid whatever attributes are set in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    pub(crate) block_size: BlockSize,
    pub(crate) block_count: u64,
    pub(crate) disk: Guid,
    pub(crate) first_usable: u64,
    pub(crate) last_usable: u64,
    /// The block of the backup header.
    pub(crate) backup_block: u64,
    pub(crate) entry_count: u32,
    pub(crate) entry_size: u32,
    /// All entries, used or not, as on the disk.
    pub(crate) entries: Vec<u8>,
}

impl Table {
    /// Puts the parts of one copy together.
    pub(crate) fn assemble(
        header: &Header,
        side: Side,
        entries: Vec<u8>,
        block_size: BlockSize,
        block_count: u64,
    ) -> Result<Self, Defect> {
        let table = Self {
            block_size,
            block_count,
            disk: header.disk,
            first_usable: header.first_usable,
            last_usable: header.last_usable,
            backup_block: match side {
                Side::Primary => header.other_block,
                Side::Backup => header.own_block,
            },
            entry_count: header.entry_count,
            entry_size: header.entry_size,
            entries,
        };
        table.check_partitions()?;
        Ok(table)
    }

    /// The size of the disk's blocks.
    #[must_use]
    pub fn block_size(&self) -> BlockSize {
        self.block_size
    }

    /// The number of the disk's blocks.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.block_count
    }

    /// The identity of the disk.
    #[must_use]
    pub fn disk(&self) -> Guid {
        self.disk
    }

    /// The blocks that partitions may have, first and last.
    #[must_use]
    pub fn usable(&self) -> (u64, u64) {
        (self.first_usable, self.last_usable)
    }

    /// Whether the backup copy ends the disk, as it should; it does not on a disk that has grown.
    #[must_use]
    pub fn backup_is_last(&self) -> bool {
        self.backup_block + 1 == self.block_count
    }

    /// The partitions in table order, each with its number, from 1.
    pub fn partitions(&self) -> impl Iterator<Item = (u32, Entry)> {
        (1_u32..).zip(self.slots()).filter_map(|(index, slot)| Some((index, Entry::parse(slot)?)))
    }

    /// The partition with this number, from 1.
    #[must_use]
    pub fn partition(&self, index: u32) -> Option<Entry> {
        let slot = usize::try_from(index.checked_sub(1)?).ok()?;
        Entry::parse(self.slots().nth(slot)?)
    }

    /// Sets the attributes of a partition; `false` if there is none with this number.
    #[must_use = "nothing is set where there is no such partition"]
    pub fn set_attributes(&mut self, index: u32, attributes: Attributes) -> bool {
        let size = self.slot_size();
        let slot = index.checked_sub(1).and_then(|slot| usize::try_from(slot).ok());
        let slot = slot.and_then(|slot| self.entries.chunks_exact_mut(size).nth(slot));
        match slot {
            Some(slot) if Entry::parse(slot).is_some() => {
                let place = ATTRIBUTES_OFFSET..ATTRIBUTES_OFFSET + 8;
                slot[place].copy_from_slice(&attributes.to_le_bytes());
                true
            }
            _ => false,
        }
    }

    /// How many blocks the entries of one copy take.
    pub(crate) fn entries_blocks(&self) -> u64 {
        self.block_size.blocks_for(u64::from(self.entry_count) * u64::from(self.entry_size))
    }

    fn slots(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.chunks_exact(self.slot_size())
    }

    fn slot_size(&self) -> usize {
        usize::try_from(self.entry_size).expect("a checked entry size is at most 4096")
    }

    /// Every partition lies in the usable blocks and shares none with another.
    fn check_partitions(&self) -> Result<(), Defect> {
        let mut ranges = Vec::new();
        for (index, Entry { first, last, .. }) in self.partitions() {
            self.check_range(first, last)
                .map_err(|problem| Defect::Partition { index, problem })?;
            ranges.push((first, last, index));
        }
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            let ((_, last, before), (first, _, index)) = (pair[0], pair[1]);
            if first <= last {
                return Err(Defect::Partition { index, problem: EntryDefect::Overlaps(before) });
            }
        }
        Ok(())
    }

    fn check_range(&self, first: u64, last: u64) -> Result<(), EntryDefect> {
        if first > last {
            return Err(EntryDefect::Reversed { first, last });
        }
        if first < self.first_usable || last > self.last_usable {
            return Err(EntryDefect::Outside { first, last });
        }
        Ok(())
    }
}

impl fmt::Debug for Table {
    /// Leaves the kilobytes of unused entries out.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Table")
            .field("disk", &self.disk)
            .field("blocks", &self.block_count)
            .field("usable", &self.usable())
            .field("backup_block", &self.backup_block)
            .field("partitions", &self.partitions().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

//! The header of one copy (UEFI specification 2.10, table 5-5) and everything that is asked of it.

use crate::block::BlockSize;
use crate::fields::Fields;
use crate::{Defect, Guid, Side};

/// The largest entry that is read, in bytes.
pub const MAX_ENTRY_SIZE: u32 = 4096;

/// The largest number of entries that is read.
pub const MAX_ENTRY_COUNT: u32 = 4096;

/// The most memory that the entries of one copy may take, in bytes.
pub const MAX_ENTRIES_BYTES: u64 = 1 << 20;

const SIGNATURE: [u8; 8] = *b"EFI PART";
const REVISION: u32 = 0x0001_0000;

/// The bytes of a header that the standard defines.
const HEADER_BYTES: usize = 92;
const HEADER_SIZE: u32 = 92;

/// Where the header's own checksum lies in it.
const CHECKSUM: core::ops::Range<usize> = 16..20;

/// The block of the primary header.
pub(crate) const PRIMARY_BLOCK: u64 = 1;

/// The fields of a header that say something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) own_block: u64,
    pub(crate) other_block: u64,
    pub(crate) first_usable: u64,
    pub(crate) last_usable: u64,
    pub(crate) disk: Guid,
    pub(crate) entries_block: u64,
    pub(crate) entry_count: u32,
    pub(crate) entry_size: u32,
    pub(crate) entries_checksum: u32,
}

impl Header {
    /// Reads a header whose checksum holds from the block that it was found in. What its fields *say* is not yet checked.
    pub(crate) fn parse(block: &[u8], found: u64) -> Result<Self, Defect> {
        let mut fields = Fields(block);
        if fields.bytes() != SIGNATURE {
            return Err(Defect::Signature(found));
        }
        let (revision, size) = (fields.u32(), fields.u32());
        if revision != REVISION {
            return Err(Defect::Revision(revision));
        }
        check_checksum(block, size)?;
        let (_checksum, _reserved) = (fields.u32(), fields.u32());
        Ok(Self {
            own_block: fields.u64(),
            other_block: fields.u64(),
            first_usable: fields.u64(),
            last_usable: fields.u64(),
            disk: Guid::from_disk(fields.bytes()),
            entries_block: fields.u64(),
            entry_count: fields.u32(),
            entry_size: fields.u32(),
            entries_checksum: fields.u32(),
        })
    }

    /// The first 92 bytes of the header's block; the rest of it is zero.
    pub(crate) fn serialise(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&SIGNATURE);
        bytes[8..12].copy_from_slice(&REVISION.to_le_bytes());
        bytes[12..16].copy_from_slice(&HEADER_SIZE.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.own_block.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.other_block.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first_usable.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.last_usable.to_le_bytes());
        bytes[56..72].copy_from_slice(&self.disk.to_disk());
        bytes[72..80].copy_from_slice(&self.entries_block.to_le_bytes());
        bytes[80..84].copy_from_slice(&self.entry_count.to_le_bytes());
        bytes[84..88].copy_from_slice(&self.entry_size.to_le_bytes());
        bytes[88..92].copy_from_slice(&self.entries_checksum.to_le_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Checks everything that the fields say against the place of the header and the size of the disk.
    pub(crate) fn check(
        &self,
        side: Side,
        found: u64,
        size: BlockSize,
        count: u64,
    ) -> Result<(), Defect> {
        if self.own_block != found {
            return Err(Defect::Misplaced { found, stated: self.own_block });
        }
        self.check_usable(side, count)?;
        self.check_entry_shape()?;
        self.check_entries_place(side, size)
    }

    /// The length of the entries in bytes; at most [`MAX_ENTRIES_BYTES`] in a checked header.
    pub(crate) fn entries_bytes(&self) -> u64 {
        u64::from(self.entry_count) * u64::from(self.entry_size)
    }

    /// The block of the backup header.
    fn backup_block(&self, side: Side) -> u64 {
        match side {
            Side::Primary => self.other_block,
            Side::Backup => self.own_block,
        }
    }

    /// The copies enclose the usable blocks, and all of it is on the disk.
    fn check_usable(&self, side: Side, count: u64) -> Result<(), Defect> {
        if side == Side::Backup && self.other_block != PRIMARY_BLOCK {
            return Err(Defect::Alternate(self.other_block));
        }
        let backup = self.backup_block(side);
        for stated in [backup, self.last_usable] {
            if stated >= count {
                return Err(Defect::DiskTooSmall { blocks: count, stated });
            }
        }
        if backup <= PRIMARY_BLOCK {
            return Err(Defect::Alternate(backup));
        }
        let (first, last) = (self.first_usable, self.last_usable);
        if first <= PRIMARY_BLOCK || first > last || last >= backup {
            return Err(Defect::UsableRange { first, last });
        }
        Ok(())
    }

    fn check_entry_shape(&self) -> Result<(), Defect> {
        let size = self.entry_size;
        if !(128..=MAX_ENTRY_SIZE).contains(&size) || !size.is_multiple_of(8) {
            return Err(Defect::EntrySize(size));
        }
        if !(1..=MAX_ENTRY_COUNT).contains(&self.entry_count)
            || self.entries_bytes() > MAX_ENTRIES_BYTES
        {
            return Err(Defect::EntryCount(self.entry_count));
        }
        Ok(())
    }

    /// The entries lie between their header and the usable blocks, so that the copies share no block.
    fn check_entries_place(&self, side: Side, size: BlockSize) -> Result<(), Defect> {
        let first = self.entries_block;
        let last = first.saturating_add(size.blocks_for(self.entries_bytes()) - 1);
        let fits = match side {
            Side::Primary => first > PRIMARY_BLOCK && last < self.first_usable,
            Side::Backup => first > self.last_usable && last < self.own_block,
        };
        if fits { Ok(()) } else { Err(Defect::EntriesPlace { first, last }) }
    }
}

/// Checks a header's checksum over as many bytes as it says to have.
fn check_checksum(block: &[u8], size: u32) -> Result<(), Defect> {
    let length = usize::try_from(size).map_err(|_| Defect::HeaderSize(size))?;
    if length < HEADER_BYTES || length > block.len() {
        return Err(Defect::HeaderSize(size));
    }
    let stored = Fields(&block[CHECKSUM]).u32();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..CHECKSUM.start]);
    hasher.update(&[0; 4]);
    hasher.update(&block[CHECKSUM.end..length]);
    let computed = hasher.finalize();
    if stored == computed { Ok(()) } else { Err(Defect::HeaderChecksum { stored, computed }) }
}

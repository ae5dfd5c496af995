//! Reading both copies and deciding which one counts.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use crate::block::{BlockIo, BlockSize};
use crate::header::{Header, PRIMARY_BLOCK};
use crate::{Defect, Fault, Side, Table};

/// The state in which a copy was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition<E> {
    /// Valid, and it says what the table says.
    Good,
    /// Valid, but it says something else: a write was cut between the copies.
    Stale,
    /// Not valid.
    Bad(Fault<E>),
}

impl<E: fmt::Display> fmt::Display for Condition<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => out.write_str("good"),
            Self::Stale => out.write_str("valid, but not the same as the other copy"),
            Self::Bad(fault) => write!(out, "bad: {fault}"),
        }
    }
}

/// Why no table could be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError<E: fmt::Display> {
    /// No disk is that small or that large.
    #[error("a disk of {blocks} blocks of {block_bytes} bytes cannot hold a partition table")]
    Size {
        /// How many blocks there are.
        blocks: u64,
        /// Bytes a block.
        block_bytes: u64,
    },
    /// Neither copy is valid.
    #[error("no valid partition table: in the primary copy {primary}; in the backup copy {backup}")]
    NoValidCopy {
        /// What is wrong with the copy at the start.
        primary: Fault<E>,
        /// What is wrong with the copy at the end.
        backup: Fault<E>,
    },
}

/// A table as it was read, with the condition of both copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<E> {
    pub(crate) table: Table,
    pub(crate) primary: Condition<E>,
    pub(crate) backup: Condition<E>,
    /// The copy that reading takes, and so the last to be overwritten.
    pub(crate) authority: Side,
    /// The first block of the primary and of the backup entries.
    pub(crate) entries_blocks: (u64, u64),
}

impl<E: fmt::Display> Loaded<E> {
    /// Reads and validates both copies; the primary one counts if it is valid, else the backup one.
    ///
    /// # Errors
    ///
    /// Fails if neither is, saying what is wrong with each. A copy that cannot be read counts as bad.
    pub fn read<I: BlockIo<Error = E> + ?Sized>(io: &mut I) -> Result<Self, ReadError<E>> {
        let (size, count) = (io.block_size(), io.block_count());
        if count <= PRIMARY_BLOCK + 1
            || i64::try_from(u128::from(count) * u128::from(size.bytes())).is_err()
        {
            return Err(ReadError::Size { blocks: count, block_bytes: size.bytes() });
        }
        let header = read_header(io, PRIMARY_BLOCK);
        let backup_block = expected_backup(header.as_ref().ok(), count);
        let primary = header.and_then(|header| read_copy(io, header, Side::Primary, PRIMARY_BLOCK));
        let backup = read_header(io, backup_block)
            .and_then(|header| read_copy(io, header, Side::Backup, backup_block));
        Self::decide(primary, backup)
    }

    fn decide(
        primary: Result<ValidCopy, Fault<E>>,
        backup: Result<ValidCopy, Fault<E>>,
    ) -> Result<Self, ReadError<E>> {
        let copies = match (primary, backup) {
            (Ok(primary), Ok(backup)) => {
                let same = primary.table == backup.table;
                let condition = if same { Condition::Good } else { Condition::Stale };
                let entries_blocks = if primary.table.same_places(&backup.table) {
                    (primary.entries_block, backup.entries_block)
                } else {
                    (primary.entries_block, primary.table.usual_backup_entries())
                };
                (primary.table, Condition::Good, condition, Side::Primary, entries_blocks)
            }
            (Ok(ValidCopy { table, entries_block }), Err(fault)) => {
                let places = (entries_block, table.usual_backup_entries());
                (table, Condition::Good, Condition::Bad(fault), Side::Primary, places)
            }
            (Err(fault), Ok(ValidCopy { table, entries_block })) => {
                let places = (PRIMARY_BLOCK + 1, entries_block);
                (table, Condition::Bad(fault), Condition::Good, Side::Backup, places)
            }
            (Err(primary), Err(backup)) => return Err(ReadError::NoValidCopy { primary, backup }),
        };
        let (table, primary, backup, authority, entries_blocks) = copies;
        Ok(Self { table, primary, backup, authority, entries_blocks })
    }
}

impl<E> Loaded<E> {
    /// What the table says.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// What the table says, to be changed; nothing reaches the disk before [`write`](Self::write).
    pub fn table_mut(&mut self) -> &mut Table {
        &mut self.table
    }

    /// The condition of a copy when it was read or last written.
    #[must_use]
    pub fn condition(&self, side: Side) -> &Condition<E> {
        match side {
            Side::Primary => &self.primary,
            Side::Backup => &self.backup,
        }
    }

    /// Forgets what is known of the copies, for instance because the disk did not give back what was written. The order of the
    /// next write stays right.
    pub fn distrust(&mut self) {
        self.primary = Condition::Stale;
        self.backup = Condition::Stale;
    }

    /// Whether both copies are valid and say the same.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!((&self.primary, &self.backup), (Condition::Good, Condition::Good))
    }

    /// The copy that the table was taken from.
    #[must_use]
    pub fn authority(&self) -> Side {
        self.authority
    }
}

/// One copy that holds in every respect.
struct ValidCopy {
    table: Table,
    entries_block: u64,
}

/// Where the backup header should be: where an intact primary header says, else in the last block.
fn expected_backup(primary: Option<&Header>, count: u64) -> u64 {
    let stated = primary.map(|header| header.other_block);
    stated.filter(|block| *block > PRIMARY_BLOCK && *block < count).unwrap_or(count - 1)
}

fn read_header<I: BlockIo + ?Sized>(io: &mut I, block: u64) -> Result<Header, Fault<I::Error>> {
    let bytes = read(io, block, 1)?;
    Ok(Header::parse(&bytes, block)?)
}

/// Checks a header and reads the entries that it speaks of.
fn read_copy<I: BlockIo + ?Sized>(
    io: &mut I,
    header: Header,
    side: Side,
    found: u64,
) -> Result<ValidCopy, Fault<I::Error>> {
    let (size, count) = (io.block_size(), io.block_count());
    header.check(side, found, size, count)?;
    let entries = read_entries(io, &header, size)?;
    check_entries_checksum(&header, &entries)?;
    let table = Table::assemble(&header, side, entries, size, count)?;
    Ok(ValidCopy { table, entries_block: header.entries_block })
}

/// Reads the entries of a checked header, so at most [`crate::MAX_ENTRIES_BYTES`].
fn read_entries<I: BlockIo + ?Sized>(
    io: &mut I,
    header: &Header,
    size: BlockSize,
) -> Result<Vec<u8>, Fault<I::Error>> {
    let bytes = header.entries_bytes();
    let mut entries = read(io, header.entries_block, size.blocks_for(bytes))?;
    entries.truncate(usize::try_from(bytes).expect("checked entries take at most a mebibyte"));
    Ok(entries)
}

fn check_entries_checksum(header: &Header, entries: &[u8]) -> Result<(), Defect> {
    let (stored, computed) = (header.entries_checksum, crc32fast::hash(entries));
    if stored == computed { Ok(()) } else { Err(Defect::EntriesChecksum { stored, computed }) }
}

/// Reads a small number of blocks.
fn read<I: BlockIo + ?Sized>(
    io: &mut I,
    first: u64,
    blocks: u64,
) -> Result<Vec<u8>, Fault<I::Error>> {
    let blocks = usize::try_from(blocks).expect("a copy is a few blocks");
    let mut bytes = vec![0; blocks * io.block_size().buffer_len()];
    io.read_blocks(first, &mut bytes).map_err(Fault::Unreadable)?;
    Ok(bytes)
}

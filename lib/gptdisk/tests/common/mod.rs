//! A disk in memory that records what is done to it.

#![allow(dead_code)]

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use gptdisk::{BlockIo, BlockSize, Guid, Loaded, NewPart, NewTable, PartType, Table};

/// One thing that was done to a disk.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write { offset: usize, data: Vec<u8> },
    Flush,
}

/// What a disk says when it is told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the disk is broken")
    }
}

impl Error for Broken {}

impl From<Infallible> for Broken {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A disk in memory.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) size: BlockSize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) log: Vec<Op>,
    /// After how many writes and flushes each further one fails.
    pub(crate) works_for: usize,
    /// Blocks that cannot be read.
    pub(crate) unreadable: Vec<u64>,
    /// The largest read so far, in bytes.
    pub(crate) largest_read: usize,
}

impl Memory {
    pub(crate) fn new(size: BlockSize, bytes: Vec<u8>) -> Self {
        let (log, unreadable) = (Vec::new(), Vec::new());
        Self { size, bytes, log, works_for: usize::MAX, unreadable, largest_read: 0 }
    }

    pub(crate) fn zeroed(size: BlockSize, length: usize) -> Self {
        Self::new(size, vec![0; length])
    }

    pub(crate) fn load(&mut self) -> Loaded<Broken> {
        Loaded::read(self).expect("the disk has a valid table")
    }

    /// Where a block starts.
    pub(crate) fn at(&self, block: u64) -> usize {
        usize::try_from(block).expect("test disks are small") * self.size.buffer_len()
    }

    fn spend(&mut self, op: Op) -> Result<(), Broken> {
        if self.log.len() >= self.works_for {
            return Err(Broken);
        }
        self.log.push(op);
        Ok(())
    }
}

impl BlockIo for Memory {
    type Error = Broken;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        u64::try_from(self.bytes.len() / self.size.buffer_len()).expect("test disks are small")
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Broken> {
        self.largest_read = self.largest_read.max(buffer.len());
        let end = first + u64::try_from(buffer.len() / self.size.buffer_len()).expect("small");
        if self.unreadable.iter().any(|block| (first..end).contains(block)) {
            return Err(Broken);
        }
        let start = self.at(first);
        buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
        Ok(())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Broken> {
        assert!(data.len().is_multiple_of(self.size.buffer_len()), "whole blocks only");
        let offset = self.at(first);
        self.spend(Op::Write { offset, data: data.to_vec() })?;
        self.bytes[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Broken> {
        self.spend(Op::Flush)
    }
}

/// The length of the disks here: two mebibytes for each of the seven partitions, and the tables.
pub(crate) const LENGTH: usize = 12 << 20;

/// A partition of one mebibyte.
pub(crate) fn part(kind: PartType, number: u8) -> NewPart {
    NewPart {
        kind: kind.guid(),
        id: Guid::from_disk([number; 16]),
        name: format!("{kind} {number}"),
        length: Some(1 << 20),
        attributes: 0,
    }
}

/// A new table with two sets, private and data.
pub(crate) fn two_sets(size: BlockSize, length: usize) -> NewTable {
    use PartType::{Boot, Data, Hash, Private, Root};
    let length = u64::try_from(length).expect("test disks are small");
    let mut table =
        NewTable::new(size, length, Guid::from_disk([0xD1; 16])).expect("it is large enough");
    for (number, kind) in (1..).zip([Boot, Root, Hash, Boot, Root, Hash, Private]) {
        table.add(&part(kind, number)).expect("there is room");
    }
    table.add(&NewPart { length: None, ..part(Data, 8) }).expect("there is room");
    table
}

/// A disk with two sets.
pub(crate) fn disk(size: BlockSize) -> Memory {
    let mut disk = Memory::zeroed(size, LENGTH);
    two_sets(size, LENGTH).write(&mut disk).expect("memory does not fail");
    disk.log.clear();
    disk
}

/// The table with the boot bits of both sets and the private bit set to something else.
pub(crate) fn changed(table: &Table) -> Table {
    let mut table = table.clone();
    for index in [1, 4, 7] {
        let old = table.partition(index).expect("it exists").attributes;
        assert!(table.set_attributes(index, old ^ 0x0175_0000_0000_0000));
    }
    table
}

/// Writes a header's checksum anew, after a field of it was changed.
pub(crate) fn sign_header(block: &mut [u8]) {
    let size = u32::from_le_bytes(block[12..16].try_into().expect("four bytes"));
    let size = usize::try_from(size).expect("it fits").min(block.len()).max(20);
    block[16..20].fill(0);
    let checksum = crc32fast::hash(&block[..size]);
    block[16..20].copy_from_slice(&checksum.to_le_bytes());
}

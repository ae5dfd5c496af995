//! A disk in memory whose partition tables come from an input.

use std::fmt;

use gptdisk::{BlockIo, BlockSize};

use crate::input::Input;

/// Bytes of a header.
const HEADER: usize = 92;

/// What a disk says when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the disk is broken")
    }
}

impl std::error::Error for Broken {}

/// A disk.
#[derive(Clone, Debug)]
pub struct Disk {
    size: BlockSize,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// After how many writes and flushes it fails.
    pub works_for: usize,
    /// Writes and flushes so far.
    pub done: usize,
    /// The longest read so far, in bytes.
    pub longest_read: usize,
}

/// What an input says of its disk, in its first four bytes.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    flags: u8,
    blocks: u16,
    /// For whoever wants it.
    pub spare: u8,
}

impl Plan {
    /// The next plan.
    pub fn read(input: &mut Input<'_>) -> Self {
        Self { flags: input.byte(), blocks: input.short(), spare: input.byte() }
    }

    /// Its bytes at the front of an input.
    pub fn bytes(size: BlockSize, blocks: u16) -> [u8; 4] {
        let flags = if size == BlockSize::B4096 { 1 } else { 0 };
        let [low, high] = blocks.to_le_bytes();
        [flags, low, high, 0]
    }

    fn size(self) -> BlockSize {
        if self.flags & 1 == 0 { BlockSize::B512 } else { BlockSize::B4096 }
    }

    /// Whether checksums are left as the input has them.
    fn keeps_checksums(self) -> bool {
        self.flags & 2 != 0
    }

    /// Whether the backup copy is the primary one, but for its places.
    fn mirrors(self) -> bool {
        self.flags & 4 == 0
    }

    fn blocks(self) -> usize {
        let most = if self.size() == BlockSize::B512 { 256 } else { 40 };
        usize::from(self.blocks) % most
    }
}

impl Disk {
    /// A disk by a plan: header, entries, and if the plan says so another header and other entries for the backup copy.
    pub fn new(plan: Plan, input: &mut Input<'_>, entries: usize) -> Self {
        let (size, block) = (plan.size(), plan.size().buffer_len());
        let bytes = vec![0; plan.blocks() * block];
        let mut disk = Self { size, bytes, works_for: usize::MAX, done: 0, longest_read: 0 };
        let (header, table) = (input.array(), input.bytes(entries));
        disk.put_copy(plan, 1, header, table);
        let backup = field(&header, 32, 8);
        let (mut header, table) =
            if plan.mirrors() { (header, table) } else { (input.array(), input.bytes(entries)) };
        if plan.mirrors() {
            let blocks = table.len().div_ceil(block) as u64;
            header[24..32].copy_from_slice(&backup.to_le_bytes());
            header[32..40].copy_from_slice(&1_u64.to_le_bytes());
            header[72..80].copy_from_slice(&backup.wrapping_sub(blocks).to_le_bytes());
        }
        disk.put_copy(plan, backup, header, table);
        disk
    }

    /// Puts a copy to its places, as far as those exist, and makes its checksums right.
    fn put_copy(&mut self, plan: Plan, place: u64, mut header: [u8; HEADER], table: &[u8]) {
        let first = field(&header, 72, 8);
        self.put(first, table);
        if !plan.keeps_checksums() {
            header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5C\0\0\0");
            let length = field(&header, 80, 4) * field(&header, 84, 4);
            if let Some(entries) = self.range(first, length) {
                let sum = crc32fast::hash(&self.bytes[entries]);
                header[88..92].copy_from_slice(&sum.to_le_bytes());
            }
            header[16..20].fill(0);
            let sum = crc32fast::hash(&header);
            header[16..20].copy_from_slice(&sum.to_le_bytes());
        }
        self.put(place, &header);
    }

    /// Puts bytes to a block, as many as there is room for.
    pub fn put(&mut self, block: u64, bytes: &[u8]) {
        let start =
            usize::try_from(block).ok().and_then(|block| block.checked_mul(self.size.buffer_len()));
        let Some(room) = start.and_then(|start| self.bytes.get_mut(start..)) else { return };
        let length = bytes.len().min(room.len());
        room[..length].copy_from_slice(&bytes[..length]);
    }

    fn range(&self, block: u64, length: u64) -> Option<std::ops::Range<usize>> {
        let start = block.checked_mul(self.size.bytes())?;
        let end = start.checked_add(length)?;
        let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        (range.end <= self.bytes.len()).then_some(range)
    }

    fn spend(&mut self) -> Result<(), Broken> {
        if self.done >= self.works_for {
            return Err(Broken);
        }
        self.done += 1;
        Ok(())
    }
}

/// A little-endian number of a header.
fn field(header: &[u8; HEADER], offset: usize, length: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes[..length].copy_from_slice(&header[offset..offset + length]);
    u64::from_le_bytes(bytes)
}

impl BlockIo for Disk {
    type Error = Broken;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        (self.bytes.len() / self.size.buffer_len()) as u64
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Broken> {
        self.longest_read = self.longest_read.max(buffer.len());
        let range = self.range(first, buffer.len() as u64).expect("blocks of the disk are read");
        buffer.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Broken> {
        assert!(data.len().is_multiple_of(self.size.buffer_len()), "whole blocks are written");
        let range = self.range(first, data.len() as u64).expect("blocks of the disk are written");
        self.spend()?;
        self.bytes[range].copy_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Broken> {
        self.spend()
    }
}

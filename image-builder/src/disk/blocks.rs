//! A file as a row of blocks.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use gptdisk::{BlockIo, BlockSize};

/// A file that a partition table is in.
#[derive(Debug)]
pub(crate) struct FileBlocks<'a> {
    file: &'a File,
    length: u64,
    size: BlockSize,
}

impl<'a> FileBlocks<'a> {
    pub(crate) fn new(file: &'a File, length: u64, size: BlockSize) -> Self {
        Self { file, length, size }
    }

    fn offset(&self, block: u64) -> io::Result<u64> {
        block.checked_mul(self.size.bytes()).ok_or(io::ErrorKind::InvalidInput.into())
    }
}

impl BlockIo for FileBlocks<'_> {
    type Error = io::Error;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        self.length / self.size.bytes()
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, self.offset(first)?)
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, self.offset(first)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

//! A disk that can only be read: this program has no way to write one.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use gptdisk::{BlockIo, BlockSize};

/// The blocks of an open disk.
#[derive(Debug)]
pub(crate) struct ReadOnly<'a> {
    file: &'a File,
    size: BlockSize,
    count: u64,
}

impl<'a> ReadOnly<'a> {
    /// The blocks of a disk of `length` bytes.
    pub(crate) fn new(file: &'a File, size: BlockSize, length: u64) -> Self {
        Self { file, size, count: length / size.bytes() }
    }
}

impl BlockIo for ReadOnly<'_> {
    type Error = io::Error;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        self.count
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> io::Result<()> {
        let offset = first.checked_mul(self.size.bytes()).ok_or(ErrorKind::InvalidInput)?;
        self.file.read_exact_at(buffer, offset)
    }

    fn write_blocks(&mut self, _first: u64, _data: &[u8]) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! A file or device as the blocks that `gptdisk` works on.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use gptdisk::{BlockIo, BlockSize};

use crate::uncached::Uncached;

/// Where reads come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The page cache, which may hold what never reached the medium.
    Cache,
    /// The medium.
    Medium(Uncached),
}

/// The blocks of an open disk.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    pub(crate) file: &'a File,
    pub(crate) source: &'a Source,
    pub(crate) size: BlockSize,
    pub(crate) count: u64,
}

impl<'a> Blocks<'a> {
    /// The blocks of a file of `length` bytes; what is left over at its end is no block.
    pub(crate) fn new(file: &'a File, source: &'a Source, size: BlockSize, length: u64) -> Self {
        Self { file, source, size, count: length / size.bytes() }
    }

    fn offset(&self, block: u64) -> io::Result<u64> {
        block.checked_mul(self.size.bytes()).ok_or(io::ErrorKind::InvalidInput.into())
    }
}

impl BlockIo for Blocks<'_> {
    type Error = io::Error;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        self.count
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> io::Result<()> {
        let offset = self.offset(first)?;
        match self.source {
            Source::Cache => self.file.read_exact_at(buffer, offset),
            Source::Medium(medium) => medium.read_exact_at(buffer, offset),
        }
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, self.offset(first)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

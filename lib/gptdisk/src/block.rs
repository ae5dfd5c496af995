//! Where blocks come from and go to.

use core::error::Error;

/// The size of the blocks in which a disk is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockSize {
    /// 512 bytes.
    B512,
    /// 4096 bytes.
    B4096,
}

impl BlockSize {
    /// Both sizes.
    pub const ALL: [Self; 2] = [Self::B512, Self::B4096];

    /// The size with this number of bytes; `None` for one that is not supported.
    #[must_use]
    pub const fn new(bytes: u32) -> Option<Self> {
        match bytes {
            512 => Some(Self::B512),
            4096 => Some(Self::B4096),
            _ => None,
        }
    }

    /// Bytes a block, for lengths on a disk.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::B512 => 512,
            Self::B4096 => 4096,
        }
    }

    /// Bytes a block, for lengths in memory.
    #[must_use]
    pub const fn buffer_len(self) -> usize {
        match self {
            Self::B512 => 512,
            Self::B4096 => 4096,
        }
    }

    /// How many whole blocks hold this many bytes.
    pub(crate) const fn blocks_for(self, bytes: u64) -> u64 {
        bytes.div_ceil(self.bytes())
    }
}

/// A disk as a row of blocks.
///
/// Buffers are always a whole number of blocks long, and the blocks lie within [`block_count`](Self::block_count).
pub trait BlockIo {
    /// What can go wrong below.
    type Error: Error + 'static;

    /// The size of the blocks.
    fn block_size(&self) -> BlockSize;

    /// The number of blocks of the disk.
    fn block_count(&self) -> u64;

    /// Fills `buffer` from the blocks that start with `first`.
    ///
    /// # Errors
    ///
    /// Fails if any byte could not be read.
    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes `data` to the blocks that start with `first`. Until [`flush`](Self::flush) returned, any part of it may be lost.
    ///
    /// # Errors
    ///
    /// Fails if any byte could not be written; some of them may have been.
    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Self::Error>;

    /// Returns when everything written before is on the medium.
    ///
    /// # Errors
    ///
    /// Fails if that is not certain.
    fn flush(&mut self) -> Result<(), Self::Error>;
}

impl<T: BlockIo + ?Sized> BlockIo for &mut T {
    type Error = T::Error;

    fn block_size(&self) -> BlockSize {
        T::block_size(self)
    }

    fn block_count(&self) -> u64 {
        T::block_count(self)
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Self::Error> {
        T::read_blocks(self, first, buffer)
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Self::Error> {
        T::write_blocks(self, first, data)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        T::flush(self)
    }
}

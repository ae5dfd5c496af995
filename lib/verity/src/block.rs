//! Blocks of 4096 bytes, the unit of data and of the tree.

use std::num::NonZeroU64;

/// Bytes of a data block and of a hash block.
pub const BLOCK_SIZE: usize = 4096;

/// [`BLOCK_SIZE`] as a length in a file.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// How many data blocks a tree covers: at least one, and no more than a `u64` of bytes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockCount(NonZeroU64);

/// A length that dm-verity cannot cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// There is nothing to cover.
    #[error("the data is empty, and dm-verity needs at least one block of 4096 bytes")]
    Empty,
    /// The last block is not whole.
    #[error(
        "the data is {length} bytes long, {over} more than a multiple of 4096, \
         and dm-verity covers whole blocks only"
    )]
    Odd {
        /// Length in bytes.
        length: u64,
        /// Bytes after the last whole block.
        over: u64,
    },
    /// More blocks than a `u64` of bytes holds.
    #[error("{0} blocks of 4096 bytes are more than any disk holds")]
    Huge(u64),
}

impl BlockCount {
    /// A number of blocks.
    ///
    /// # Errors
    ///
    /// Zero, and more than 2^52 - 1 blocks, are refused.
    pub fn new(blocks: u64) -> Result<Self, LengthError> {
        if blocks > u64::MAX / BLOCK_BYTES {
            return Err(LengthError::Huge(blocks));
        }
        NonZeroU64::new(blocks).map(Self).ok_or(LengthError::Empty)
    }

    /// The blocks of `length` bytes.
    ///
    /// # Errors
    ///
    /// Zero, and a length that is no multiple of [`BLOCK_SIZE`], are refused.
    pub fn of_bytes(length: u64) -> Result<Self, LengthError> {
        match length % BLOCK_BYTES {
            0 => Self::new(length / BLOCK_BYTES),
            over => Err(LengthError::Odd { length, over }),
        }
    }

    /// The number of blocks.
    pub fn blocks(self) -> u64 {
        self.0.get()
    }

    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.0.get() * BLOCK_BYTES
    }
}

/// The length of a slice as a number of bytes on a disk.
pub(crate) fn bytes_in(slice: &[u8]) -> u64 {
    u64::try_from(slice.len()).expect("memory is smaller than 2^64 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_are_counted() {
        assert_eq!(BlockCount::of_bytes(8192).map(BlockCount::blocks), Ok(2));
        assert_eq!(BlockCount::of_bytes(0), Err(LengthError::Empty));
        let odd = Err(LengthError::Odd { length: 5000, over: 904 });
        assert_eq!(BlockCount::of_bytes(5000), odd);
    }

    #[test]
    fn bytes_of_the_largest_count_do_not_overflow() {
        let most = u64::MAX / 4096;
        assert_eq!(BlockCount::new(most).map(BlockCount::bytes), Ok(most * 4096));
        assert_eq!(BlockCount::new(most + 1), Err(LengthError::Huge(most + 1)));
    }
}

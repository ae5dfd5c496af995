//! One frame: consecutive blocks of an image, compressed by themselves.

use verity::BLOCK_SIZE;
use zstd::zstd_safe::compress_bound;

/// The most blocks of a frame: 512 KiB.
pub const FRAME_BLOCKS: u32 = 128;

/// [`BLOCK_SIZE`] as a length in a file.
#[cfg(feature = "make")]
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// Which blocks a frame holds, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its first block.
    pub first: u32,
    /// How many blocks, 1 to [`FRAME_BLOCKS`].
    pub blocks: u32,
    /// Where its bytes begin in the target.
    pub offset: u64,
    /// How many bytes it has there.
    pub length: u32,
}

impl Frame {
    /// Bytes of its blocks.
    pub fn raw_bytes(&self) -> usize {
        raw_bytes(self.blocks)
    }
}

pub(crate) fn raw_bytes(blocks: u32) -> usize {
    usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(BLOCK_SIZE)
}

/// The most bytes that zstd makes of some blocks.
pub(crate) fn most_bytes(blocks: u32) -> usize {
    compress_bound(raw_bytes(blocks))
}

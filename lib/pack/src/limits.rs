//! How large the parts of a pack may be, and where they lie.

use verity::BLOCK_SIZE;

/// The first bytes of a pack.
pub const MAGIC: [u8; 8] = *b"waypack\0";

/// The version of the format, which stands behind [`MAGIC`].
pub const VERSION: u32 = 1;

/// Where the head begins, in bytes.
pub const HEAD_OFFSET: u64 = 12;

/// The longest head, compressed and decoded, in bytes: a million runs, and more than a release of 4 GiB has blocks.
pub const HEAD_BYTES: usize = 4 << 20;

/// The most blocks of a piece: 8 MiB.
pub const PIECE_BLOCKS: u32 = 2048;

/// The most bytes of a compressed piece: those of its blocks, if they do not give way, and what zstd adds to them.
pub const PIECE_COMPRESSED_BYTES: u32 = (8 << 20) + (64 << 10);

/// The most old blocks that a piece is compressed against: 24 MiB.
pub const WINDOW_BLOCKS: u32 = 6144;

/// Bytes of some blocks.
pub(crate) fn bytes_of(blocks: u32) -> usize {
    usize::try_from(blocks).expect("blocks of a piece or a window are few") * BLOCK_SIZE
}

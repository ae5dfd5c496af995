//! Why an index or a frame cannot be used.

use crate::{FRAME_BLOCKS, INDEX_BYTES};

/// Why an index or a frame is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are of something else.
    #[error("this is no index of frames: its first bytes are others")]
    Magic,
    /// A later format.
    #[error("version {0} of the index of frames is not known, only {known}", known = crate::VERSION)]
    Version(u32),
    /// More bytes than any index has.
    #[error("an index of {0} bytes is longer than the limit of {INDEX_BYTES}")]
    TooLong(usize),
    /// It ends before it should.
    #[error("the index of frames is cut off")]
    End,
    /// Something follows its end.
    #[error("{0} bytes follow the end of the index of frames")]
    Rest(usize),
    /// The salt is longer than a tree's can be.
    #[error("the index of frames has a bad salt: {0}")]
    Salt(#[from] verity::SaltError),
    /// An image without blocks.
    #[error("the index of frames has an empty image")]
    Empty,
    /// A frame without blocks, or with too many.
    #[error("frame {frame} has {blocks} blocks, and 1 to {FRAME_BLOCKS} are possible")]
    Blocks {
        /// Its number.
        frame: usize,
        /// Its blocks.
        blocks: u32,
    },
    /// A frame that is empty, or longer than zstd makes any of so many blocks.
    #[error("frame {frame} has {length} bytes, and 1 to {most} are possible")]
    Length {
        /// Its number.
        frame: usize,
        /// Its compressed bytes.
        length: u32,
        /// The most that are possible.
        most: usize,
    },
    /// The frames end before or after the image.
    #[error("the frames hold {frames} blocks, and the image has {blocks}")]
    Cover {
        /// Blocks of the frames.
        frames: u64,
        /// Blocks of the image.
        blocks: u32,
    },
    /// Another number of bytes than the index says.
    #[error("the frame has {found} bytes, and not {wanted}")]
    CompressedLength {
        /// What the index says.
        wanted: u32,
        /// What there is.
        found: usize,
    },
    /// The caller's room has another length.
    #[error("room for {found} bytes was given, and the frame needs {wanted}")]
    Room {
        /// What the frame's blocks have.
        wanted: usize,
        /// What was given.
        found: usize,
    },
    /// There is no memory for a decoder.
    #[error("there is not enough memory for a decoder")]
    Memory,
    /// The frame does not decompress, or to more bytes than its blocks have.
    #[error("the frame does not decompress: {0}")]
    Frame(&'static str),
    /// The frame decompresses to fewer blocks than the index says.
    #[error("the frame decompresses to {found} bytes, and not to {wanted}")]
    RawLength {
        /// What the index says.
        wanted: usize,
        /// What came.
        found: usize,
    },
}

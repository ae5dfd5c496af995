//! Why a pack cannot be used.

use crate::{HEAD_BYTES, Image, PIECE_BLOCKS, PIECE_COMPRESSED_BYTES, Sha256, WINDOW_BLOCKS};

/// Why a head or a piece is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are of something else.
    #[error("this is no delta pack: its first bytes are others")]
    Magic,
    /// A later format.
    #[error("version {0} of the delta pack is not known, only {known}", known = crate::VERSION)]
    Version(u32),
    /// The head is too long, compressed or decoded.
    #[error("the head of the pack is longer than {HEAD_BYTES} bytes")]
    HeadTooLong,
    /// The head does not decompress.
    #[error("the head of the pack does not decompress: {0}")]
    HeadFrame(&'static str),
    /// The head decompresses to something else.
    #[error("the head of the pack cannot be read: {0}")]
    HeadFormat(#[from] postcard::Error),
    /// Bytes follow the head's last field.
    #[error("{0} bytes follow what the head of the pack says")]
    HeadEnd(usize),
    /// An image has no blocks.
    #[error("the pack is for an empty {0} image")]
    Empty(Image),
    /// A run without blocks, or one that takes old blocks that there are not.
    #[error("run {run} of the {image} image is empty or leaves the old image")]
    Run {
        /// Whose run.
        image: Image,
        /// Which one.
        run: usize,
    },
    /// The runs end before or after the image.
    #[error("the runs of the {image} image cover {covered} blocks, and it has {blocks}")]
    Cover {
        /// Whose runs.
        image: Image,
        /// Blocks of the runs.
        covered: u64,
        /// Blocks of the image.
        blocks: u32,
    },
    /// A piece that is empty or too large.
    #[error("piece {piece} has {blocks} blocks, and 1 to {PIECE_BLOCKS} are possible")]
    PieceBlocks {
        /// Which piece.
        piece: usize,
        /// Its blocks.
        blocks: u32,
    },
    /// A compressed piece that is empty or too large.
    #[error("piece {piece} has {length} bytes, and 1 to {PIECE_COMPRESSED_BYTES} are possible")]
    PieceLength {
        /// Which piece.
        piece: usize,
        /// Its compressed bytes.
        length: u32,
    },
    /// A window that is too large, or that leaves the old images.
    #[error(
        "the window of piece {0} has more than {WINDOW_BLOCKS} blocks or leaves the old images"
    )]
    Window(usize),
    /// The pieces hold more or fewer blocks than the runs ask for.
    #[error("the pieces hold {pieces} blocks, and the runs ask for {new}")]
    New {
        /// Blocks of the pieces.
        pieces: u64,
        /// New blocks of the runs.
        new: u64,
    },
    /// Another number of bytes than the head says.
    #[error("the piece has {found} bytes, and not {wanted}")]
    CompressedLength {
        /// What the head says.
        wanted: usize,
        /// What there is.
        found: usize,
    },
    /// Other bytes than the head says.
    #[error("the piece has the digest {found}, and not {wanted}")]
    CompressedDigest {
        /// What the head says.
        wanted: Sha256,
        /// What there is.
        found: Sha256,
    },
    /// The caller's window has another length.
    #[error("a window of {found} bytes was given, and the piece needs {wanted}")]
    WindowLength {
        /// What the head says.
        wanted: usize,
        /// What was given.
        found: usize,
    },
    /// The caller's room has another length.
    #[error("room for {found} bytes was given, and the piece needs {wanted}")]
    Room {
        /// What the head says.
        wanted: usize,
        /// What was given.
        found: usize,
    },
    /// The piece does not decompress, or to more bytes than it says.
    #[error("the piece does not decompress: {0}")]
    Frame(&'static str),
    /// The piece decompresses to fewer bytes than it says.
    #[error("the piece decompresses to {found} bytes, and not to {wanted}")]
    RawLength {
        /// What the head says.
        wanted: usize,
        /// What came.
        found: usize,
    },
    /// The piece decompresses to other bytes than the head says: the old blocks are others than they were.
    #[error("the piece decompresses to bytes with the digest {found}, and not {wanted}")]
    RawDigest {
        /// What the head says.
        wanted: Sha256,
        /// What came.
        found: Sha256,
    },
}

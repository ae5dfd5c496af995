//! Delta packs: what a host of one release lacks of another.
//!
//! A host has the dm-verity trees of what is installed, and finds most blocks of a new release in them. A pack names them and
//! brings the rest, the *new* blocks: cut into pieces, each compressed against old blocks that look like it.
//!
//! ```text
//!  0  "waypack\0"
//!  8  version 1, u32, little-endian
//! 12  head: zstd of a postcard value
//!  …  pieces, one behind the other: zstd frames
//! ```
//!
//! The signed manifest has place, length and SHA-256 of the head: compare before [`Head::parse`]. The head has
//! the digests of the pieces. So nothing that a server made up is decompressed. A head is read as hostile input nevertheless: a
//! publisher's mistake must not cost a host more than the update.
//!
//! The hash image does not travel. The runs in the head name every block of root and boot image; with the old leaves and those of
//! the new blocks, which can be computed, the new tree is complete, and its root hash says whether it is right.
//!
//! An image that ends within a block is filled up with zeros.
//!
//! Memory, for the reader: a head takes up to 4 MiB compressed, 4 MiB decoded, and 6 times that as a value, all of
//! which only a made-up head reaches; a piece takes its window (up to 24 MiB), its blocks (8 MiB), its compressed bytes (8 MiB)
//! and 0.2 MiB for the decoder.
//!
//! There is no input and no output here, apart from the maker's.

mod error;
mod extent;
mod head;
mod limits;
#[cfg(feature = "make")]
pub mod make;
mod piece;
mod run;
mod sha256;
mod wire;

pub use error::Error;
pub use extent::{Extent, Image};
pub use head::{Head, PlacedPiece, Release};
pub use limits::{
    HEAD_BYTES, HEAD_OFFSET, MAGIC, PIECE_BLOCKS, PIECE_COMPRESSED_BYTES, VERSION, WINDOW_BLOCKS,
};
pub use piece::Piece;
pub use run::{Run, Way};
pub use sha256::Sha256;

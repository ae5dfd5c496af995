//! Seekable frames: the images of a release in pieces that can be fetched by themselves, and their index.
//!
//! An image is cut into *frames*, each of at most [`FRAME_BLOCKS`] whole blocks and compressed by itself with zstd. They lie one behind
//! the other, followed by the seek table of zstd's [seekable format](https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md)
//! without checksums, which is a skippable frame: `zstd -d` gives the image. An image that ends within a block ends so in its last frame;
//! whoever deals with blocks fills it up with zeros.
//!
//! The index of a release says what each block is, by the first eight bytes of its leaf digest, and where its frame lies:
//!
//! ```text
//!  0  "WSFRAMES"
//!  8  version 1, u32
//! 12  length of the salt, u16, at most 256; the salt
//!  …  UUID of the tree, 16 bytes
//!  …  the root image, then the boot image, each:
//!       number of blocks, u32, at least 1
//!       first eight bytes of each block's leaf digest, with the salt
//!       number of frames, u32
//!       each frame: its blocks, u8, 1 to 32; its compressed bytes, u32
//! ```
//!
//! All numbers are little-endian. Frames cover the blocks of their image exactly, and nothing follows the last one.
//!
//! The index is a target, so that its bytes are signed for; it is read as hostile input nevertheless, since a publisher's mistake must not cost a
//! host more than the update. Its prefixes are signed for with it; the root hash says whether the whole is right.
//!
//! Memory, for the reader: an index takes at most two and a half times the bytes that were given, [`INDEX_BYTES`] at most; a decoder 0.2 MiB.
//!
//! There is no input and no output here, apart from the maker's.

mod cursor;
mod decoder;
mod error;
mod frame;
mod image;
mod index;
#[cfg(feature = "make")]
pub mod make;

pub use decoder::Decoder;
pub use error::Error;
pub use frame::{FRAME_BLOCKS, Frame};
pub use image::ImageIndex;
pub use index::{INDEX_BYTES, Index, MAGIC, VERSION};

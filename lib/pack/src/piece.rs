//! One piece: new blocks, compressed against old ones.

use serde::{Deserialize, Serialize};
use zstd::zstd_safe::{DCtx, get_error_name};

use crate::limits::bytes_of;
use crate::{Error, Extent, Sha256};

/// What the head says of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// How many new blocks it holds, at most [`PIECE_BLOCKS`](crate::PIECE_BLOCKS).
    pub blocks: u32,
    /// Its bytes in the pack, at most [`PIECE_COMPRESSED_BYTES`](crate::PIECE_COMPRESSED_BYTES).
    pub compressed_len: u32,
    /// Digest of these bytes.
    pub compressed: Sha256,
    /// Digest of its blocks: a host that has them all need not fetch it.
    pub raw: Sha256,
    /// Old blocks that it is compressed against, at most [`WINDOW_BLOCKS`](crate::WINDOW_BLOCKS) together.
    pub window: Vec<Extent>,
}

impl Piece {
    /// Bytes of its blocks.
    pub fn raw_bytes(&self) -> usize {
        bytes_of(self.blocks)
    }

    /// Bytes of its window.
    pub fn window_bytes(&self) -> usize {
        self.window.iter().map(|extent| bytes_of(extent.blocks)).sum()
    }

    /// Decompresses the piece into `into`, which has room for its blocks and no more.
    ///
    /// `window` holds the old blocks in the order of [`Piece::window`]. Besides what is given, memory is that of zstd's
    /// decoder, 0.2 MiB: the window is referred to where it lies, and there is no other.
    ///
    /// # Errors
    ///
    /// Refuses other bytes than those that the head was made for, before they are decompressed, and blocks other
    /// than those; `into` then holds nothing of use.
    pub fn decode(&self, compressed: &[u8], window: &[u8], into: &mut [u8]) -> Result<(), Error> {
        self.check_compressed(compressed)?;
        let (wanted, found) = (self.window_bytes(), window.len());
        if wanted != found {
            return Err(Error::WindowLength { wanted, found });
        }
        let (wanted, found) = (self.raw_bytes(), into.len());
        if wanted != found {
            return Err(Error::Room { wanted, found });
        }
        let found = decompress(compressed, window, into)?;
        if wanted != found {
            return Err(Error::RawLength { wanted, found });
        }
        let (wanted, found) = (self.raw, Sha256::of(into));
        if wanted == found { Ok(()) } else { Err(Error::RawDigest { wanted, found }) }
    }

    fn check_compressed(&self, bytes: &[u8]) -> Result<(), Error> {
        let wanted = usize::try_from(self.compressed_len).unwrap_or(usize::MAX);
        if wanted != bytes.len() {
            return Err(Error::CompressedLength { wanted, found: bytes.len() });
        }
        let (wanted, found) = (self.compressed, Sha256::of(bytes));
        if wanted == found { Ok(()) } else { Err(Error::CompressedDigest { wanted, found }) }
    }
}

/// Decompresses in one go, so that the output itself is the decoder's memory of what it wrote.
fn decompress(compressed: &[u8], window: &[u8], into: &mut [u8]) -> Result<usize, Error> {
    let frame = |code| Error::Frame(get_error_name(code));
    let mut decoder = DCtx::try_create().ok_or(Error::Frame("not enough memory"))?;
    decoder.ref_prefix(window).map_err(frame)?;
    decoder.decompress(into, compressed).map_err(frame)
}

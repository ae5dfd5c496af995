//! From a frame to its blocks.

use std::fmt;

use verity::BLOCK_SIZE;
use zstd::zstd_safe::{DCtx, get_error_name};

use crate::{Error, Frame};

/// Decompresses frames, one after the other; its memory is taken once.
pub struct Decoder(DCtx<'static>);

impl Decoder {
    /// A decoder for any number of frames.
    ///
    /// # Errors
    ///
    /// Fails when there is no memory for it.
    pub fn new() -> Result<Self, Error> {
        DCtx::try_create().map(Self).ok_or(Error::Memory)
    }

    /// Decompresses a frame into `into`, which has exactly [`Frame::raw_bytes`] bytes. An image that ends within the frame's last block is
    /// filled up with zeros there.
    ///
    /// Nothing is decompressed beyond `into`, and the output itself is the decoder's memory of what it wrote.
    ///
    /// # Errors
    ///
    /// Refuses another number of bytes than the frame has, what does not decompress, and what decompresses to more or fewer
    /// blocks; `into` then holds nothing of use.
    pub fn decode(
        &mut self,
        frame: &Frame,
        compressed: &[u8],
        into: &mut [u8],
    ) -> Result<(), Error> {
        if usize::try_from(frame.length) != Ok(compressed.len()) {
            return Err(Error::CompressedLength { wanted: frame.length, found: compressed.len() });
        }
        let (wanted, found) = (frame.raw_bytes(), into.len());
        if wanted != found {
            return Err(Error::Room { wanted, found });
        }
        let decompressed = self.0.decompress(into, compressed);
        let found = decompressed.map_err(|code| Error::Frame(get_error_name(code)))?;
        if found.next_multiple_of(BLOCK_SIZE) != wanted {
            return Err(Error::RawLength { wanted, found });
        }
        into[found..].fill(0);
        Ok(())
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Decoder").finish_non_exhaustive()
    }
}

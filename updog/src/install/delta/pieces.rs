//! The new blocks of a pack, in their order, piece after piece as they arrive.

use std::io::Read;

use pack::{Head, Piece, PlacedPiece};
use verity::{AlignedBuffer, BLOCK_SIZE};

use super::head::fill;
use super::{DeltaError, Running};

/// New blocks that are still to be handed out.
pub(super) struct Pieces<'a, R> {
    source: R,
    running: &'a Running,
    coming: Box<dyn Iterator<Item = PlacedPiece<'a>> + 'a>,
    window: AlignedBuffer,
    compressed: Vec<u8>,
    blocks: Vec<u8>,
    /// Bytes of `blocks` that were handed out.
    used: usize,
}

impl<'a, R: Read> Pieces<'a, R> {
    /// The pieces of `head`, which come from `source` one behind the other.
    pub(super) fn new(head: &'a Head, source: R, running: &'a Running) -> Self {
        let window = head.pieces().map(|placed| placed.piece.window_bytes()).max();
        Self {
            source,
            running,
            coming: Box::new(head.pieces()),
            window: AlignedBuffer::new(window.unwrap_or(0)),
            compressed: Vec::new(),
            blocks: Vec::new(),
            used: 0,
        }
    }

    /// Fills the front of `room` with the next blocks, as many as the piece at hand has. Gives the number of bytes, whole blocks.
    ///
    /// # Errors
    ///
    /// Fails when a piece does not come, is another than the head says, or needs old blocks that are not what they were.
    pub(super) fn take(&mut self, room: &mut [u8]) -> Result<usize, DeltaError> {
        if self.used == self.blocks.len() {
            self.next()?;
        }
        let length = room.len().min(self.blocks.len() - self.used);
        room[..length].copy_from_slice(&self.blocks[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }

    /// The source, behind the last piece that was taken.
    pub(super) fn into_source(self) -> R {
        self.source
    }

    fn next(&mut self) -> Result<(), DeltaError> {
        // A head's runs ask for the blocks of its pieces and for no more.
        let piece = self.coming.next().ok_or(DeltaError::Short)?.piece;
        self.compressed.resize(usize::try_from(piece.compressed_len).unwrap_or(usize::MAX), 0);
        fill(&mut self.source, &mut self.compressed)?;
        self.read_window(piece)?;
        self.blocks.resize(piece.raw_bytes(), 0);
        self.used = 0;
        let window = &self.window[..piece.window_bytes()];
        Ok(piece.decode(&self.compressed, window, &mut self.blocks)?)
    }

    fn read_window(&mut self, piece: &Piece) -> Result<(), DeltaError> {
        let mut rest = &mut self.window[..];
        for extent in &piece.window {
            let length = usize::try_from(extent.blocks).unwrap_or(usize::MAX) * BLOCK_SIZE;
            let (blocks, behind) = rest.split_at_mut(length);
            self.running.read(extent.image, extent.first, blocks)?;
            rest = behind;
        }
        Ok(())
    }
}

//! The new blocks of a pack, in their order, piece after piece as they arrive.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use pack::{Head, Image, Piece};
use verity::{AlignedBuffer, BLOCK_SIZE};

use super::positioned::Positioned;
use super::supply::Supply;
use super::{DeltaError, Running};

/// New blocks that are still to be handed out.
pub(super) struct Pieces<'a, R> {
    source: Positioned<R>,
    running: &'a Running,
    coming: VecDeque<(&'a Piece, Range<u64>)>,
    window: AlignedBuffer,
    compressed: Vec<u8>,
    blocks: Vec<u8>,
    /// Bytes of `blocks` that were handed out.
    used: usize,
}

impl<'a, R: Read> Pieces<'a, R> {
    /// Those pieces of `head` that `needed` names, which come from `source`.
    pub(super) fn new(
        head: &'a Head,
        needed: &[bool],
        source: Positioned<R>,
        running: &'a Running,
    ) -> Self {
        let pieces = head.pieces().zip(needed).filter(|(_, needed)| **needed);
        let coming: VecDeque<_> = pieces.map(|(placed, _)| (placed.piece, placed.range)).collect();
        let window = coming.iter().map(|(piece, _)| piece.window_bytes()).max();
        Self {
            source,
            running,
            coming,
            window: AlignedBuffer::new(window.unwrap_or(0)),
            compressed: Vec::new(),
            blocks: Vec::new(),
            used: 0,
        }
    }

    /// What brings them, behind the last one that was taken.
    pub(super) fn into_source(self) -> Positioned<R> {
        self.source
    }

    fn next(&mut self) -> Result<(), DeltaError> {
        // A recipe asks for the blocks of the pieces that are needed and for no more.
        let (piece, range) = self.coming.pop_front().ok_or(DeltaError::Short)?;
        self.compressed.resize(usize::try_from(piece.compressed_len).unwrap_or(usize::MAX), 0);
        self.source.read_at(range.start, &mut self.compressed)?;
        self.read_window(piece)?;
        self.blocks.resize(piece.raw_bytes(), 0);
        self.used = 0;
        let window = &self.window[..piece.window_bytes()];
        Ok(piece.decode(&self.compressed, window, &mut self.blocks)?)
    }

    fn read_window(&mut self, piece: &Piece) -> Result<(), DeltaError> {
        for extent in &piece.window {
            self.running.read_ahead(extent.image, extent.first, extent.blocks);
        }
        let mut rest = &mut self.window[..];
        for extent in &piece.window {
            let length = usize::try_from(extent.blocks).unwrap_or(usize::MAX) * BLOCK_SIZE;
            let (blocks, behind) = rest.split_at_mut(length);
            self.running.read_checked(extent.image, extent.first, blocks)?;
            rest = behind;
        }
        Ok(())
    }
}

impl<R: Read> Supply for Pieces<'_, R> {
    fn take(&mut self, _: Image, _: u32, room: &mut [u8]) -> Result<usize, DeltaError> {
        if self.used == self.blocks.len() {
            self.next()?;
        }
        let length = room.len().min(self.blocks.len() - self.used);
        room[..length].copy_from_slice(&self.blocks[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }
}

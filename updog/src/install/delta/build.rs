//! One new image, made of the runs of a pack from its first block to its last.
//!
//! Blocks are put together in the writer's buffers, many runs to a buffer, and leave them when one is full.

use std::io::Read;

use pack::{Image, Run, Way};
use verity::{AlignedBuffer, BLOCK_SIZE, Digest, ReadAt};

use super::pieces::Pieces;
use super::{DeltaError, Running};
use crate::install::Region;
use crate::install::region::BLOCK;
use crate::install::writer::Writer;

/// The images of the set that is written.
pub(super) struct NewSet {
    pub(super) root: Region,
    pub(super) boot: Region,
}

impl NewSet {
    pub(super) fn of(&self, image: Image) -> &Region {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }
}

/// An image that is being made.
pub(super) struct Build<'a, 'p, 'w, R> {
    image: Image,
    running: &'a Running,
    new: &'a NewSet,
    pieces: &'p mut Pieces<'a, R>,
    writer: &'p mut Writer<'w>,
    buffer: Option<AlignedBuffer>,
    /// Bytes of the buffer that are in use.
    filled: usize,
    /// The leaves of the blocks so far, of the root image.
    leaves: Vec<Digest>,
    zero: Digest,
}

impl<'a, 'p, 'w, R: Read> Build<'a, 'p, 'w, R> {
    pub(super) fn new(
        image: Image,
        (running, new): (&'a Running, &'a NewSet),
        pieces: &'p mut Pieces<'a, R>,
        writer: &'p mut Writer<'w>,
    ) -> Self {
        let zero = running.hasher().digest(&[0; BLOCK_SIZE]);
        let (buffer, leaves) = (None, Vec::new());
        Self { image, running, new, pieces, writer, buffer, filled: 0, leaves, zero }
    }

    /// Carries out `runs`, which make `blocks` blocks, and hands everything to the writer. Gives the leaves of the root image; none of the
    /// boot image, which has no tree.
    ///
    /// # Errors
    ///
    /// Fails when a block is not to be had, and when the disk refuses.
    pub(super) fn run(mut self, runs: &[Run], blocks: u32) -> Result<Vec<Digest>, DeltaError> {
        if self.image == Image::Root {
            self.leaves.reserve_exact(usize::try_from(blocks).unwrap_or(0));
        }
        let mut begin = 0;
        for run in runs {
            let mut done = 0;
            while done < run.blocks {
                done += self.step(run, begin, done)?;
            }
            begin += run.blocks;
        }
        self.hand_over()?;
        Ok(self.leaves)
    }

    /// Makes the next blocks of a run that begins at block `begin` and has `done` of its blocks already: as many as the buffer has
    /// room for. Gives their number.
    fn step(&mut self, run: &Run, begin: u32, done: u32) -> Result<u32, DeltaError> {
        if let Way::Again { .. } = run.way {
            self.hand_over()?;
            self.writer.catch_up()?;
        }
        let mut buffer = match self.buffer.take() {
            Some(buffer) => buffer,
            None => self.writer.buffer()?,
        };
        let room = (buffer.len() - self.filled) / BLOCK_SIZE;
        let wanted = usize::try_from(run.blocks - done).unwrap_or(room).min(room) * BLOCK_SIZE;
        let slot = &mut buffer[self.filled..self.filled + wanted];
        let length = self.fill(run, begin, done, slot)?;
        self.note_leaves(run, done, &slot[..length]);
        self.filled += length;
        let is_full = self.filled == buffer.len();
        self.buffer = Some(buffer);
        if is_full {
            self.hand_over()?;
        }
        Ok(u32::try_from(length / BLOCK_SIZE).unwrap_or(u32::MAX))
    }

    /// Fills the front of `slot` with blocks of a run; gives the number of bytes.
    fn fill(
        &mut self,
        run: &Run,
        begin: u32,
        done: u32,
        slot: &mut [u8],
    ) -> Result<usize, DeltaError> {
        match run.way {
            Way::Zero => slot.fill(0),
            Way::Old { image, first } => self.running.read(image, first + done, slot)?,
            Way::New => return self.pieces.take(slot),
            Way::Again { image, first } => {
                // Blocks of the run itself may be among those that it has again.
                let ahead = if image == self.image { begin - first } else { u32::MAX };
                let there = usize::try_from(ahead).unwrap_or(usize::MAX).saturating_mul(BLOCK_SIZE);
                let (there, rest) = slot.split_at_mut(there.min(slot.len()));
                let offset = u64::from(first + done) * BLOCK;
                let read = self.new.of(image).read_exact_at(there, offset);
                read.map_err(|source| DeltaError::ReadNew { image, source })?;
                rest.chunks_mut(there.len())
                    .for_each(|more| more.copy_from_slice(&there[..more.len()]));
            }
        }
        Ok(slot.len())
    }

    fn note_leaves(&mut self, run: &Run, done: u32, blocks: &[u8]) {
        if self.image != Image::Root {
            return;
        }
        let blocks = blocks.chunks_exact(BLOCK_SIZE);
        match run.way {
            Way::Zero => self.leaves.extend(blocks.map(|_| self.zero)),
            Way::Old { image: Image::Root, first } => {
                let old = u64::from(first + done)..;
                self.leaves.extend(old.zip(blocks).map(|(block, _)| self.running.leaf(block)));
            }
            _ => self.leaves.extend(blocks.map(|block| self.running.hasher().digest(block))),
        }
    }

    fn hand_over(&mut self) -> Result<(), DeltaError> {
        let Some(buffer) = self.buffer.take() else { return Ok(()) };
        let filled = std::mem::take(&mut self.filled);
        Ok(self.writer.write(buffer, filled)?)
    }
}

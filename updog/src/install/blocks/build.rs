//! One new image, made of the runs of a recipe from its first block to its last.
//!
//! Blocks are put together in the writer's buffers, many runs to a buffer, and leave them when one is full or blocks are passed over. Old
//! blocks that are not what they must be, or cannot be read, are left out: the image then has holes, and somebody else has to fill them.

use pack::Image;
use verity::{AlignedBuffer, BLOCK_SIZE, BlockHasher, Prefix, ReadAt};

use super::new_set::{NewSet, Spilled};
use super::recipe::{ImageRecipe, Step, Way};
use super::supply::Supply;
use super::{Bad, DeltaError, Running};
use crate::install::region::BLOCK;
use crate::install::writer::Writer;

/// Blocks that are read ahead of their being needed: 8 MiB.
const AHEAD: u32 = 2048;

/// Most blocks that are asked for at once.
const STRIDE: u32 = 256;

/// What an image is made of.
pub(super) struct Materials<'a> {
    pub(super) running: &'a Running,
    pub(super) new: &'a NewSet,
    /// Old blocks of the partition that is written.
    pub(super) spilled: Spilled,
    /// As the new tree hashes.
    pub(super) hasher: &'a BlockHasher,
}

/// An image that is being made.
pub(super) struct Build<'a, 'w> {
    image: Image,
    recipe: &'a ImageRecipe,
    materials: &'a Materials<'a>,
    supply: &'a mut dyn Supply,
    bad: &'a mut Bad,
    writer: &'a mut Writer<'w>,
    buffer: Option<AlignedBuffer>,
    /// Bytes of the buffer that are in use.
    filled: usize,
    /// The next block of the image.
    next: u32,
    ahead: Ahead,
    holes: u64,
}

/// How far old blocks were asked for.
#[derive(Default)]
struct Ahead {
    /// The run that is asked for next.
    step: usize,
    /// Its blocks that were asked for.
    done: u32,
    /// The block of the image that comes behind.
    next: u32,
}

impl<'a, 'w> Build<'a, 'w> {
    pub(super) fn new(
        (image, recipe): (Image, &'a ImageRecipe),
        materials: &'a Materials<'a>,
        supply: &'a mut dyn Supply,
        bad: &'a mut Bad,
        writer: &'a mut Writer<'w>,
    ) -> Self {
        let (buffer, filled, next, ahead, holes) = (None, 0, 0, Ahead::default(), 0);
        Self { image, recipe, materials, supply, bad, writer, buffer, filled, next, ahead, holes }
    }

    /// Carries out the recipe, and hands everything to the writer. Gives the number of holes.
    ///
    /// # Errors
    ///
    /// Fails when what is fetched is not to be had, and when the disk refuses.
    pub(super) fn run(mut self) -> Result<u64, DeltaError> {
        let carried_out = self.carry_out();
        // What was made before something went wrong need not be made again.
        self.hand_over()?;
        carried_out.map(|()| self.holes)
    }

    fn carry_out(&mut self) -> Result<(), DeltaError> {
        let recipe = self.recipe;
        for step in &recipe.steps {
            let begin = self.next;
            let end = begin.saturating_add(step.blocks);
            while self.next < end {
                self.look_ahead();
                self.advance(step, begin, end)?;
            }
        }
        Ok(())
    }

    /// Has the disk read what will be needed soon.
    fn look_ahead(&mut self) {
        let (ahead, until) = (&mut self.ahead, self.next.saturating_add(AHEAD));
        while ahead.next < until
            && let Some(step) = self.recipe.steps.get(ahead.step)
        {
            let blocks = (step.blocks - ahead.done).min(STRIDE);
            if let Way::Running { image, first } = step.way {
                self.materials.running.read_ahead(image, first + ahead.done, blocks);
            }
            ahead.done += blocks;
            ahead.next += blocks;
            if ahead.done == step.blocks {
                (ahead.step, ahead.done) = (ahead.step + 1, 0);
            }
        }
    }

    /// Makes the next blocks of a run, as many as the buffer has room for.
    fn advance(&mut self, step: &Step, begin: u32, end: u32) -> Result<(), DeltaError> {
        match step.way {
            Way::InPlace => return self.pass(end - self.next),
            // Whoever reads what was written waits until it was.
            Way::Written { .. } => {
                self.hand_over()?;
                self.writer.catch_up()?;
            }
            _ => {}
        }
        let mut buffer = match self.buffer.take() {
            Some(buffer) => buffer,
            None => self.writer.buffer()?,
        };
        let room = (buffer.len() - self.filled) / BLOCK_SIZE;
        let wanted = usize::try_from(end - self.next).unwrap_or(room).min(room) * BLOCK_SIZE;
        let slot = &mut buffer[self.filled..self.filled + wanted];
        let length = match self.fill(step, begin, slot) {
            Ok(length) => length,
            Err(error) => {
                self.buffer = Some(buffer);
                return Err(error);
            }
        };
        let right = self.right(step, begin, &slot[..length]);
        self.filled += right;
        self.next += u32::try_from(right / BLOCK_SIZE).unwrap_or(u32::MAX);
        let is_full = self.filled == buffer.len();
        self.buffer = Some(buffer);
        if is_full {
            self.hand_over()?;
        }
        if right == 0 { self.leave_hole() } else { Ok(()) }
    }

    /// Fills the front of `slot` with blocks of a run; gives the number of bytes, none if the next block cannot be read.
    fn fill(&mut self, step: &Step, begin: u32, slot: &mut [u8]) -> Result<usize, DeltaError> {
        let done = self.next - begin;
        let Materials { running, new, spilled, .. } = self.materials;
        match step.way {
            Way::InPlace => Ok(0),
            Way::Zero => {
                slot.fill(0);
                Ok(slot.len())
            }
            Way::Supplied => self.supply.take(self.image, self.next, slot),
            Way::Running { image, first } => {
                Ok(readable(slot, |blocks| running.read(image, first + done, blocks).is_ok()))
            }
            Way::Target { image, first } => {
                let place = first + done;
                let mut slot = slot;
                if image == self.image {
                    let end = place.saturating_add(blocks_of(slot));
                    match spilled.range(place..end).next() {
                        Some((kept, block)) if *kept == place => {
                            slot[..BLOCK_SIZE].copy_from_slice(block);
                            return Ok(BLOCK_SIZE);
                        }
                        Some((kept, _)) => slot = &mut slot[..bytes_of(kept - place)],
                        None => {}
                    }
                }
                let (region, offset) = (new.of(image), u64::from(place) * BLOCK);
                Ok(readable(slot, |blocks| region.read_exact_at(blocks, offset).is_ok()))
            }
            Way::Written { image, first } => self.again(image, first + done, slot),
        }
    }

    /// Blocks of the new set that were written before; those of the run itself may be among them.
    fn again(&self, image: Image, first: u32, slot: &mut [u8]) -> Result<usize, DeltaError> {
        let ahead = if image == self.image { self.next - first } else { u32::MAX };
        let there = bytes_of(ahead);
        let (there, rest) = slot.split_at_mut(there.min(slot.len()));
        let read = self.materials.new.of(image).read_exact_at(there, u64::from(first) * BLOCK);
        read.map_err(|source| DeltaError::ReadNew { image, source })?;
        rest.chunks_mut(there.len()).for_each(|more| more.copy_from_slice(&there[..more.len()]));
        Ok(there.len() + rest.len())
    }

    /// How many bytes of `blocks`, from the first on, are what they must be, where that is known.
    fn right(&mut self, step: &Step, begin: u32, blocks: &[u8]) -> usize {
        // Zeros are right, and so is what a supply hands out.
        if matches!(step.way, Way::Zero | Way::Supplied) {
            return blocks.len();
        }
        let (recipe, hasher) = (self.recipe, self.materials.hasher);
        let is_right = |(block, bytes): (u32, &[u8])| {
            let wanted = recipe.wanted(block);
            !wanted.is_known() || Prefix::of(&hasher.digest(bytes)) == wanted
        };
        let numbered = (self.next..).zip(blocks.chunks_exact(BLOCK_SIZE));
        let right = numbered.take_while(|block| is_right(*block)).count() * BLOCK_SIZE;
        if right == 0
            && let Way::Running { image, first } = step.way
        {
            self.bad.note(image, first + (self.next - begin));
        }
        right
    }

    /// Leaves the next block as it is.
    fn leave_hole(&mut self) -> Result<(), DeltaError> {
        self.holes += 1;
        self.pass(1)
    }

    fn pass(&mut self, blocks: u32) -> Result<(), DeltaError> {
        self.hand_over()?;
        self.next += blocks;
        Ok(self.writer.pass(u64::from(blocks) * BLOCK)?)
    }

    fn hand_over(&mut self) -> Result<(), DeltaError> {
        let Some(buffer) = self.buffer.take() else { return Ok(()) };
        let filled = std::mem::take(&mut self.filled);
        match filled {
            0 => self.writer.give_back(buffer),
            _ => self.writer.write(buffer, filled)?,
        }
        Ok(())
    }
}

/// Reads all of `slot`, or else its first block alone; gives the number of bytes that were read.
fn readable(slot: &mut [u8], mut read: impl FnMut(&mut [u8]) -> bool) -> usize {
    if read(slot) {
        return slot.len();
    }
    let first = &mut slot[..BLOCK_SIZE];
    if read(first) { first.len() } else { 0 }
}

fn blocks_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len() / BLOCK_SIZE).unwrap_or(u32::MAX)
}

fn bytes_of(blocks: u32) -> usize {
    usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(BLOCK_SIZE)
}

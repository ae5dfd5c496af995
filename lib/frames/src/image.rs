//! What the blocks of one image are, and where their frames lie.
//!
//! An `ImageIndex` is consistent: it has a block at least, and its frames cover all blocks in order, without gaps in the target.

use verity::Prefix;

use crate::cursor::Cursor;
use crate::frame::most_bytes;
use crate::{Error, FRAME_BLOCKS, Frame};

/// Bytes of the seek table without its entries: header and footer.
const SEEK_TABLE_BYTES: u64 = 8 + 9;

/// Bytes of an entry of the seek table.
const SEEK_ENTRY_BYTES: u64 = 8;

/// The index of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIndex {
    prefixes: Vec<Prefix>,
    blocks: u32,
    frames: Vec<Frame>,
    frames_len: u64,
}

impl ImageIndex {
    /// Reads one image's part of an index.
    pub(crate) fn read(bytes: &mut Cursor<'_>) -> Result<Self, Error> {
        let blocks = bytes.u32()?;
        if blocks == 0 {
            return Err(Error::Empty);
        }
        let prefixes = bytes.arrays(blocks)?;
        let count = bytes.u32()?;
        let entries = bytes.arrays(count)?;
        // A frame has a block at least; with more there would be more memory than bytes.
        if count > blocks {
            return Err(Error::Cover { frames: u64::from(count), blocks });
        }
        let (frames, frames_len) = place(entries)?;
        let covered = frames.iter().map(|frame| u64::from(frame.blocks)).sum();
        if covered != u64::from(blocks) {
            return Err(Error::Cover { frames: covered, blocks });
        }
        let prefixes = prefixes.iter().map(|bytes| Prefix::from_bytes(*bytes)).collect();
        Ok(Self { prefixes, blocks, frames, frames_len })
    }

    /// What the blocks are, in order; of an image that ends within a block, the last one is filled up with zeros.
    pub fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }

    /// The number of blocks.
    pub fn blocks(&self) -> u32 {
        self.blocks
    }

    /// The frames in order; they cover all blocks.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The frame that holds a block.
    pub fn frame_of(&self, block: u32) -> Option<&Frame> {
        if block >= self.blocks {
            return None;
        }
        let after = self.frames.partition_point(|frame| frame.first <= block);
        after.checked_sub(1).and_then(|place| self.frames.get(place))
    }

    /// Bytes of all frames together, which begin at the target's start.
    pub fn frames_len(&self) -> u64 {
        self.frames_len
    }

    /// Bytes of the target: frames and seek table.
    pub fn target_len(&self) -> u64 {
        let count = u64::try_from(self.frames.len()).unwrap_or(u64::MAX);
        self.frames_len + SEEK_TABLE_BYTES + count * SEEK_ENTRY_BYTES
    }
}

/// Gives each frame its place. Blocks and bytes are summed up without loss: there are fewer than 2^32 frames.
fn place(entries: &[[u8; 5]]) -> Result<(Vec<Frame>, u64), Error> {
    let mut frames = Vec::with_capacity(entries.len());
    let (mut first, mut offset) = (0_u32, 0_u64);
    for (number, [blocks, length @ ..]) in entries.iter().enumerate() {
        let (blocks, length) = (u32::from(*blocks), u32::from_le_bytes(*length));
        check(number, blocks, length)?;
        frames.push(Frame { first, blocks, offset, length });
        let too_many = || Error::Cover { frames: u64::from(first) + 1, blocks: u32::MAX };
        first = first.checked_add(blocks).ok_or_else(too_many)?;
        offset += u64::from(length);
    }
    Ok((frames, offset))
}

fn check(frame: usize, blocks: u32, length: u32) -> Result<(), Error> {
    if !(1..=FRAME_BLOCKS).contains(&blocks) {
        return Err(Error::Blocks { frame, blocks });
    }
    let most = most_bytes(blocks);
    match usize::try_from(length) {
        Ok(bytes) if (1..=most).contains(&bytes) => Ok(()),
        _ => Err(Error::Length { frame, length, most }),
    }
}

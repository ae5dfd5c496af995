//! Making frames: what a publisher does.
//!
//! Frames are cut where the *age* of blocks changes: which of the older releases hold their content, in whatever place. A host that has
//! one of these releases then fetches frames that hold nothing but what it lacks. Zeros have no age, and go with what they lie beside.
//!
//! The same images, older releases and options give the same bytes, whatever the number of threads. Memory, besides what is given: 12 bytes a block
//! for what comes out of it, and 1 to 4 MiB a thread.

mod age;
mod compress;
mod cut;
mod error;
mod level;
mod seek_table;

use std::io::Write;
use std::num::NonZeroUsize;

use verity::{Leaves, Params, Prefix, ReadAt};

pub use age::{MAX_OLDER, Older};
pub use error::MakeError;
pub use level::Level;

use crate::frame::BLOCK_BYTES;
use crate::{Frame, INDEX_BYTES, ImageIndex, Index, MAGIC, VERSION};

/// The most blocks that an index has room for: 128 GiB.
const MOST_BLOCKS: u64 = 1 << 25;

/// Blocks of a frame that older releases hold, if nothing else is said: 128 KiB. Hosts of other releases may lack some of them only.
pub const FRAME_BLOCKS_OF_OLD: u32 = 32;

/// An image that lies somewhere.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its bytes.
    pub data: &'a dyn ReadAt,
    /// How many; it may end within a block.
    pub length: u64,
    /// The leaves of its blocks, the last one filled up with zeros.
    pub leaves: &'a Leaves,
}

/// How frames are made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How hard to compress what older releases hold.
    pub level: Level,
    /// How hard to compress the rest, which all hosts fetch.
    pub new_level: Level,
    /// Threads.
    pub threads: NonZeroUsize,
    /// Most blocks of a frame that older releases hold, at most [`FRAME_BLOCKS`](crate::FRAME_BLOCKS); other frames have as many as that.
    pub frame_blocks: u32,
}

/// The frames of one image that were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    prefixes: Vec<Prefix>,
    /// Blocks and compressed bytes of each.
    frames: Vec<(u8, u32)>,
    /// Bytes of the target: frames and seek table.
    pub length: u64,
}

/// Writes the frames of an image, and the seek table behind them.
///
/// `zero` is the digest of a zero block with the salt of the leaves. `progress` is told how many bytes of the image were compressed since
/// its last call.
///
/// # Errors
///
/// Fails when the image cannot be read, or the frames cannot be written; and when the leaves are not as many as the image has blocks.
pub fn frames(
    image: &Source<'_>,
    older: &[Older],
    zero: &verity::Digest,
    options: &Options,
    out: &mut dyn Write,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Made, MakeError> {
    let prefixes = image.checked_prefixes()?;
    let ages = prefixes.iter().map(|prefix| age::of(*prefix, &Prefix::of(zero), older));
    // Where nobody has anything, what is new is nothing in particular.
    let ages = ages.map(|age| if older.is_empty() { age.map(|_| 1) } else { age });
    let cuts = cut::cut(ages, options.frame_blocks);
    let lengths = compress::compress(image, &cuts, options, out, progress)?;
    let frames: Vec<(u8, u32)> = cuts.iter().map(|cut| cut.blocks).zip(lengths).collect();
    let table = seek_table::of(&frames, image.length);
    out.write_all(&table).map_err(MakeError::Write)?;
    let compressed: u64 = frames.iter().map(|(_, length)| u64::from(*length)).sum();
    let length = compressed + u64::try_from(table.len()).unwrap_or(u64::MAX);
    Ok(Made { prefixes, frames, length })
}

/// The index of a release, whose tree has these parameters.
///
/// # Errors
///
/// Fails when it would be longer than [`INDEX_BYTES`].
pub fn index(params: &Params, root: &Made, boot: &Made) -> Result<Vec<u8>, MakeError> {
    let salt = params.salt.as_bytes();
    let salt_length = u16::try_from(salt.len()).expect("a salt has at most 256 bytes");
    let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &salt_length.to_le_bytes(), salt].concat();
    bytes.extend_from_slice(params.uuid.as_bytes());
    root.write(&mut bytes);
    boot.write(&mut bytes);
    if bytes.len() > INDEX_BYTES {
        return Err(MakeError::TooLarge(bytes.len()));
    }
    Index::parse(&bytes)?;
    Ok(bytes)
}

/// The seek table behind the frames of an image of so many bytes, as [`frames`] writes it.
pub fn seek_table(image: &ImageIndex, length: u64) -> Vec<u8> {
    let entry =
        |frame: &Frame| (u8::try_from(frame.blocks).expect("a frame has few blocks"), frame.length);
    let entries: Vec<(u8, u32)> = image.frames().iter().map(entry).collect();
    seek_table::of(&entries, length)
}

impl Source<'_> {
    /// The prefixes of its blocks, which are as many as there should be.
    fn checked_prefixes(&self) -> Result<Vec<Prefix>, MakeError> {
        let (blocks, leaves) = (self.length.div_ceil(BLOCK_BYTES), self.leaves.blocks().blocks());
        if blocks != leaves {
            return Err(MakeError::Leaves { blocks, leaves });
        }
        match blocks <= MOST_BLOCKS {
            true => Ok(self.leaves.prefixes()),
            false => Err(MakeError::TooManyBlocks(blocks)),
        }
    }
}

impl Made {
    fn write(&self, bytes: &mut Vec<u8>) {
        let count = |length| u32::try_from(length).expect("blocks are numbered with 32 bits");
        bytes.extend_from_slice(&count(self.prefixes.len()).to_le_bytes());
        bytes.extend(self.prefixes.iter().flat_map(|prefix| prefix.to_bytes()));
        bytes.extend_from_slice(&count(self.frames.len()).to_le_bytes());
        for (blocks, length) in &self.frames {
            bytes.push(*blocks);
            bytes.extend_from_slice(&length.to_le_bytes());
        }
    }
}

// More blocks would not even have their prefixes in an index.
const _: () = assert!(INDEX_BYTES == 8 << 25);

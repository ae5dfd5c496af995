//! The old blocks that a piece is compressed against.
//!
//! The old blocks without further use, one behind the other, are cut into chunks of 64 KiB. Two windows are looked at: the
//! chunks around the place that corresponds to the piece's own, since releases keep their order; and those with
//! most votes (`votes`), with the former for what room is left. Where the first has nearly as many votes it
//! is taken, since it is in one piece; else content has moved, and it is the second. All chunks stay in the old order.

use verity::ReadAt;

use super::features::features;
use super::votes::Votes;
use super::{Images, MakeError};
use crate::head::take;
use crate::limits::bytes_of;
use crate::{Extent, WINDOW_BLOCKS};

/// Blocks of the longest window that is made: 20 MiB, less than a reader takes, so that a host needs less memory.
const MADE_BLOCKS: u32 = 5120;

/// Blocks of a chunk.
const CHUNK_BLOCKS: u32 = 16;

/// Of so many votes for the best window, so many are enough for the near one.
const ENOUGH: (u64, u64) = (20, 19);

/// What windows are made of.
pub(crate) struct Windows {
    chunks: Vec<Vec<Extent>>,
    votes: Votes,
}

impl Windows {
    /// Reads all old blocks that have no further use.
    pub(crate) fn new(old: &Images<'_>, unused: Vec<Extent>) -> Result<Self, MakeError> {
        let chunks = chunks(unused);
        let mut marks = Vec::with_capacity(chunks.len());
        let mut bytes = Vec::new();
        for chunk in &chunks {
            read(old, "old", chunk, &mut bytes)?;
            marks.push(features(&bytes));
        }
        Ok(Self { votes: Votes::new(marks), chunks })
    }

    /// The window for new blocks of this content, whose middle is so many thousandths of all new blocks from the start.
    pub(crate) fn of(&self, content: &[u8], middle: u64) -> Vec<Extent> {
        let votes = self.votes.of(&features(content));
        let center = usize::try_from(middle).expect("a small number") * votes.len() / 1000;
        let near = chosen(votes.len(), |chunk| (0, chunk.abs_diff(center)));
        let like = chosen(votes.len(), |chunk| (u32::MAX - votes[chunk], chunk.abs_diff(center)));
        let sum = |chunks: &[usize]| chunks.iter().map(|chunk| u64::from(votes[*chunk])).sum();
        let (near_votes, like_votes): (u64, u64) = (sum(&near), sum(&like));
        let is_near_enough = near_votes / ENOUGH.1 >= like_votes / ENOUGH.0;
        let chunks = if is_near_enough { near } else { like };
        joined(chunks.iter().flat_map(|chunk| &self.chunks[*chunk]))
    }
}

/// The chunks that come first by `key`, as many as a window holds, in the old order.
fn chosen(count: usize, key: impl Fn(usize) -> (u32, usize)) -> Vec<usize> {
    let mut chunks: Vec<_> = (0..count).collect();
    chunks.sort_by_key(|chunk| (key(*chunk), *chunk));
    chunks.truncate(usize::try_from(MADE_BLOCKS / CHUNK_BLOCKS).expect("few"));
    chunks.sort_unstable();
    chunks
}

fn chunks(extents: Vec<Extent>) -> Vec<Vec<Extent>> {
    let (mut extents, mut rest) = (extents.into_iter(), None);
    let next = || Some(take(CHUNK_BLOCKS, &mut rest, &mut extents)).filter(|it| !it.is_empty());
    std::iter::from_fn(next).collect()
}

/// Joins extents that continue each other.
fn joined<'a>(extents: impl Iterator<Item = &'a Extent>) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents {
        match joined.last_mut() {
            Some(last)
                if last.image == extent.image && last.first + last.blocks == extent.first =>
            {
                last.blocks += extent.blocks;
            }
            _ => joined.push(*extent),
        }
    }
    joined
}

/// Reads blocks into `bytes`, which are replaced.
pub(crate) fn read(
    images: &Images<'_>,
    which: &'static str,
    extents: &[Extent],
    bytes: &mut Vec<u8>,
) -> Result<(), MakeError> {
    bytes.clear();
    for extent in extents {
        let start = bytes.len();
        bytes.resize(start + bytes_of(extent.blocks), 0);
        let Extent { image, first, .. } = *extent;
        read_at(images.of(image).data, first, &mut bytes[start..])
            .map_err(|source| MakeError::Read { which, image, source })?;
    }
    Ok(())
}

fn read_at(data: &dyn ReadAt, first: u32, bytes: &mut [u8]) -> std::io::Result<()> {
    data.read_exact_at(bytes, u64::from(first) * 4096)
}

// Readers take it.
const _: () = assert!(MADE_BLOCKS <= WINDOW_BLOCKS);

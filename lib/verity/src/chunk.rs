//! How work is cut for threads: chunks of whole leaf blocks, taken in rising order.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::shape::DIGESTS_PER_BLOCK;
use crate::{BLOCK_SIZE, BlockCount};

/// Leaf blocks of one chunk; they cover 4 MiB of data.
pub(crate) const LEAVES_PER_CHUNK: u64 = 8;

/// Bytes of the leaves of one chunk.
pub(crate) const CHUNK_LEAF_BYTES: usize = 8 * BLOCK_SIZE;

/// Bytes of data that a thread reads at once: what one leaf block covers.
pub(crate) const READ_BYTES: usize = 128 * BLOCK_SIZE;

/// The number of threads that the machine offers, at least one.
pub fn available_threads() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// One piece of work: some leaf blocks and the data below them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) number: u64,
    pub(crate) leaves: Range<u64>,
    end: u64,
}

impl Chunk {
    /// The data blocks that the leaf block `leaf` covers.
    pub(crate) fn data_of(&self, leaf: u64) -> Range<u64> {
        let first = leaf * DIGESTS_PER_BLOCK;
        first..(first + DIGESTS_PER_BLOCK).min(self.end)
    }
}

/// Hands out the chunks of a tree, each once, from the first to the last.
///
/// Since they rise, whoever holds chunk n knows that every earlier one is done or being worked on.
#[derive(Debug)]
pub(crate) struct Chunks {
    next: AtomicU64,
    leaves: u64,
    data_blocks: u64,
}

impl Chunks {
    pub(crate) fn new(data: BlockCount) -> Self {
        let leaves = data.blocks().div_ceil(DIGESTS_PER_BLOCK);
        Self { next: AtomicU64::new(0), leaves, data_blocks: data.blocks() }
    }

    /// How many chunks there are.
    pub(crate) fn count(&self) -> u64 {
        self.leaves.div_ceil(LEAVES_PER_CHUNK)
    }

    /// The next chunk that nobody has taken.
    pub(crate) fn take(&self) -> Option<Chunk> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let first = number.checked_mul(LEAVES_PER_CHUNK).filter(|first| *first < self.leaves)?;
        let leaves = first..(first + LEAVES_PER_CHUNK).min(self.leaves);
        Some(Chunk { number, leaves, end: self.data_blocks })
    }

    /// Leaves nothing more to take.
    pub(crate) fn close(&self) {
        self.next.fetch_max(self.count(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_data_block_once() {
        for blocks in [1, 127, 128, 129, 1024, 1025, 5000] {
            let chunks = Chunks::new(BlockCount::new(blocks).expect("a small number"));
            let mut covered = 0;
            while let Some(chunk) = chunks.take() {
                for leaf in chunk.leaves.clone() {
                    assert_eq!(chunk.data_of(leaf).start, covered);
                    covered = chunk.data_of(leaf).end;
                }
            }
            assert_eq!(covered, blocks);
        }
    }

    #[test]
    fn nothing_is_taken_after_closing() {
        let chunks = Chunks::new(BlockCount::new(100_000).expect("a small number"));
        assert!(chunks.take().is_some());
        chunks.close();
        assert_eq!(chunks.take(), None);
    }
}

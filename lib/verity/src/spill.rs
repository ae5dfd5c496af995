//! Blocks that are overwritten before their last use, and so have to be kept in memory.

use std::collections::BTreeSet;
use std::ops::Range;

/// Blocks to keep, no more than a limit.
#[derive(Clone, Debug)]
pub(crate) struct Spill {
    limit: usize,
    blocks: BTreeSet<u32>,
}

impl Spill {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, blocks: BTreeSet::new() }
    }

    pub(crate) fn has(&self, block: u32) -> bool {
        self.blocks.contains(&block)
    }

    /// Keeps one more block, if there is room.
    pub(crate) fn keep(&mut self, block: u32) -> bool {
        let is_room = self.blocks.len() < self.limit;
        if is_room {
            self.blocks.insert(block);
        }
        is_room
    }

    /// The blocks as ranges, rising.
    pub(crate) fn into_ranges(self) -> Vec<Range<u32>> {
        ranges(self.blocks)
    }
}

/// Rising numbers as ranges.
pub(crate) fn ranges(numbers: impl IntoIterator<Item = u32>) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => ranges.push(number..number + 1),
        }
    }
    ranges
}

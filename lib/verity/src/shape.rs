//! Where the levels of a tree lie.

use crate::BlockCount;
use crate::block::BLOCK_BYTES;

/// Digests in one hash block.
pub(crate) const DIGESTS_PER_BLOCK: u64 = 128;

/// Bytes of one digest in the tree.
pub(crate) const DIGEST_SIZE: usize = 32;

/// One level of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its first block, counted from the start of the hash image.
    pub first_block: u64,
    /// How many blocks it has.
    pub blocks: u64,
}

impl Level {
    /// Its position in the hash image, in bytes.
    pub fn position(&self) -> u64 {
        self.first_block * BLOCK_BYTES
    }
}

/// The levels of the tree over some data blocks; a function of their number alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeShape {
    levels: Vec<Level>,
    hash_blocks: u64,
}

impl TreeShape {
    /// The shape of the tree over `data`.
    pub fn of(data: BlockCount) -> Self {
        let mut levels = Vec::new();
        let mut blocks = data.blocks();
        while blocks > 1 {
            blocks = blocks.div_ceil(DIGESTS_PER_BLOCK);
            levels.push(Level { first_block: 0, blocks });
        }
        let mut hash_blocks = 1;
        for level in levels.iter_mut().rev() {
            level.first_block = hash_blocks;
            hash_blocks += level.blocks;
        }
        Self { levels, hash_blocks }
    }

    /// The levels, leaves first; none over a single data block.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Length of the hash image in bytes, superblock included.
    pub fn hash_len(&self) -> u64 {
        self.hash_blocks * BLOCK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(blocks: u64) -> Vec<(u64, u64)> {
        let shape = TreeShape::of(BlockCount::new(blocks).expect("not zero"));
        shape.levels().iter().map(|level| (level.first_block, level.blocks)).collect()
    }

    #[test]
    fn levels_lie_from_the_root_downwards() {
        assert_eq!(levels(1), []);
        assert_eq!(levels(2), [(1, 1)]);
        assert_eq!(levels(128), [(1, 1)]);
        assert_eq!(levels(129), [(2, 2), (1, 1)]);
        assert_eq!(levels(128 * 128), [(2, 128), (1, 1)]);
        assert_eq!(levels(128 * 128 + 1), [(4, 129), (2, 2), (1, 1)]);
    }

    #[test]
    fn the_largest_tree_does_not_overflow() {
        let most = BlockCount::new(u64::MAX / 4096).expect("the limit itself");
        let shape = TreeShape::of(most);
        assert_eq!(shape.levels().len(), 8);
        assert!(shape.hash_len() < most.bytes() / 100);
    }
}

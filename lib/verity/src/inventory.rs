//! Which blocks a region holds, and where.
//!
//! Two arrays, sorted by prefix and then by block number: 12 bytes a block, 30 MiB for 10 GiB of data. A prefix is found
//! by bisection, and equal blocks lie side by side: a million zero blocks are one slice, not a million answers.

use crate::{Error, Leaves, Prefix, Region};

/// The blocks of a region by their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    prefixes: Vec<Prefix>,
    /// Block numbers, each beside its prefix.
    blocks: Vec<u32>,
}

impl Inventory {
    /// The inventory of a region; blocks that are not known are not in it.
    ///
    /// # Errors
    ///
    /// Blocks are numbered with 32 bits: 16 TiB of data.
    pub fn of(region: &Region<'_>) -> Result<Self, Error> {
        let count = region.blocks();
        let end = u32::try_from(count).map_err(|_| Error::TooManyBlocks(count))?;
        let prefix = |block: &u32| region.prefix(u64::from(*block));
        let mut blocks = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        blocks.extend((0..end).filter(|block| prefix(block).is_known()));
        blocks.sort_unstable_by_key(|block| (prefix(block), *block));
        Ok(Self { prefixes: blocks.iter().map(prefix).collect(), blocks })
    }

    /// The inventory of an image.
    ///
    /// # Errors
    ///
    /// As [`Inventory::of`].
    pub fn of_leaves(leaves: &Leaves) -> Result<Self, Error> {
        Self::of(&Region::Leaves(leaves))
    }

    /// The numbers of the blocks with this prefix, rising.
    pub fn find(&self, prefix: Prefix) -> &[u32] {
        let start = self.prefixes.partition_point(|other| *other < prefix);
        let rest = &self.prefixes[start..];
        // Nearly all contents are there once, so that the end is looked for from the start.
        let mut step = 1;
        while rest.get(step - 1) == Some(&prefix) && step < rest.len() {
            step *= 2;
        }
        let count = rest[..step.min(rest.len())].partition_point(|other| *other == prefix);
        &self.blocks[start..start + count]
    }

    /// Whether there is a block with this prefix.
    pub fn has(&self, prefix: Prefix) -> bool {
        self.prefixes.binary_search(&prefix).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(number: u8) -> Prefix {
        Prefix::of(&[number; 32])
    }

    #[test]
    fn blocks_are_found_by_their_content_in_rising_order() {
        let region: Vec<_> = [3, 1, 3, 0, 2, 3, 3, 3, 1].map(prefix).to_vec();
        let inventory = Inventory::of(&Region::Prefixes(&region)).expect("few");
        assert_eq!(inventory.find(prefix(1)), [1, 8]);
        assert_eq!(inventory.find(prefix(2)), [4]);
        assert_eq!(inventory.find(prefix(3)), [0, 2, 5, 6, 7]);
        assert_eq!(inventory.find(prefix(9)), []);
        assert!(inventory.has(prefix(2)) && !inventory.has(prefix(4)));
    }

    #[test]
    fn unknown_blocks_are_not_found() {
        let region = [Prefix::UNKNOWN; 5];
        let inventory = Inventory::of(&Region::Prefixes(&region)).expect("few");
        assert_eq!(inventory.find(Prefix::UNKNOWN), []);
        assert!(!inventory.has(Prefix::UNKNOWN));
    }
}

//! Blocks of the running set that are not what its tree says, or cannot be read: whoever makes a recipe again leaves them out.

use std::collections::BTreeSet;

use pack::Image;
use verity::Prefix;

/// Blocks that were found bad.
#[derive(Debug, Default)]
pub(super) struct Bad {
    root: BTreeSet<u32>,
    boot: BTreeSet<u32>,
}

impl Bad {
    pub(super) fn note(&mut self, image: Image, block: u32) {
        match image {
            Image::Root => self.root.insert(block),
            Image::Boot => self.boot.insert(block),
        };
    }

    /// Makes them unknown among the blocks of an image.
    pub(super) fn strike(&self, image: Image, prefixes: &mut [Prefix]) {
        let bad = match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        };
        for block in bad {
            let index = usize::try_from(*block).unwrap_or(usize::MAX);
            if let Some(prefix) = prefixes.get_mut(index) {
                *prefix = Prefix::UNKNOWN;
            }
        }
    }
}

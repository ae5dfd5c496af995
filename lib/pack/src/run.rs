//! How the blocks of a new image come about.

use crate::{Extent, Image, Release};

/// Where consecutive new blocks come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They are zeros.
    Zero,
    /// They are blocks of an old image.
    Old {
        /// Whose.
        image: Image,
        /// The old block for the first of them.
        first: u32,
    },
    /// They are in the pack.
    New,
    /// They are blocks of a new image that came before them: the root image comes before the boot image, and may
    /// hold the same kernel.
    Again {
        /// Whose.
        image: Image,
        /// The block that the first of them equals; those that follow may be of this very run.
        first: u32,
    },
}

/// Consecutive blocks of a new image that come the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many.
    pub blocks: u32,
    /// Where they come from.
    pub way: Way,
}

impl Run {
    /// Whether it has blocks, and takes them from where there are some when it begins at `begin` in the new `own` image.
    pub(crate) fn is_possible(&self, own: Image, begin: u64, old: &Release, new: &Release) -> bool {
        let extent = |image, first| Extent { image, first, blocks: self.blocks };
        let is_possible = match self.way {
            Way::Zero | Way::New => true,
            Way::Old { image, first } => extent(image, first).is_within(old.blocks(image)),
            Way::Again { image, first } if image == own => u64::from(first) < begin,
            Way::Again { image, first } => {
                image < own && extent(image, first).is_within(new.blocks(image))
            }
        };
        self.blocks > 0 && is_possible
    }

    /// Whether one more block, coming this way, belongs to the run.
    #[cfg(feature = "make")]
    pub(crate) fn is_followed_by(&self, next: Way) -> bool {
        let follows = |first: u32, place| first.checked_add(self.blocks) == Some(place);
        match (self.way, next) {
            (Way::Old { image, first }, Way::Old { image: other, first: place })
            | (Way::Again { image, first }, Way::Again { image: other, first: place }) => {
                image == other && follows(first, place)
            }
            (own, next) => own == next,
        }
    }
}

/// The new blocks among the runs of an image, which cover it from its start.
pub(crate) fn new_extents(image: Image, runs: &[Run]) -> impl Iterator<Item = Extent> {
    let extents = runs.iter().scan(0, move |end: &mut u32, run| {
        let first = *end;
        *end += run.blocks;
        Some((run.way, Extent { image, first, blocks: run.blocks }))
    });
    extents.filter(|(way, _)| *way == Way::New).map(|(_, extent)| extent)
}

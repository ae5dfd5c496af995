//! How the images of a set come about, run by run: what every way to a release is turned into before a byte is written.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Range};

use cli::ByteCount;
use pack::Image;
use serde::Serialize;
use verity::Prefix;

use crate::install::region::BLOCK;

/// Where consecutive blocks of a new image come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// They lie where they belong.
    InPlace,
    /// They are zeros.
    Zero,
    /// They are blocks of the running set.
    Running {
        /// Of which image.
        image: Image,
        /// The block for the first of them.
        first: u32,
    },
    /// They are blocks that the written set had before: of this image none that was written over, unless it was spilled.
    Target {
        /// Of which image.
        image: Image,
        /// The block for the first of them.
        first: u32,
    },
    /// They are fetched.
    Supplied,
    /// They are blocks of the new set that came before them.
    Written {
        /// Of which image.
        image: Image,
        /// The block that the first of them equals; those that follow may be of this very run.
        first: u32,
    },
}

/// Consecutive blocks of a new image that come the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// How many; at least one.
    pub(super) blocks: u32,
    /// Where they come from.
    pub(super) way: Way,
}

/// How one image comes about.
#[derive(Debug, Default)]
pub(super) struct ImageRecipe {
    /// They cover the image, in order.
    pub(super) steps: Vec<Step>,
    /// What each block must be, where that is known beforehand.
    pub(super) wanted: Vec<Prefix>,
    /// Blocks that are read into memory before the first is written.
    pub(super) spilled: Vec<Range<u32>>,
}

/// How both images come about, the root image first.
#[derive(Debug, Default)]
pub(super) struct Recipe {
    pub(super) root: ImageRecipe,
    pub(super) boot: ImageRecipe,
}

/// Bytes of the root and the boot image, by where they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// They are there already, and are not written.
    pub in_place_bytes: u64,
    /// Zeros.
    pub zero_bytes: u64,
    /// From the running set.
    pub running_bytes: u64,
    /// From what the written set held.
    pub target_bytes: u64,
    /// The same as blocks that come before them in the new set.
    pub again_bytes: u64,
    /// Fetched, as long as they are once they are decompressed.
    pub fetched_bytes: u64,
}

impl Recipe {
    pub(super) fn of(&self, image: Image) -> &ImageRecipe {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }

    /// Where the bytes of both images come from.
    pub(super) fn tally(&self) -> Tally {
        let steps = self.root.steps.iter().chain(&self.boot.steps);
        steps.map(Tally::of).sum()
    }
}

impl ImageRecipe {
    /// Adds one block more, to the last run where it belongs to that.
    pub(super) fn push(&mut self, way: Way) {
        match self.steps.last_mut() {
            Some(last) if last.is_followed_by(way) => last.blocks += 1,
            _ => self.steps.push(Step { blocks: 1, way }),
        }
    }

    /// The blocks that are fetched, in order.
    pub(super) fn supplied(&self) -> impl Iterator<Item = Range<u32>> {
        let placed = self.steps.iter().scan(0, |end: &mut u32, step| {
            let first = *end;
            *end += step.blocks;
            Some((step.way, first..*end))
        });
        placed.filter(|(way, _)| *way == Way::Supplied).map(|(_, blocks)| blocks)
    }

    /// What a block must be; unknown where nobody says.
    pub(super) fn wanted(&self, block: u32) -> Prefix {
        let index = usize::try_from(block).ok();
        index.and_then(|index| self.wanted.get(index)).copied().unwrap_or(Prefix::UNKNOWN)
    }
}

impl Step {
    /// Whether one more block, coming this way, belongs to the run.
    fn is_followed_by(&self, next: Way) -> bool {
        let follows = |first: u32, place| first.checked_add(self.blocks) == Some(place);
        match (self.way, next) {
            (Way::Running { image, first }, Way::Running { image: other, first: place })
            | (Way::Target { image, first }, Way::Target { image: other, first: place })
            | (Way::Written { image, first }, Way::Written { image: other, first: place }) => {
                image == other && follows(first, place)
            }
            (own, next) => own == next,
        }
    }
}

impl Tally {
    fn of(step: &Step) -> Self {
        let mut tally = Self::default();
        let place = match step.way {
            Way::InPlace => &mut tally.in_place_bytes,
            Way::Zero => &mut tally.zero_bytes,
            Way::Running { .. } => &mut tally.running_bytes,
            Way::Target { .. } => &mut tally.target_bytes,
            Way::Supplied => &mut tally.fetched_bytes,
            Way::Written { .. } => &mut tally.again_bytes,
        };
        *place = u64::from(step.blocks) * BLOCK;
        tally
    }

    /// Bytes that are written.
    pub fn written_bytes(&self) -> u64 {
        [self.zero_bytes, self.running_bytes, self.target_bytes, self.again_bytes]
            .into_iter()
            .fold(self.fetched_bytes, u64::saturating_add)
    }
}

/// Only what there is any of.
impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.in_place_bytes, "in place already"),
            (self.running_bytes, "from the running set"),
            (self.target_bytes, "from what the set held"),
            (self.again_bytes, "twice in the release"),
            (self.zero_bytes, "zeros"),
            (self.fetched_bytes, "to fetch, uncompressed"),
        ];
        let parts = parts.iter().filter(|(bytes, _)| *bytes > 0);
        let shown: Vec<_> =
            parts.map(|(bytes, what)| format!("{} {what}", ByteCount(*bytes))).collect();
        out.write_str(&shown.join(", "))
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            in_place_bytes: self.in_place_bytes.saturating_add(other.in_place_bytes),
            zero_bytes: self.zero_bytes.saturating_add(other.zero_bytes),
            running_bytes: self.running_bytes.saturating_add(other.running_bytes),
            target_bytes: self.target_bytes.saturating_add(other.target_bytes),
            again_bytes: self.again_bytes.saturating_add(other.again_bytes),
            fetched_bytes: self.fetched_bytes.saturating_add(other.fetched_bytes),
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

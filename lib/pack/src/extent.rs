//! Consecutive blocks of an image.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The images of a set that a pack deals with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Image {
    /// The root filesystem.
    Root,
    /// The boot image.
    Boot,
}

/// Consecutive blocks of an image, old or new; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extent {
    /// Whose blocks.
    pub image: Image,
    /// The first block.
    pub first: u32,
    /// How many.
    pub blocks: u32,
}

impl Image {
    /// Both, in the order of a pack.
    pub const ALL: [Self; 2] = [Self::Root, Self::Boot];
}

impl Extent {
    /// Whether it lies within an image of so many blocks.
    pub(crate) fn is_within(&self, blocks: u32) -> bool {
        let end = self.first.checked_add(self.blocks);
        self.blocks > 0 && end.is_some_and(|end| end <= blocks)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Root => "root",
            Self::Boot => "boot",
        })
    }
}

//! The new blocks, cut into pieces.

use super::plan::Plan;
use crate::head::take;
use crate::run::new_extents;
use crate::{Extent, Image, PIECE_BLOCKS};

/// Blocks of the longest piece that is made: 6 MiB, less than a reader takes. A host holds a piece twice where it does not give way, beside its window.
const MADE_BLOCKS: u32 = 1536;

/// What one piece holds.
pub(crate) struct Cut {
    /// Blocks of the new images, in order.
    pub(crate) extents: Vec<Extent>,
    /// How far its middle is from the first new block to the last, in thousandths.
    pub(crate) middle: u64,
}

impl Cut {
    pub(crate) fn blocks(&self) -> u32 {
        self.extents.iter().map(|extent| extent.blocks).sum()
    }
}

/// Cuts the new blocks into as few pieces as there can be, none longer than another by more than a block.
pub(crate) fn cut(plan: &Plan) -> Vec<Cut> {
    let extents = || Image::ALL.into_iter().flat_map(|image| new_extents(image, plan.runs(image)));
    let total: u64 = extents().map(|extent| u64::from(extent.blocks)).sum();
    let count = total.div_ceil(u64::from(MADE_BLOCKS));
    let end = |piece: u64| piece * total / count;
    let (mut extents, mut rest) = (extents(), None);
    let cut = |piece: u64| {
        let blocks = u32::try_from(end(piece + 1) - end(piece)).expect("a piece is small");
        let middle = (end(piece) + end(piece + 1)) * 500 / total;
        Cut { extents: take(blocks, &mut rest, &mut extents), middle }
    };
    (0..count).map(cut).collect()
}

// Readers take it.
const _: () = assert!(MADE_BLOCKS <= PIECE_BLOCKS);

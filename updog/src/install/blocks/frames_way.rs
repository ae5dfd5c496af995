//! Frames of the new images as the way to a release: whatever the running set and the old content of the written one do not hold.

use std::ops::Range;
use std::sync::Arc;

use frames::Index;
use manifest::Contents;
use pack::Image;
use verity::{
    BLOCK_SIZE, BlockHasher, Difference, Digest, Inventory, Origin, Prefix, Region, RootHash,
    difference,
};

use super::DeltaError;
use super::frame_supply::part;
use super::pack_way::Ground;
use super::present::{Present, Purpose, Wanted};
use super::recipe::{ImageRecipe, Recipe, Step, Way};
use crate::install::region::BLOCK;

/// Bytes between two ranges that are fetched along: a request costs about as many.
const GAP: u64 = 1024;

/// How a release is made with frames.
#[derive(Debug)]
pub(super) struct FramesWay {
    pub(super) index: Arc<Index>,
    pub(super) recipe: Recipe,
    /// Of each image's target: the bytes that are fetched.
    pub(super) ranges: [Vec<Range<u64>>; 2],
}

impl FramesWay {
    /// Finds the way.
    ///
    /// # Errors
    ///
    /// Refuses the index of another release, and fails when the sets cannot be opened.
    pub(super) fn find(index: Arc<Index>, ground: &Ground<'_>) -> Result<Self, DeltaError> {
        check(&index, ground.contents)?;
        let params = index.params();
        let wanted = Wanted {
            params,
            root_hash: RootHash(*ground.contents.root_hash.as_bytes()),
            root_blocks: index.root().blocks(),
            boot_blocks: index.boot().blocks(),
        };
        let present =
            Present::of(ground.disk, ground.layout, wanted, (ground.trust, Purpose::Blocks))?;
        let mut running = ground.running.root_prefixes(params)?;
        ground.bad.strike(Image::Root, &mut running);
        let mut running_boot = ground.running.boot_prefixes(u32::MAX, params)?;
        ground.bad.strike(Image::Boot, &mut running_boot);
        let hasher = BlockHasher::new(&params.salt);
        let zero = hasher.digest(&[0; BLOCK_SIZE]);
        let [running, running_boot] = [inventory(&running)?, inventory(&running_boot)?];
        let [target, target_boot] = [inventory(&present.root)?, inventory(&present.boot)?];
        let new = inventory(index.root().prefixes())?;
        let root = {
            let origins = [
                (Origin::Still(&running), From::Running(Image::Root)),
                (Origin::Target(&target), From::Target(Image::Root)),
                (Origin::Still(&running_boot), From::Running(Image::Boot)),
                (Origin::Still(&target_boot), From::Target(Image::Boot)),
            ];
            let wanted = (Image::Root, index.root().prefixes(), &new);
            recipe(wanted, &present.root, &zero, &origins, ground.spilled_blocks)?
        };
        let new_boot = inventory(index.boot().prefixes())?;
        let boot = {
            let origins = [
                (Origin::Still(&running_boot), From::Running(Image::Boot)),
                (Origin::Still(&new), From::Written(Image::Root)),
                (Origin::Still(&running), From::Running(Image::Root)),
                (Origin::Target(&target_boot), From::Target(Image::Boot)),
            ];
            let wanted = (Image::Boot, index.boot().prefixes(), &new_boot);
            recipe(wanted, &present.boot, &zero, &origins, ground.spilled_blocks)?
        };
        let recipe = Recipe { root, boot };
        let ranges = [Image::Root, Image::Boot].map(|image| ranges(&index, image, &recipe));
        Ok(Self { index, recipe, ranges })
    }
}

/// Whether an index is that of the release that the manifest describes.
fn check(index: &Index, contents: &Contents) -> Result<(), DeltaError> {
    let is_right = u64::from(index.root().blocks()) * BLOCK == contents.root.length
        && u64::from(index.boot().blocks()) == contents.boot.length.div_ceil(BLOCK);
    if is_right { Ok(()) } else { Err(DeltaError::OtherNew) }
}

fn inventory(prefixes: &[Prefix]) -> Result<Inventory, DeltaError> {
    Inventory::of(&Region::Prefixes(prefixes)).map_err(DeltaError::Survey)
}

/// What an origin of blocks is called in a recipe.
#[derive(Clone, Copy)]
enum From {
    Running(Image),
    Target(Image),
    Written(Image),
}

impl From {
    fn way(self, first: u32) -> Way {
        match self {
            Self::Running(image) => Way::Running { image, first },
            Self::Target(image) => Way::Target { image, first },
            Self::Written(image) => Way::Written { image, first },
        }
    }
}

/// How an image of these blocks comes about; content that is nowhere is fetched once.
fn recipe(
    (image, wanted, new): (Image, &[Prefix], &Inventory),
    present: &[Prefix],
    zero: &Digest,
    origins: &[(Origin<'_>, From)],
    spilled_blocks: usize,
) -> Result<ImageRecipe, DeltaError> {
    let (places, names): (Vec<_>, Vec<_>) = origins.iter().copied().unzip();
    let regions = (Region::Prefixes(wanted), Region::Prefixes(present));
    let found = difference(&regions.0, &regions.1, zero, &places, spilled_blocks);
    let Difference { runs, spilled } = found.map_err(DeltaError::Survey)?;
    let mut recipe = ImageRecipe { steps: Vec::new(), wanted: wanted.to_vec(), spilled };
    for run in &runs {
        let way = match run.way {
            verity::Way::InPlace => Way::InPlace,
            verity::Way::Zero => Way::Zero,
            verity::Way::Copy { origin, first } => names[usize::from(origin)].way(first),
            verity::Way::Lacking => {
                let blocks = run.first..run.first + run.blocks;
                for block in blocks {
                    recipe.push(lacking(image, recipe.wanted(block), block, new));
                }
                continue;
            }
        };
        recipe.steps.push(Step { blocks: run.blocks, way });
    }
    Ok(recipe)
}

/// A block that no origin has: fetched, unless one that came before is equal.
fn lacking(image: Image, wanted: Prefix, block: u32, new: &Inventory) -> Way {
    match new.find(wanted).first() {
        Some(first) if *first < block => Way::Written { image, first: *first },
        _ => Way::Supplied,
    }
}

/// The bytes of the frames that hold blocks to fetch, those together that are no further apart than [`GAP`].
fn ranges(index: &Index, image: Image, recipe: &Recipe) -> Vec<Range<u64>> {
    let frames = part(index, image).frames();
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for blocks in recipe.of(image).supplied() {
        let first = frames.partition_point(|frame| frame.first + frame.blocks <= blocks.start);
        for frame in frames[first..].iter().take_while(|frame| frame.first < blocks.end) {
            let (start, end) = (frame.offset, frame.offset + u64::from(frame.length));
            match ranges.last_mut() {
                Some(last) if start <= last.end.saturating_add(GAP) => last.end = last.end.max(end),
                _ => ranges.push(start..end),
            }
        }
    }
    ranges
}

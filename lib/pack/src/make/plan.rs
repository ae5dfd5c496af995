//! What becomes of each block, by the leaves alone.

use std::ops::Range;

use verity::{Digest, Inventory, Leaves, Origin, Prefix, Region, difference, unused};

use super::{Images, MakeError};
use crate::{Extent, Image, Run, Way};

/// The runs of both images, and what is left of the old ones.
pub(crate) struct Plan {
    pub(crate) root: Vec<Run>,
    pub(crate) boot: Vec<Run>,
    /// Old blocks without further use, in order; those of the boot image that the root image has not.
    pub(crate) unused: Vec<Extent>,
}

impl Plan {
    pub(crate) fn runs(&self, image: Image) -> &[Run] {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }
}

pub(crate) fn plan(old: &Images<'_>, new: &Images<'_>, zero: &Digest) -> Result<Plan, MakeError> {
    let wanted = Wanted {
        root: Inventory::of_leaves(new.root.leaves)?,
        boot: Inventory::of_leaves(new.boot.leaves)?,
    };
    let old_root = Inventory::of_leaves(old.root.leaves)?;
    let old_boot = Inventory::of_leaves(old.boot.leaves)?;
    let origins = [(&old_root, Image::Root), (&old_boot, Image::Boot)];
    let root = wanted.runs(Image::Root, new.root.leaves, zero, origins)?;
    let [first, second] = origins;
    let boot = wanted.runs(Image::Boot, new.boot.leaves, zero, [second, first])?;
    let left = |image: Image, found: &[&Inventory]| {
        let ranges = unused(&Region::Leaves(old.of(image).leaves), found)?;
        Ok::<_, MakeError>(ranges.into_iter().map(move |range| extent(image, &range)))
    };
    let from_root = left(Image::Root, &[&wanted.root, &wanted.boot])?;
    // The old kernel lies in both images, and once is enough.
    let from_boot = left(Image::Boot, &[&wanted.root, &wanted.boot, &old_root])?;
    Ok(Plan { root, boot, unused: from_root.chain(from_boot).collect() })
}

fn extent(image: Image, range: &Range<u32>) -> Extent {
    Extent { image, first: range.start, blocks: range.end - range.start }
}

/// What the new images hold.
struct Wanted {
    root: Inventory,
    boot: Inventory,
}

impl Wanted {
    /// The runs of one new image.
    fn runs(
        &self,
        image: Image,
        new: &Leaves,
        zero: &Digest,
        old: [(&Inventory, Image); 2],
    ) -> Result<Vec<Run>, MakeError> {
        let origins = old.map(|(inventory, _)| Origin::Still(inventory));
        let new = Region::Leaves(new);
        let difference = difference(&new, &Region::UNKNOWN, zero, &origins, 0)?;
        let mut runs = Vec::with_capacity(difference.runs.len());
        for run in difference.runs {
            let way = match run.way {
                verity::Way::Zero => Way::Zero,
                verity::Way::Copy { origin, first } => {
                    Way::Old { image: old[usize::from(origin)].1, first }
                }
                verity::Way::InPlace | verity::Way::Lacking => {
                    self.push_lacking(image, &new, &run, &mut runs);
                    continue;
                }
            };
            runs.push(Run { blocks: run.blocks, way });
        }
        Ok(runs)
    }

    /// Adds blocks that are in no old image: new ones, or again what came before.
    fn push_lacking(&self, image: Image, new: &Region<'_>, run: &verity::Run, runs: &mut Vec<Run>) {
        for block in run.first..run.first + run.blocks {
            let next = runs.last().and_then(Run::next_again);
            let way = self
                .again(image, block, new.prefix(u64::from(block)), next)
                .map_or(Way::New, |(image, first)| Way::Again { image, first });
            match runs.last_mut() {
                Some(last) if last.is_followed_by(way) => last.blocks += 1,
                _ => runs.push(Run { blocks: 1, way }),
            }
        }
    }

    /// An equal block that comes before: `next`, or else the first one.
    fn again(
        &self,
        own: Image,
        block: u32,
        prefix: Prefix,
        next: Option<(Image, u32)>,
    ) -> Option<(Image, u32)> {
        let found = |image| match image {
            Image::Root => self.root.find(prefix),
            Image::Boot => self.boot.find(prefix),
        };
        let is_before = |image: Image, place: u32| image < own || image == own && place < block;
        let is_right = |(image, place): &(Image, u32)| {
            is_before(*image, *place) && found(*image).binary_search(place).is_ok()
        };
        let first = || {
            let firsts = Image::ALL.map(|image| Some((image, *found(image).first()?)));
            firsts.into_iter().flatten().find(|(image, place)| is_before(*image, *place))
        };
        next.filter(is_right).or_else(first)
    }
}

impl Run {
    /// What would follow the blocks that it has again.
    fn next_again(&self) -> Option<(Image, u32)> {
        let Way::Again { image, first } = self.way else { return None };
        Some((image, first.checked_add(self.blocks)?))
    }
}

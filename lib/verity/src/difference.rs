//! What a host has to do to turn a region into an image: where each wanted block comes from.
//!
//! A block that is right already stays. Zeros are written. What lies in another region, or elsewhere in the one that is
//! written, is copied, so that consecutive blocks come from consecutive ones where they can. The rest is lacking.
//!
//! The runs are carried out in their order, the blocks of a run likewise; reading ahead is safe, writing ahead is not.
//! A copy within the region that is written has to come before its block is overwritten. Where there is no such copy
//! the block is *spilled*: read into memory before the first write, and copied from there. What would spill
//! more than the limit allows is lacking.
//!
//! Origins are known by prefixes only: hash what was copied before it is written, and treat a wrong block as lacking.
//!
//! Memory: 16 bytes a run, 4 bytes a wanted block at first and 16 at most; the spilled numbers.

use std::ops::Range;

use crate::spill::{Spill, ranges};
use crate::{Digest, Error, Inventory, Prefix, Region};

/// How far back among equal blocks one is looked for that stays where it is.
const LOOK_BACK: usize = 16;

/// A region that blocks can be copied from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// Nobody writes to it meanwhile.
    Still(&'a Inventory),
    /// What lies in the region that is written, before anything was written.
    Target(&'a Inventory),
}

/// Where a wanted block comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is there.
    InPlace,
    /// It is a block of zeros.
    Zero,
    /// It is a block of an origin.
    Copy {
        /// Place of the origin in the list of origins.
        origin: u8,
        /// The origin's block for the first of the run.
        first: u32,
    },
    /// It is nowhere.
    Lacking,
}

/// Consecutive wanted blocks that come the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first wanted block.
    pub first: u32,
    /// How many.
    pub blocks: u32,
    /// Where they come from.
    pub way: Way,
}

/// The whole way from what is there to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// All wanted blocks, in order.
    pub runs: Vec<Run>,
    /// Blocks of the target that have to be read before anything is written, rising.
    pub spilled: Vec<Range<u32>>,
}

/// Finds out how `wanted` comes about in a region that holds `present`.
///
/// `zero` is the digest of a zero block with the salt of all these leaves. Of several origins of a block the first one
/// is taken. At most `spill_limit` blocks are spilled.
///
/// # Errors
///
/// Blocks are numbered with 32 bits, origins with 8.
pub fn difference(
    wanted: &Region<'_>,
    present: &Region<'_>,
    zero: &Digest,
    origins: &[Origin<'_>],
    spill_limit: usize,
) -> Result<Difference, Error> {
    let count = wanted.blocks();
    let end = u32::try_from(count).map_err(|_| Error::TooManyBlocks(count))?;
    if u8::try_from(origins.len()).is_err() {
        return Err(Error::TooManyOrigins(origins.len()));
    }
    let mut search = Search {
        wanted,
        present,
        zero,
        origins,
        shifts: vec![0; origins.len()],
        spill: Spill::new(spill_limit),
        runs: Runs::new(end),
    };
    for block in 0..end {
        let way = search.way_of(block);
        search.runs.push(block, way);
    }
    Ok(Difference { runs: search.runs.0, spilled: search.spill.into_ranges() })
}

/// The blocks of an old image whose content is in none of the wanted inventories, rising.
pub fn unused(old: &Region<'_>, wanted: &[&Inventory]) -> Result<Vec<Range<u32>>, Error> {
    let count = old.blocks();
    let end = u32::try_from(count).map_err(|_| Error::TooManyBlocks(count))?;
    Ok(ranges((0..end).filter(|block| {
        let prefix = old.prefix(u64::from(*block));
        prefix.is_known() && !wanted.iter().any(|inventory| inventory.has(prefix))
    })))
}

/// Looks for blocks, from the first wanted one to the last.
struct Search<'a> {
    wanted: &'a Region<'a>,
    present: &'a Region<'a>,
    zero: &'a Digest,
    origins: &'a [Origin<'a>],
    /// For each origin: its block less the wanted block, at the last copy.
    shifts: Vec<i64>,
    spill: Spill,
    runs: Runs,
}

impl Search<'_> {
    fn way_of(&mut self, block: u32) -> Way {
        let prefix = self.wanted.prefix(u64::from(block));
        if self.stays(block) {
            Way::InPlace
        } else if self.wanted.is(u64::from(block), self.zero) {
            Way::Zero
        } else if let Some(way) = self.next_copy(block, prefix) {
            way
        } else {
            self.any_copy(block, prefix).or_else(|| self.spilled_copy(prefix)).map_or(
                Way::Lacking,
                |(origin, first)| {
                    self.shifts[usize::from(origin)] = i64::from(first) - i64::from(block);
                    Way::Copy { origin, first }
                },
            )
        }
    }

    /// Whether a block of the target is right, and so never overwritten.
    fn stays(&self, block: u32) -> bool {
        self.wanted.has_same(u64::from(block), self.present)
    }

    /// The copy that goes on where the run before ended.
    fn next_copy(&self, block: u32, prefix: Prefix) -> Option<Way> {
        let (origin, first) = self.runs.next_of_copy()?;
        let place = self.origins[usize::from(origin)];
        place.inventory().find(prefix).binary_search(&first).ok()?;
        self.is_safe(place, first, block).then_some(Way::Copy { origin, first })
    }

    /// Whether a block of an origin still is what it was when `block` is written.
    fn is_safe(&self, origin: Origin<'_>, first: u32, block: u32) -> bool {
        match origin {
            Origin::Still(_) => true,
            Origin::Target(_) => first >= block || self.stays(first) || self.spill.has(first),
        }
    }

    /// A copy from anywhere that needs no spilling.
    fn any_copy(&self, block: u32, prefix: Prefix) -> Option<(u8, u32)> {
        self.numbered().find_map(|(number, origin)| {
            let found = origin.inventory().find(prefix);
            let near = self.near(number, block);
            let first = match origin {
                Origin::Still(_) => at_or_after(found, near).or_else(|| found.first().copied()),
                Origin::Target(_) => at_or_after(found, near.max(block))
                    .or_else(|| at_or_after(found, block))
                    .or_else(|| self.kept(found, origin, block)),
            };
            first.map(|first| (number, first))
        })
    }

    /// Of blocks that lie before `block`, one that outlives their places' being written.
    fn kept(&self, found: &[u32], origin: Origin<'_>, block: u32) -> Option<u32> {
        let last = found.iter().rev().take(LOOK_BACK).copied();
        last.into_iter().find(|first| self.is_safe(origin, *first, block))
    }

    /// A copy of a block that is spilled for it; the last of equal ones always is the one.
    fn spilled_copy(&mut self, prefix: Prefix) -> Option<(u8, u32)> {
        let mut targets = self.numbered().filter(|(_, origin)| matches!(origin, Origin::Target(_)));
        let (number, first) = targets.find_map(|(number, origin)| {
            Some((number, *origin.inventory().find(prefix).last()?))
        })?;
        drop(targets);
        self.spill.keep(first).then_some((number, first))
    }

    /// Where the copy of `block` would lie if it went along with the last one from this origin.
    fn near(&self, origin: u8, block: u32) -> u32 {
        let place = i64::from(block) + self.shifts[usize::from(origin)];
        u32::try_from(place.max(0)).unwrap_or(u32::MAX)
    }

    fn numbered(&self) -> impl Iterator<Item = (u8, Origin<'_>)> {
        (0..=u8::MAX).zip(self.origins.iter().copied())
    }
}

impl<'a> Origin<'a> {
    fn inventory(self) -> &'a Inventory {
        match self {
            Self::Still(inventory) | Self::Target(inventory) => inventory,
        }
    }
}

/// The first of rising numbers that is not below `least`.
fn at_or_after(numbers: &[u32], least: u32) -> Option<u32> {
    numbers.get(numbers.partition_point(|number| *number < least)).copied()
}

/// Runs that grow at their end.
struct Runs(Vec<Run>);

impl Runs {
    /// Room for a quarter of the blocks; doubling it ends where each block is a run.
    fn new(blocks: u32) -> Self {
        Self(Vec::with_capacity(usize::try_from(blocks.div_ceil(4)).unwrap_or(0)))
    }

    fn push(&mut self, first: u32, way: Way) {
        match self.0.last_mut() {
            Some(last) if last.is_followed_by(way) => last.blocks += 1,
            _ => self.0.push(Run { first, blocks: 1, way }),
        }
    }

    /// Origin and block that would continue the last run, if that is a copy.
    fn next_of_copy(&self) -> Option<(u8, u32)> {
        let last = self.0.last()?;
        let Way::Copy { origin, first } = last.way else { return None };
        Some((origin, first.checked_add(last.blocks)?))
    }
}

impl Run {
    /// Whether one more block, coming this way, belongs to the run.
    fn is_followed_by(&self, way: Way) -> bool {
        match (self.way, way) {
            (Way::Copy { origin, first }, Way::Copy { origin: next, first: place }) => {
                origin == next && first.checked_add(self.blocks) == Some(place)
            }
            (own, other) => own == other,
        }
    }
}

// What the module says of its memory.
const _: () = assert!(size_of::<Run>() == 16);

//! Frames as a source: the index, and those ranges that hold what is lacking.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use frames::Index;
use tokio::sync::mpsc::Receiver;
use verity::BlockHasher;

use super::DeltaError;
use super::frame_supply::FrameSupply;
use super::frames_way::FramesWay;
use super::make::finish;
use super::present::Trust;
use super::sources::{AHEAD, Assembly, Attempt, bytes, conclude};
use super::survey::{Forecast, Found, Source, Way};
use crate::install::decode::Arriving;
use crate::install::deliver::{Manner, Part};
use crate::install::{InstallError, Watch};
use crate::mirrors::Setback;
use crate::plan::FramesPlan;
use crate::source::Origin;

/// Times that a set is looked at and what it lacks is fetched: once as its tree tells, once as it is, and more where blocks turn out to be bad.
const PASSES: usize = 5;

impl Assembly<'_> {
    pub(super) fn survey_frames(
        &self,
        plan: &FramesPlan,
        found: &mut Found,
    ) -> Result<(), InstallError> {
        let index = self.index(plan, found)?;
        let way = self.frames_way(plan, index, found, Trust::Tree)?;
        found.has_no_ranges = !self.has_ranges(plan, &way)?;
        let wanted = match found.has_no_ranges {
            true => whole(plan, &way.ranges),
            false => way.ranges.clone(),
        };
        let fetch = wanted.iter().map(|ranges| bytes(ranges)).fold(0, u64::saturating_add);
        found.forecast = Some(Forecast {
            source: Source::Frames,
            fetch_bytes: fetch,
            ranges: wanted.iter().map(Vec::len).sum(),
            blocks: Some(way.recipe.tally()),
        });
        found.way = Some(Way::Frames(way));
        Ok(())
    }

    /// Whether frames can be had in ranges, found out by one byte: what else they come to depends on it.
    fn has_ranges(&self, plan: &FramesPlan, way: &FramesWay) -> Result<bool, InstallError> {
        let targets = [&plan.root, &plan.boot].into_iter().zip(&way.ranges);
        let mut first =
            targets.filter_map(|(target, ranges)| Some((target, ranges.first()?.start)));
        let Some((target, start)) = first.next() else { return Ok(true) };
        let asked = self.downloads.mirrors.ask(|mirror| {
            self.downloads.range(mirror, target, start..start + 1).map_err(Setback::Mirror)
        });
        match asked {
            Err(error) if error.is_no_ranges() => Ok(false),
            other => other.map(|_| true),
        }
    }

    pub(super) fn by_frames(
        &self,
        plan: &FramesPlan,
        found: &mut Found,
        watch: &Watch<'_>,
    ) -> Result<(), InstallError> {
        let mut trust = Trust::Tree;
        let mut manner = if found.has_no_ranges { Manner::Whole } else { Manner::Ranges };
        let mut last = None;
        for _ in 0..PASSES {
            let made = self.downloads.mirrors.ask(|mirror| {
                let way = match found.take_frames() {
                    Some(way) => way,
                    None => {
                        let index = self.index(plan, found).map_err(Setback::Host)?;
                        self.frames_way(plan, index, found, trust).map_err(Setback::Host)?
                    }
                };
                // Whatever becomes of this attempt, the set is no longer what its tree says.
                trust = Trust::Nothing;
                self.fetch_frames(mirror, plan, &way, found, manner, watch)
            });
            match made {
                Err(error) if error.is_no_ranges() && manner == Manner::Ranges => {
                    manner = Manner::Whole;
                    last = Some(error);
                }
                Err(error) if error.has_holes() => {
                    // The running set may have bad blocks, of which the next pass knows.
                    last = Some(error);
                }
                other => return other,
            }
        }
        Err(last.unwrap_or(InstallError::Stopped))
    }

    /// Fetches those frames that hold what is lacking, and makes the set.
    fn fetch_frames(
        &self,
        mirror: &Origin,
        plan: &FramesPlan,
        way: &FramesWay,
        found: &mut Found,
        manner: Manner,
        watch: &Watch<'_>,
    ) -> Attempt<()> {
        let targets = [&plan.root, &plan.boot];
        let ranges = match manner {
            Manner::Ranges => way.ranges.clone(),
            Manner::Whole => whole(plan, &way.ranges),
        };
        let parts: Vec<_> = targets
            .into_iter()
            .zip(&ranges)
            .map(|(target, ranges)| Part { target, ranges: ranges.clone() })
            .collect();
        let Found { running, bad, .. } = found;
        let running = running.as_ref().ok_or(Setback::Host(InstallError::Stopped))?;
        let making = self.making(running, way.index.params(), watch);
        let hasher = BlockHasher::new(&way.index.params().salt);
        let take = |chunks: Receiver<Bytes>| {
            let source = Arriving::new(chunks);
            let mut supply = FrameSupply::new(&way.index, &hasher, source, ranges)?;
            let made = making.run(&way.recipe, &mut supply, bad);
            match supply.into_source() {
                Some(source) => finish(made, source),
                None => made,
            }
        };
        let delivered = self.downloads.deliver_parts(mirror, &parts, (manner, AHEAD), take);
        conclude(delivered, |error| frames_failed(plan, error))
    }

    fn frames_way(
        &self,
        plan: &FramesPlan,
        index: Arc<Index>,
        found: &Found,
        trust: Trust,
    ) -> Result<FramesWay, InstallError> {
        let failed = |error| frames_failed(plan, error);
        let running = found.running.as_ref().ok_or_else(|| failed(DeltaError::NoTree))?;
        FramesWay::find(index, &self.ground(running, &found.bad, trust)).map_err(failed)
    }

    /// The index of the frames, whole and as signed.
    fn index(&self, plan: &FramesPlan, found: &mut Found) -> Result<Arc<Index>, InstallError> {
        if let Some(index) = &found.index {
            return Ok(Arc::clone(index));
        }
        let bytes = self.downloads.whole(&plan.index, frames::INDEX_BYTES)?;
        let index = Index::parse(&bytes).map_err(|error| frames_failed(plan, error.into()))?;
        let index = Arc::new(index);
        found.index = Some(Arc::clone(&index));
        Ok(index)
    }
}

fn frames_failed(plan: &FramesPlan, source: DeltaError) -> InstallError {
    let what = format!("what the index {} leads to", plan.index.name());
    InstallError::Blocks { what, source }
}

/// All bytes of those frames of which some are needed.
fn whole(plan: &FramesPlan, [root, boot]: &[Vec<Range<u64>>; 2]) -> [Vec<Range<u64>>; 2] {
    [(&plan.root, root), (&plan.boot, boot)].map(|(target, ranges)| {
        let needed = !ranges.is_empty();
        needed.then(|| 0..target.length()).into_iter().collect()
    })
}

//! The sources of blocks, one after the other: pack, frames. What one of them has brought, the next one finds on the disk.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use cli::ByteCount;
use frames::Index;
use gptprio::SetId;
use manifest::Contents;
use pack::{HEAD_BYTES, HEAD_OFFSET, Head};
use signpost::SetLayout;
use tokio::sync::mpsc::Receiver;
use verity::{BlockHasher, Params};

use super::frame_supply::FrameSupply;
use super::frames_way::FramesWay;
use super::make::{Making, drain};
use super::pack_way::{Ground, PackWay};
use super::pieces::Pieces;
use super::positioned::Positioned;
use super::present::Trust;
use super::survey::{Forecast, Found, Source, Way};
use super::{Bad, DeltaError, Running, head};
use crate::install::decode::Arriving;
use crate::install::deliver::{Manner, Part};
use crate::install::region::BLOCK;
use crate::install::{Downloads, InstallError, Watch};
use crate::mirrors::Setback;
use crate::plan::{FramesPlan, PackPlan, Plan};
use crate::source::Origin;

/// Pieces of a download that may wait: few, since memory is needed elsewhere.
const AHEAD: usize = 4;

/// What buffers take without any blocks being kept, in bytes.
const BUFFERS: u64 = 48 << 20;

/// Times that a set is looked at and what it lacks is fetched: once as its tree tells, once as it is, and more where blocks turn out to be bad.
const PASSES: usize = 5;

/// A release on its way to the inactive set, block by block.
#[derive(Clone, Copy, Debug)]
pub struct Assembly<'a> {
    /// The disk.
    pub disk: &'a File,
    /// The set that is written.
    pub set: SetId,
    /// Its partitions.
    pub layout: &'a SetLayout,
    /// What it is going to hold.
    pub contents: &'a Contents,
    /// Where targets come from.
    pub downloads: &'a Downloads<'a>,
    /// What buffers may take; what is more than they need is for blocks whose places are written before their last use.
    pub memory: ByteCount,
}

/// A source that the plan has.
enum Planned<'a> {
    Pack(&'a PackPlan),
    Frames(&'a FramesPlan),
}

type Attempt<T> = Result<T, Setback<InstallError>>;

impl Assembly<'_> {
    /// Finds the way that is tried first, and what it comes to. Reads the disk and fetches a pack's head, or an index; changes nothing.
    /// `skipped` is told of a source that is of no use.
    ///
    /// # Errors
    ///
    /// Fails when the disk does, and when more would be fetched than may be.
    pub fn survey(
        &self,
        plan: &Plan,
        found: &mut Found,
        skipped: &dyn Fn(&InstallError),
    ) -> Result<(), InstallError> {
        let before = self.downloads.spent();
        let surveyed = self.try_sources(plan, found, skipped, |source, found| match source {
            Planned::Pack(pack) => self.survey_pack(pack, found),
            Planned::Frames(frames) => self.survey_frames(frames, found),
        })?;
        found.spent = self.downloads.spent().saturating_sub(before);
        if surveyed.is_none() {
            let fetch_bytes = plan.image_bytes().saturating_add(found.spent);
            let (source, ranges, blocks) = (Source::Images, 0, None);
            found.forecast = Some(Forecast { source, fetch_bytes, ranges, blocks });
        }
        Ok(())
    }

    /// Makes the set, from the first source that leads to the end. Gives nothing if none does, `watch` having been told why.
    ///
    /// # Errors
    ///
    /// Fails when the disk does, and when more would be fetched than may be.
    pub(in crate::install) fn run(
        &self,
        plan: &Plan,
        found: &mut Found,
        watch: &Watch<'_>,
    ) -> Result<Option<()>, InstallError> {
        let made =
            self.try_sources(plan, found, watch.next_source, |source, found| match source {
                Planned::Pack(pack) => self.by_pack(pack, found, watch),
                Planned::Frames(frames) => self.by_frames(frames, found, watch),
            })?;
        if made.is_some() {
            let flushed = self.disk.sync_all();
            flushed.map_err(|source| InstallError::Flush { set: self.set, source })?;
        }
        Ok(made)
    }

    /// Goes through the sources of a plan until one is good for `attempt`; one that is not is given up.
    fn try_sources(
        &self,
        plan: &Plan,
        found: &mut Found,
        told: &dyn Fn(&InstallError),
        attempt: impl Fn(Planned<'_>, &mut Found) -> Result<(), InstallError>,
    ) -> Result<Option<()>, InstallError> {
        let pack = plan.pack.as_ref().map(|pack| (Source::Pack, Planned::Pack(pack)));
        let frames = plan.frames.as_ref().map(|frames| (Source::Frames, Planned::Frames(frames)));
        for (source, planned) in [pack, frames].into_iter().flatten() {
            if found.given_up.contains(&source) {
                continue;
            }
            match attempt(planned, found) {
                Ok(()) => return Ok(Some(())),
                Err(error) if error.is_of_host() => return Err(error),
                Err(error) => told(&error),
            }
            found.given_up.push(source);
        }
        Ok(None)
    }

    fn survey_pack(&self, pack: &PackPlan, found: &mut Found) -> Result<(), InstallError> {
        let spent = self.downloads.spent();
        match self.downloads.mirrors.ask(|mirror| self.head(mirror, pack, found)) {
            Ok(head) => {
                let way = self.pack_way(head, found, Trust::Tree);
                let way = way.map_err(|error| pack_failed(pack, error))?;
                let fetch = bytes(&way.ranges()).saturating_add(self.downloads.spent() - spent);
                found.forecast = Some(Forecast {
                    source: Source::Pack,
                    fetch_bytes: fetch,
                    ranges: way.ranges().len(),
                    blocks: Some(way.recipe.tally()),
                });
                found.way = Some(Way::Pack(way));
                Ok(())
            }
            // All of it comes in one stream, and what it is made of shows then.
            Err(error) if error.is_no_ranges() => {
                let (source, fetch_bytes) = (Source::Pack, pack.target.length());
                found.forecast = Some(Forecast { source, fetch_bytes, ranges: 0, blocks: None });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn survey_frames(&self, plan: &FramesPlan, found: &mut Found) -> Result<(), InstallError> {
        let spent = self.downloads.spent();
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
            fetch_bytes: fetch.saturating_add(self.downloads.spent() - spent),
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

    fn by_pack(
        &self,
        pack: &PackPlan,
        found: &mut Found,
        watch: &Watch<'_>,
    ) -> Result<(), InstallError> {
        match self.pack_once(pack, found, watch, Trust::Tree) {
            // The set's tree may have told what is not there, and by now it is gone.
            Err(error) if error.has_holes() => self.pack_once(pack, found, watch, Trust::Nothing),
            other => other,
        }
    }

    fn pack_once(
        &self,
        pack: &PackPlan,
        found: &mut Found,
        watch: &Watch<'_>,
        trust: Trust,
    ) -> Result<(), InstallError> {
        let mut trust = trust;
        let ranged = self.downloads.mirrors.ask(|mirror| {
            let way = match found.take_pack() {
                Some(way) => way,
                None => {
                    let head = self.head(mirror, pack, found)?;
                    let way = self.pack_way(head, found, trust);
                    way.map_err(|error| Setback::Host(pack_failed(pack, error)))?
                }
            };
            // Whatever becomes of this attempt, the set is no longer what its tree says.
            trust = Trust::Nothing;
            self.fetch_pieces(mirror, pack, &way, found, watch)
        });
        match ranged {
            Err(error) if error.is_no_ranges() => {
                self.downloads.mirrors.ask(|mirror| self.stream_pack(mirror, pack, found, watch))
            }
            other => other,
        }
    }

    /// Fetches those pieces of a pack that are not there, and makes the set.
    fn fetch_pieces(
        &self,
        mirror: &Origin,
        pack: &PackPlan,
        way: &PackWay,
        found: &mut Found,
        watch: &Watch<'_>,
    ) -> Attempt<()> {
        let ranges = way.ranges();
        let parts = [Part { target: &pack.target, ranges: ranges.clone() }];
        let Found { running, bad, .. } = found;
        let running = running.as_ref().ok_or(Setback::Host(InstallError::Stopped))?;
        let tree = running.tree().ok_or(Setback::Host(InstallError::Stopped))?;
        let making = self.making(running, &tree.params, watch);
        let take = |chunks: Receiver<Bytes>| {
            let source = Positioned::new(Arriving::new(chunks), ranges);
            let mut pieces = Pieces::new(&way.head, &way.needed, source, running);
            let made = making.run(&way.recipe, &mut pieces, bad);
            drain(&mut pieces.into_source().into_source());
            made
        };
        let delivered = self.downloads.deliver_parts(mirror, &parts, (Manner::Ranges, AHEAD), take);
        conclude(delivered, |error| pack_failed(pack, error))
    }

    /// Takes a pack from a server without ranges: all of it, from its first byte to its last.
    fn stream_pack(
        &self,
        mirror: &Origin,
        pack: &PackPlan,
        found: &mut Found,
        watch: &Watch<'_>,
    ) -> Attempt<()> {
        let whole = 0..pack.target.length();
        let parts = [Part { target: &pack.target, ranges: vec![whole.clone()] }];
        let Found { running, bad, .. } = found;
        let running = running.as_ref().ok_or(Setback::Host(InstallError::Stopped))?;
        let tree = running.tree().ok_or(Setback::Host(InstallError::Stopped))?;
        let making = self.making(running, &tree.params, watch);
        let (disk, layout, contents) = (self.disk, self.layout, self.contents);
        let take = |chunks: Receiver<Bytes>| {
            let mut arriving = Arriving::new(chunks);
            let head = head::read(&mut arriving, &pack.head)?;
            let behind = HEAD_OFFSET.saturating_add(pack.head.length)..whole.end;
            let trust = Trust::Tree;
            let ground = Ground { disk, layout, contents, running, bad, trust, spilled_blocks: 0 };
            let way = PackWay::find(Arc::new(head), &ground)?;
            let source = Positioned::new(arriving, vec![behind]);
            let mut pieces = Pieces::new(&way.head, &way.needed, source, running);
            let made = making.run(&way.recipe, &mut pieces, bad);
            drain(&mut pieces.into_source().into_source());
            made
        };
        let delivered = self.downloads.deliver_parts(mirror, &parts, (Manner::Whole, AHEAD), take);
        conclude(delivered, |error| pack_failed(pack, error))
    }

    fn by_frames(
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
            supply.into_source().iter_mut().for_each(drain);
            made
        };
        let delivered = self.downloads.deliver_parts(mirror, &parts, (manner, AHEAD), take);
        conclude(delivered, |error| frames_failed(plan, error))
    }

    fn making<'b>(
        &'b self,
        running: &'b Running,
        params: &'b Params,
        watch: &'b Watch<'_>,
    ) -> Making<'b> {
        Making {
            disk: self.disk,
            layout: self.layout,
            contents: self.contents,
            running,
            params,
            written: watch.written,
            checked: watch.checked,
        }
    }

    fn ground<'b>(&'b self, running: &'b Running, bad: &'b Bad, trust: Trust) -> Ground<'b> {
        let (disk, layout, contents) = (self.disk, self.layout, self.contents);
        let spilled_blocks = self.spilled_blocks();
        Ground { disk, layout, contents, running, bad, trust, spilled_blocks }
    }

    fn spilled_blocks(&self) -> usize {
        let blocks = self.memory.0.saturating_sub(BUFFERS) / BLOCK;
        usize::try_from(blocks).unwrap_or(usize::MAX)
    }

    fn pack_way(
        &self,
        head: Arc<Head>,
        found: &Found,
        trust: Trust,
    ) -> Result<PackWay, DeltaError> {
        let running = found.running.as_ref().ok_or(DeltaError::NoTree)?;
        PackWay::find(head, &self.ground(running, &found.bad, trust))
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

    /// The head of a pack, fetched by itself and compared with the manifest.
    fn head(&self, mirror: &Origin, pack: &PackPlan, found: &mut Found) -> Attempt<Arc<Head>> {
        if let Some(head) = &found.head {
            return Ok(Arc::clone(head));
        }
        let failed = |error| pack_failed(pack, error);
        if usize::try_from(pack.head.length).ok().is_none_or(|length| length > HEAD_BYTES) {
            return Err(Setback::Host(failed(pack::Error::HeadTooLong.into())));
        }
        let start = 0..HEAD_OFFSET.saturating_add(pack.head.length);
        if start.end > pack.target.length() {
            return Err(Setback::Host(failed(DeltaError::Short)));
        }
        let bytes = self.downloads.range(mirror, &pack.target, start).map_err(Setback::Mirror)?;
        let head = head::read(&mut &bytes[..], &pack.head);
        let head = Arc::new(head.map_err(|error| setback(error, failed))?);
        found.head = Some(Arc::clone(&head));
        Ok(head)
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

/// What became of a delivery, and of what was made of it.
fn conclude(
    delivered: Result<super::super::deliver::Made<Result<(), DeltaError>>, InstallError>,
    failed: impl Fn(DeltaError) -> InstallError,
) -> Attempt<()> {
    let delivered = delivered.map_err(|error| match error {
        error if error.is_of_host() => Setback::Host(error),
        error => Setback::Mirror(error),
    })?;
    let made = delivered.taken.map_err(|_| Setback::Host(InstallError::Stopped))?;
    match (delivered.fetched, made) {
        // The other side has gone first, and knows why.
        (Err(InstallError::Stopped), Err(error)) => Err(setback(error, failed)),
        // What did not come explains what could not be made, unless the disk is at fault.
        (Err(error), Err(of_disk)) if of_disk.is_of_disk() => {
            drop(error);
            Err(setback(of_disk, failed))
        }
        (Err(InstallError::Stopped), Ok(())) => Err(Setback::Host(InstallError::Stopped)),
        (Err(error), _) => Err(Setback::Mirror(error)),
        (Ok(()), made) => made.map_err(|error| setback(error, failed)),
    }
}

fn setback(
    error: DeltaError,
    failed: impl Fn(DeltaError) -> InstallError,
) -> Setback<InstallError> {
    if error.is_of_mirror() { Setback::Mirror(failed(error)) } else { Setback::Host(failed(error)) }
}

fn pack_failed(pack: &PackPlan, source: DeltaError) -> InstallError {
    InstallError::Blocks { what: format!("the pack {}", pack.target.name()), source }
}

fn frames_failed(plan: &FramesPlan, source: DeltaError) -> InstallError {
    InstallError::Blocks { what: format!("the index {}", plan.index.name()), source }
}

/// All bytes of those frames of which some are needed.
fn whole(plan: &FramesPlan, [root, boot]: &[Vec<Range<u64>>; 2]) -> [Vec<Range<u64>>; 2] {
    [(&plan.root, root), (&plan.boot, boot)].map(|(target, ranges)| {
        let needed = !ranges.is_empty();
        needed.then(|| 0..target.length()).into_iter().collect()
    })
}

fn bytes(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add)
}

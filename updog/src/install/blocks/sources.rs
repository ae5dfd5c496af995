//! The sources of blocks, one after the other: pack, frames. What one of them has brought, the next one finds on the disk.

use std::fs::File;
use std::ops::Range;

use cli::ByteCount;
use gptprio::SetId;
use manifest::Contents;
use signpost::SetLayout;
use verity::Params;

use super::make::Making;
use super::pack_way::Ground;
use super::present::Trust;
use super::survey::{Forecast, Found, Source};
use super::{Bad, DeltaError, Running};
use crate::install::deliver::Made;
use crate::install::region::BLOCK;
use crate::install::{Downloads, InstallError, Watch};
use crate::mirrors::Setback;
use crate::plan::{FramesPlan, PackPlan, Plan};

/// Pieces of a download that may wait: few, since memory is needed elsewhere.
pub(super) const AHEAD: usize = 4;

/// What buffers take without any blocks being kept, in bytes.
const BUFFERS: u64 = 48 << 20;

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

pub(super) type Attempt<T> = Result<T, Setback<InstallError>>;

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
            let (source, ranges, blocks) = (Source::Images, 0, None);
            let fetch_bytes = plan.image_bytes();
            found.forecast = Some(Forecast { source, fetch_bytes, ranges, blocks });
        }
        // Of a source that was given up, too.
        if let Some(forecast) = &mut found.forecast {
            forecast.fetch_bytes = forecast.fetch_bytes.saturating_add(found.spent);
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

    /// Goes through the sources of a plan until one is good for `attempt`; one that is not is given up. Where servers are in trouble, whole images
    /// are no answer: what has come stays, and the same command goes on later.
    fn try_sources(
        &self,
        plan: &Plan,
        found: &mut Found,
        told: &dyn Fn(&InstallError),
        attempt: impl Fn(Planned<'_>, &mut Found) -> Result<(), InstallError>,
    ) -> Result<Option<()>, InstallError> {
        let pack = plan.pack.as_ref().map(|pack| (Source::Pack, Planned::Pack(pack)));
        let frames = plan.frames.as_ref().map(|frames| (Source::Frames, Planned::Frames(frames)));
        let mut sources = [pack, frames].into_iter().flatten().peekable();
        while let Some((source, planned)) = sources.next() {
            if found.given_up.contains(&source) {
                continue;
            }
            match attempt(planned, found) {
                Ok(()) => return Ok(Some(())),
                Err(error) if error.is_of_host() => return Err(error),
                Err(error) if error.is_away() && sources.peek().is_none() => return Err(error),
                Err(error) => told(&error),
            }
            found.given_up.push(source);
        }
        Ok(None)
    }

    pub(super) fn making<'b>(
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

    pub(super) fn ground<'b>(
        &'b self,
        running: &'b Running,
        bad: &'b Bad,
        trust: Trust,
    ) -> Ground<'b> {
        let (disk, layout, contents) = (self.disk, self.layout, self.contents);
        let spilled_blocks = self.spilled_blocks();
        Ground { disk, layout, contents, running, bad, trust, spilled_blocks }
    }

    fn spilled_blocks(&self) -> usize {
        let blocks = self.memory.0.saturating_sub(BUFFERS) / BLOCK;
        usize::try_from(blocks).unwrap_or(usize::MAX)
    }
}

/// What became of a delivery, and of what was made of it.
pub(super) fn conclude(
    delivered: Result<Made<Result<(), DeltaError>>, InstallError>,
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

pub(super) fn setback(
    error: DeltaError,
    failed: impl Fn(DeltaError) -> InstallError,
) -> Setback<InstallError> {
    if error.is_of_mirror() { Setback::Mirror(failed(error)) } else { Setback::Host(failed(error)) }
}

pub(super) fn bytes(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add)
}

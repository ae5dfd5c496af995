//! A delta pack as a source: its head, and those pieces that are not there.

use std::sync::Arc;

use bytes::Bytes;
use pack::{HEAD_BYTES, HEAD_OFFSET, Head};
use tokio::sync::mpsc::Receiver;

use super::make::finish;
use super::pack_way::{Ground, PackWay};
use super::pieces::Pieces;
use super::positioned::Positioned;
use super::present::Trust;
use super::sources::{AHEAD, Assembly, Attempt, bytes, conclude, setback};
use super::survey::{Forecast, Found, Source, Way};
use super::{DeltaError, head};
use crate::install::decode::Arriving;
use crate::install::deliver::{Manner, Part};
use crate::install::{InstallError, Watch};
use crate::mirrors::Setback;
use crate::plan::PackPlan;
use crate::source::Origin;

impl Assembly<'_> {
    pub(super) fn survey_pack(
        &self,
        pack: &PackPlan,
        found: &mut Found,
    ) -> Result<(), InstallError> {
        match self.downloads.mirrors.ask(|mirror| self.head(mirror, pack, found)) {
            Ok(head) => {
                let way = self.pack_way(head, found, Trust::Tree);
                let way = way.map_err(|error| pack_failed(pack, error))?;
                let fetch = bytes(&way.ranges());
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

    pub(super) fn by_pack(
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
            finish(made, pieces.into_source().into_source())
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
            finish(made, pieces.into_source().into_source())
        };
        let delivered = self.downloads.deliver_parts(mirror, &parts, (Manner::Whole, AHEAD), take);
        conclude(delivered, |error| pack_failed(pack, error))
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
}

fn pack_failed(pack: &PackPlan, source: DeltaError) -> InstallError {
    InstallError::Blocks { what: format!("the pack {}", pack.target.name()), source }
}

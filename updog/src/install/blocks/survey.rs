//! What a way to a release would fetch and write, found out before anything is done.

use std::sync::Arc;

use frames::Index;
use pack::Head;
use serde::Serialize;

use super::frames_way::FramesWay;
use super::pack_way::PackWay;
use super::recipe::Tally;
use super::{Bad, Running};

/// Where what is lacking comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A delta pack for the running release.
    Pack,
    /// Ranges of the release's frames.
    Frames,
    /// The whole images.
    Images,
}

/// What is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Where what is lacking comes from.
    pub source: Source,
    /// Bytes that travel, those included that finding this out has taken; without migrations.
    pub fetch_bytes: u64,
    /// In how many ranges, if in any.
    pub ranges: usize,
    /// Where the blocks of root and boot image come from, if that is known.
    pub blocks: Option<Tally>,
}

/// A way that was found, and what was fetched to find one.
#[derive(Debug, Default)]
pub struct Found {
    pub(super) running: Option<Running>,
    pub(super) head: Option<Arc<Head>>,
    pub(super) index: Option<Arc<Index>>,
    /// The way that is tried first, if it was found already.
    pub(super) way: Option<Way>,
    pub(super) bad: Bad,
    /// Sources that turned out to be of no use.
    pub(super) given_up: Vec<Source>,
    /// No server has ranges of frames: they come whole.
    pub(super) has_no_ranges: bool,
    /// Bytes that were fetched to find it.
    pub(super) spent: u64,
    /// What it comes to.
    pub forecast: Option<Forecast>,
}

/// How a release comes about.
#[derive(Debug)]
pub(super) enum Way {
    Pack(PackWay),
    Frames(FramesWay),
}

impl Found {
    /// What is known of the running set; nothing of what it has can be used without that.
    pub fn new(running: Option<Running>) -> Self {
        Self { running, ..Self::default() }
    }

    /// The running set, if anything of it can be used.
    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// Bytes that finding a way has taken.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    pub(super) fn take_pack(&mut self) -> Option<PackWay> {
        match self.way.take() {
            Some(Way::Pack(way)) => Some(way),
            other => {
                self.way = other;
                None
            }
        }
    }

    pub(super) fn take_frames(&mut self) -> Option<FramesWay> {
        match self.way.take() {
            Some(Way::Frames(way)) => Some(way),
            other => {
                self.way = other;
                None
            }
        }
    }
}

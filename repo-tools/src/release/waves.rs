//! `release waves`: changes when a published release reaches whom.

use std::fmt;

use manifest::Schedule;
use semver::Version;
use serde::Serialize;

use super::{Outcome, Selector};
use crate::files::Observer;
use crate::publish::{Author, Change};
use crate::{Depth, Result, time};

/// New waves; no schedule means everyone at once.
#[derive(Clone, Debug)]
pub struct WaveChange {
    /// Which release.
    pub release: Selector,
    /// When it reaches whom.
    pub schedule: Option<Schedule>,
}

/// What `release waves` did.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// Whether anything was done.
    pub outcome: Outcome,
    /// Variant.
    pub variant: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: Version,
    /// When the first hosts may take it; nothing: at once.
    pub from: Option<String>,
    /// When all hosts may.
    pub until: Option<String>,
}

/// Changes the waves of a release.
///
/// # Errors
///
/// Fails if no release, or several, match.
pub fn change_waves(
    author: &Author,
    wanted: &WaveChange,
    observer: &mut dyn Observer,
) -> Result<Changed> {
    let mut change = Change::begin(author)?;
    let schedule = wanted.schedule.clone().unwrap_or_default();
    let place = wanted.release.find(&change.published.manifest)?;
    let update = &mut change.published.manifest.updates[place];
    let waves = schedule.waves();
    let mut changed = Changed {
        outcome: Outcome::NothingToDo,
        variant: update.variant.clone(),
        arch: update.arch.clone(),
        version: update.version.clone(),
        from: waves.first().map(|wave| time::stamp(wave.start)),
        until: waves.last().map(|wave| time::stamp(wave.end)),
    };
    if update.schedule() == schedule {
        return Ok(changed);
    }
    update.waves = schedule.waves;
    update.waves_end = schedule.waves_end;
    change.can_sign(Depth::Targets)?;
    change.write_manifest(observer)?;
    change.publish(Depth::Targets, observer)?;
    changed.outcome = Outcome::Done;
    Ok(changed)
}

impl fmt::Display for Changed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, arch, version, .. } = self;
        write!(out, "{variant} {arch} {version} goes to all hosts ")?;
        match (&self.from, &self.until) {
            (Some(from), Some(until)) => write!(out, "between {from} and {until}"),
            _ => write!(out, "at once"),
        }
    }
}

//! `waves explain`: what a wave policy means, before anything is published.

use std::fmt;
use std::path::Path;

use chrono::{DateTime, Utc};
use manifest::{Ready, Schedule, Seed, WavePolicy};
use serde::Serialize;

use crate::files::read_text;
use crate::{Error, Result, time};

/// A schedule in words.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The waves in order.
    pub waves: Vec<ExplainedWave>,
    /// How many of 1000 hosts may take the release at `now`.
    pub ready_permille: u32,
    /// The time that was asked about.
    pub now: String,
    /// What was asked about one seed.
    pub seed: Option<ExplainedSeed>,
}

/// One wave.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedWave {
    /// Lowest seed.
    pub first_seed: u16,
    /// Highest seed.
    pub last_seed: u16,
    /// How many of 1000 hosts are in it.
    pub permille: u32,
    /// When it starts.
    pub start: String,
    /// When all of it is ready.
    pub end: String,
}

/// One seed.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedSeed {
    /// The seed.
    pub seed: u16,
    /// From when on it may take the release.
    pub ready_at: String,
    /// Whether it may at `now`.
    pub ready: bool,
}

/// Reads a wave policy for a release that starts at `start`.
///
/// # Errors
///
/// [`Error::Read`] or [`Error::Waves`].
pub(crate) fn schedule(path: &Path, start: DateTime<Utc>) -> Result<Schedule> {
    let refuse = |source| Error::Waves { path: path.to_owned(), source };
    WavePolicy::parse(&read_text(path)?).and_then(|policy| policy.waves(start)).map_err(refuse)
}

/// Explains a schedule.
///
/// # Errors
///
/// [`Error::Seed`] if the seed is none.
pub fn explain(schedule: &Schedule, seed: Option<u64>, now: DateTime<Utc>) -> Result<Explanation> {
    let waves = schedule.waves().into_iter().map(|wave| ExplainedWave {
        first_seed: wave.first.value(),
        last_seed: wave.last.value(),
        permille: share(wave.last.value() - wave.first.value() + 1),
        start: time::stamp(wave.start),
        end: time::stamp(wave.end),
    });
    let one = |number| -> Result<_> {
        let seed = Seed::new(number).map_err(|_| Error::Seed(number))?;
        let ready = schedule.ready_at(seed);
        Ok(ExplainedSeed {
            seed: seed.value(),
            ready_at: match ready {
                Ready::AtOnce => "at once".to_owned(),
                Ready::At(_) => ready.to_string(),
            },
            ready: ready.is_reached(now),
        })
    };
    Ok(Explanation {
        waves: waves.collect(),
        ready_permille: permille(schedule.ready_count(now)),
        now: time::stamp(now),
        seed: seed.map(one).transpose()?,
    })
}

/// Thousandths, rounded down: not all before all.
fn permille(seeds: u16) -> u32 {
    u32::from(seeds) * 1000 / u32::from(Seed::COUNT)
}

/// Thousandths, rounded to the nearest.
fn share(seeds: u16) -> u32 {
    (u32::from(seeds) * 1000 + u32::from(Seed::COUNT) / 2) / u32::from(Seed::COUNT)
}

/// Thousandths as `12.3 %`.
fn percent(permille: u32) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:>5} {:>5} {:>8}  {:<20}  ready", "seeds", "", "hosts", "from")?;
        for wave in &self.waves {
            let ExplainedWave { first_seed, last_seed, start, end, .. } = wave;
            let hosts = percent(wave.permille);
            writeln!(out, "{first_seed:>5} {last_seed:>5} {hosts:>8}  {start:<20}  {end}")?;
        }
        write!(out, "at {}, {} of hosts are ready", self.now, percent(self.ready_permille))?;
        if let Some(ExplainedSeed { seed, ready_at, ready }) = &self.seed {
            let is = if *ready { "is ready" } else { "is not ready yet" };
            write!(out, "\nseed {seed} {is}: {ready_at}")?;
        }
        Ok(())
    }
}

//! Waves: when a release reaches which part of the fleet.
//!
//! On the wire a wave is a key k (a seed) with a time T: seeds above k and up to the next key become ready
//! between T and the next time. Within a wave hosts come evenly: seed s of the wave (k, k'] is ready at
//! `T + (T' − T) × (s − k) / (k' − k)`, rounded up to the nanosecond, so that nobody is early.
//!
//! Seeds up to the first key (with a policy of ours that is seed 0 alone) are held to the first time. The
//! last wave is spread over the seeds that are left until `waves_end`; without that field it comes at once.
//! No waves: everybody at once.
//!
//! This is not the formula of Bottlerocket's own updater, which multiplies by s where it should by s − k, so that the
//! late seeds of a wave gather in one instant. The wire format is the same.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::seed::{Seed, decimal};

/// Start keys and their times, both strictly rising. Keys are 0 to 2048.
///
/// # Invariants
///
/// Checked when made: at most 2049 keys, none above 2048, each later key at a later time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, DateTime<Utc>>")]
pub struct Waves(BTreeMap<u16, DateTime<Utc>>);

/// Waves with the time at which the last of them has reached everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Start keys and times.
    pub waves: Waves,
    /// End of the last wave; `None`: the last wave comes at once.
    pub waves_end: Option<DateTime<Utc>>,
}

/// One wave: the seeds `first..=last`, which become ready between two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wave {
    /// Lowest seed of the wave.
    pub first: Seed,
    /// Highest seed of the wave.
    pub last: Seed,
    /// When the wave starts.
    pub start: DateTime<Utc>,
    /// When all of it is ready; equal to `start` when it comes at once.
    pub end: DateTime<Utc>,
    /// Parts that the wave is divided into; the last seed of the last wave comes one part before the end.
    #[serde(skip)]
    parts: u16,
}

/// A wave by its place among all of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WavePlace {
    /// Its place, counted from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// The wave.
    #[serde(flatten)]
    pub wave: Wave,
}

/// When a host may take a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// Since it was published: there are no waves.
    AtOnce,
    /// From this time on.
    At(DateTime<Utc>),
}

/// Waves that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WavesError {
    /// A key is no decimal number, or has leading zeros.
    #[error("wave key '{0}' is not a decimal number")]
    NoNumber(String),
    /// A key above 2048.
    #[error("wave key {0} is above 2048")]
    TooHigh(u64),
    /// A later wave that does not start later.
    #[error("wave {key} starts at {time}, not after the wave before it", time = stamp(time))]
    NotRising {
        /// Key of the wave.
        key: u16,
        /// Its time.
        time: DateTime<Utc>,
    },
    /// An end without any wave.
    #[error("'waves_end' is given, but there are no waves")]
    EndWithoutWaves,
    /// The end is not after the start of the last wave.
    #[error("'waves_end' is {end}, not after the start of the last wave", end = stamp(end))]
    EndNotAfterStart {
        /// The end.
        end: DateTime<Utc>,
    },
}

impl Waves {
    /// Takes keys and times as they are.
    ///
    /// # Errors
    ///
    /// Fails when a key is above 2048 or a time does not rise.
    pub fn new(starts: impl IntoIterator<Item = (u64, DateTime<Utc>)>) -> Result<Self, WavesError> {
        let mut keys = BTreeMap::new();
        for (key, time) in starts {
            keys.insert(checked_key(key)?, time);
        }
        let times = keys.values().zip(keys.iter().skip(1));
        for (before, (&key, &time)) in times {
            if time <= *before {
                return Err(WavesError::NotRising { key, time });
            }
        }
        Ok(Self(keys))
    }

    /// Whether there are none: the release is for everybody at once.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Keys and times, rising.
    pub fn iter(&self) -> impl Iterator<Item = (u16, DateTime<Utc>)> {
        self.0.iter().map(|(&key, &time)| (key, time))
    }
}

impl TryFrom<BTreeMap<String, DateTime<Utc>>> for Waves {
    type Error = WavesError;

    fn try_from(starts: BTreeMap<String, DateTime<Utc>>) -> Result<Self, WavesError> {
        let numbered: Result<Vec<_>, _> =
            starts.into_iter().map(|(key, time)| parse_key(&key).map(|key| (key, time))).collect();
        Self::new(numbered?)
    }
}

impl Schedule {
    /// Everybody from `start` on, and nobody before.
    #[must_use]
    pub fn all_from(start: DateTime<Utc>) -> Self {
        Self { waves: Waves(BTreeMap::from([(0, start)])), waves_end: None }
    }

    /// Whether the end fits the waves.
    ///
    /// # Errors
    ///
    /// Fails when there is an end without waves, or one that is not after the last start.
    pub fn check(&self) -> Result<(), WavesError> {
        match (self.waves_end, self.waves.0.values().next_back()) {
            (Some(_), None) => Err(WavesError::EndWithoutWaves),
            (Some(end), Some(start)) if end <= *start => Err(WavesError::EndNotAfterStart { end }),
            _ => Ok(()),
        }
    }

    /// When a host of this seed may take the release.
    pub fn ready_at(&self, seed: Seed) -> Ready {
        let wave = self.waves().into_iter().find(|wave| wave.first <= seed && seed <= wave.last);
        wave.map_or(Ready::AtOnce, |wave| Ready::At(wave.time_of(seed)))
    }

    /// The wave that brings the release to this seed, and its place; nothing when there are no waves.
    pub fn place_of(&self, seed: Seed) -> Option<WavePlace> {
        let waves = self.waves();
        let index = waves.iter().position(|wave| wave.first <= seed && seed <= wave.last)?;
        // The seeds that are held to the start of the first wave are listed before it, and belong to it.
        let (number, of) = (index.max(1), waves.len().saturating_sub(1).max(1));
        Some(WavePlace { number, of, wave: waves[index] })
    }

    /// How many of the 2048 seeds are ready at `now`.
    pub fn ready_count(&self, now: DateTime<Utc>) -> u16 {
        let waves = self.waves();
        if waves.is_empty() {
            return Seed::COUNT;
        }
        let ready = |wave: &Wave| {
            let seeds = wave.first.value()..=wave.last.value();
            seeds.filter(|&seed| wave.time_at(seed) <= now).count()
        };
        u16::try_from(waves.iter().map(ready).sum::<usize>()).unwrap_or(Seed::COUNT)
    }

    /// The waves as spans of seeds and times, in order, without empty ones. Together they hold every seed
    /// once, unless there are no waves at all.
    pub fn waves(&self) -> Vec<Wave> {
        let Some((&first_key, &first_time)) = self.waves.0.first_key_value() else {
            return Vec::new();
        };
        let held = Wave::over(None, first_key, first_time, first_time);
        let bounds: Vec<_> = self.waves.iter().chain(self.last_bound()).collect();
        let spread = bounds.windows(2).map(|pair| {
            let ((after, start), (up_to, end)) = (pair[0], pair[1]);
            Wave::over(Some(after), up_to, start, end)
        });
        held.into_iter().chain(spread.flatten()).collect()
    }

    /// Where and when the last wave ends.
    fn last_bound(&self) -> Option<(u16, DateTime<Utc>)> {
        let (_, &start) = self.waves.0.last_key_value()?;
        Some((Seed::COUNT, self.waves_end.unwrap_or(start)))
    }
}

impl Wave {
    /// The seeds above `after` and up to `up_to`, or nothing when there are none.
    fn over(
        after: Option<u16>,
        up_to: u16,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Option<Self> {
        let first = after.map_or(0, |key| key.saturating_add(1));
        let parts = up_to.saturating_sub(after.unwrap_or(0));
        let first = Seed::new(first.into()).ok()?;
        let last = Seed::new(up_to.into()).unwrap_or(Seed::MAX);
        (first <= last).then_some(Self { first, last, start, end, parts })
    }

    /// When a seed of this wave is ready.
    fn time_of(&self, seed: Seed) -> DateTime<Utc> {
        self.time_at(seed.value())
    }

    fn time_at(&self, seed: u16) -> DateTime<Utc> {
        let place = i128::from(seed) - i128::from(self.first.value()) + 1;
        let length = nanoseconds(self.end - self.start);
        let parts = i128::from(self.parts.max(1));
        let share = (length * place + parts - 1) / parts;
        self.start.checked_add_signed(delta(share)).map_or(self.end, |time| time.min(self.end))
    }
}

impl Ready {
    /// Whether the time has come.
    pub fn is_reached(self, now: DateTime<Utc>) -> bool {
        match self {
            Self::AtOnce => true,
            Self::At(time) => time <= now,
        }
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtOnce => out.write_str("at once"),
            Self::At(time) => out.write_str(&stamp(time)),
        }
    }
}

/// A time to the second, rounded up so that it never names a moment before the true one.
pub(crate) fn stamp(time: &DateTime<Utc>) -> String {
    let rest =
        i64::from(1_000_000_000 - time.timestamp_subsec_nanos().min(1_000_000_000)) % 1_000_000_000;
    let whole = time.checked_add_signed(TimeDelta::nanoseconds(rest)).unwrap_or(*time);
    whole.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn parse_key(text: &str) -> Result<u64, WavesError> {
    decimal(text).ok_or_else(|| WavesError::NoNumber(text.chars().take(40).collect()))
}

fn checked_key(key: u64) -> Result<u16, WavesError> {
    match u16::try_from(key) {
        Ok(small) if small <= Seed::COUNT => Ok(small),
        _ => Err(WavesError::TooHigh(key)),
    }
}

fn nanoseconds(length: TimeDelta) -> i128 {
    i128::from(length.num_seconds()) * 1_000_000_000 + i128::from(length.subsec_nanos())
}

/// A span that lies within one that chrono gave, so that it fits; the fallback is never met.
fn delta(nanoseconds: i128) -> TimeDelta {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok();
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok();
    seconds.zip(rest).and_then(|(seconds, rest)| TimeDelta::new(seconds, rest)).unwrap_or_default()
}

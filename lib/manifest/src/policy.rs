//! A wave policy: how fast a release spreads, without saying which release or when.
//!
//! TOML:
//!
//! ```toml
//! ends_after = "7 days"        # optional: when the last wave has reached everyone
//!
//! [[waves]]
//! start_after = "1 hour"       # after the start of the release
//! fleet_percentage = 10        # share of the whole fleet that is ready when this wave ends
//!
//! [[waves]]
//! start_after = "1 day"
//! fleet_percentage = 100
//! ```
//!
//! A wave ends where the next one starts. The last one ends at `ends_after`; without it, it comes at once.
//! The last wave must reach 100 %: the manifest has no way to keep a host from a release for ever, so a
//! policy that seems to say so is refused.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::offset::Offset;
use crate::seed::Seed;
use crate::waves::{Schedule, Waves, WavesError};

/// A checked policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WavePolicy {
    /// When the last wave has reached everyone; `None`: the last wave comes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_after: Option<Offset>,
    waves: Vec<PolicyWave>,
}

/// One wave of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyWave {
    /// Start of the wave, counted from the start of the release.
    pub start_after: Offset,
    /// Share of the whole fleet that is ready when this wave ends, 1 to 100.
    pub fleet_percentage: u8,
}

/// A policy that contradicts itself.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// Not the TOML that we accept; says line and column.
    #[error("wave policy cannot be read")]
    Syntax(#[from] toml::de::Error),
    /// There is no wave.
    #[error("wave policy has no waves")]
    Empty,
    /// A percentage outside of 1 to 100.
    #[error("wave {number} of the policy has fleet_percentage {percentage}, not 1 to 100")]
    Percentage {
        /// Place of the wave, counted from 1.
        number: usize,
        /// The percentage.
        percentage: u8,
    },
    /// A later wave that does not reach more of the fleet.
    #[error("wave {number} of the policy does not reach more of the fleet than the one before it")]
    PercentageNotRising {
        /// Place of the wave, counted from 1.
        number: usize,
    },
    /// A later wave that does not start later.
    #[error("wave {number} of the policy does not start after the one before it")]
    StartNotRising {
        /// Place of the wave, counted from 1.
        number: usize,
    },
    /// The last wave leaves hosts out.
    #[error("the last wave of the policy reaches {0} % of the fleet, not 100 %")]
    NotEveryone(u8),
    /// The end is not after the start of the last wave.
    #[error("'ends_after' of the policy is not after the start of its last wave")]
    EndNotAfterStart,
    /// The start of the release is so late that a wave falls off the calendar.
    #[error("waves that start at {0} run beyond the calendar")]
    Calendar(DateTime<Utc>),
    /// The times came out in the wrong order.
    #[error(transparent)]
    Waves(#[from] WavesError),
}

impl WavePolicy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    ///
    /// Fails on unknown fields, and unless starts and percentages rise up to 100.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text)?;
        policy.check()?;
        Ok(policy)
    }

    /// The waves in order.
    pub fn policy_waves(&self) -> &[PolicyWave] {
        &self.waves
    }

    /// When the last wave has reached everyone, counted from the start of the release.
    pub fn ends_after(&self) -> Option<Offset> {
        self.ends_after
    }

    /// Keys and times for a release that starts at `start`. The first key is 0; each percentage sets the
    /// key of the next wave.
    ///
    /// # Errors
    ///
    /// Fails when a time runs beyond the calendar.
    pub fn waves(&self, start: DateTime<Utc>) -> Result<Schedule, PolicyError> {
        let time = |offset: Offset| offset.after(start).ok_or(PolicyError::Calendar(start));
        let keys =
            std::iter::once(0).chain(self.waves.iter().map(|wave| key(wave.fleet_percentage)));
        let starts: Result<Vec<_>, _> = keys
            .zip(&self.waves)
            .map(|(key, wave)| time(wave.start_after).map(|time| (key, time)))
            .collect();
        let waves_end = self.ends_after.map(time).transpose()?;
        Ok(Schedule { waves: Waves::new(starts?)?, waves_end })
    }

    fn check(&self) -> Result<(), PolicyError> {
        let last = self.waves.last().ok_or(PolicyError::Empty)?;
        for (index, wave) in self.waves.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| self.waves[before]);
            wave.check(index + 1, before)?;
        }
        if last.fleet_percentage != 100 {
            return Err(PolicyError::NotEveryone(last.fleet_percentage));
        }
        if self.ends_after.is_some_and(|end| end <= last.start_after) {
            return Err(PolicyError::EndNotAfterStart);
        }
        Ok(())
    }
}

impl PolicyWave {
    fn check(&self, number: usize, before: Option<Self>) -> Result<(), PolicyError> {
        let percentage = self.fleet_percentage;
        if !(1..=100).contains(&percentage) {
            return Err(PolicyError::Percentage { number, percentage });
        }
        if before.is_some_and(|before| percentage <= before.fleet_percentage) {
            return Err(PolicyError::PercentageNotRising { number });
        }
        if before.is_some_and(|before| self.start_after <= before.start_after) {
            return Err(PolicyError::StartNotRising { number });
        }
        Ok(())
    }
}

/// The start key that a percentage sets: its share of 2048, rounded down.
fn key(percentage: u8) -> u64 {
    u64::from(percentage) * u64::from(Seed::COUNT) / 100
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn policy(ends_after: Option<&str>, waves: &[(&str, i64)]) -> Result<WavePolicy, PolicyError> {
        let mut text =
            ends_after.map(|end| format!("ends_after = \"{end}\"\n")).unwrap_or_default();
        for (start_after, percentage) in waves {
            text.push_str(&format!(
                "[[waves]]\nstart_after = \"{start_after}\"\nfleet_percentage = {percentage}\n"
            ));
        }
        WavePolicy::parse(&text)
    }

    #[test]
    fn each_percentage_sets_the_next_key() {
        let policy = policy(
            Some("1 week"),
            &[("30 minutes", 1), ("4 hours", 5), ("1 day", 33), ("3 days", 100)],
        );
        let start = DateTime::UNIX_EPOCH;
        let schedule = policy.unwrap().waves(start).unwrap();
        let keys: Vec<_> = schedule.waves.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [0, 20, 102, 675]);
        let minutes: Vec<_> =
            schedule.waves.iter().map(|(_, time)| time.timestamp() / 60).collect();
        assert_eq!(minutes, [30, 240, 1440, 4320]);
        assert_eq!(schedule.waves_end.unwrap().timestamp(), 7 * 24 * 3600);
    }

    #[test]
    fn a_policy_that_contradicts_itself_is_refused() {
        use PolicyError as E;
        assert!(matches!(WavePolicy::parse("waves = []"), Err(E::Empty)));
        assert!(matches!(WavePolicy::parse(""), Err(E::Syntax(_))));
        for percentage in [0, 101, 255] {
            let error = policy(None, &[("1 hour", percentage)]).unwrap_err();
            assert!(matches!(error, E::Percentage { number: 1, .. }), "{error}");
        }
        for percentage in [-1, 256] {
            assert!(matches!(policy(None, &[("1 hour", percentage)]), Err(E::Syntax(_))));
        }
        let falling = policy(None, &[("1 hour", 50), ("2 hours", 50), ("3 hours", 100)]);
        assert!(matches!(falling, Err(E::PercentageNotRising { number: 2 })));
        let together = policy(None, &[("60 minutes", 50), ("1 hour", 100)]);
        assert!(matches!(together, Err(E::StartNotRising { number: 2 })));
        assert!(matches!(policy(None, &[("1 hour", 99)]), Err(E::NotEveryone(99))));
        let ends = policy(Some("1 hour"), &[("1 hour", 100)]);
        assert!(matches!(ends, Err(E::EndNotAfterStart)));
    }

    #[test]
    fn unknown_and_missing_fields_are_refused() {
        let wave = "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 100\n";
        assert!(WavePolicy::parse(wave).is_ok());
        for text in [
            format!("speed = 1\n{wave}"),
            format!("{wave}colour = 1\n"),
            wave.replace("start_after", "start"),
            wave.replace("100", "100.0"),
            wave.replace("'1 hour'", "1"),
            wave.replace("waves", "wave"),
            format!("{wave}start_after = '1 hour'\n"),
        ] {
            assert!(matches!(WavePolicy::parse(&text), Err(PolicyError::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn a_start_at_the_end_of_the_calendar_is_an_error() {
        let policy = policy(None, &[("1 hour", 100)]).unwrap();
        assert!(matches!(policy.waves(DateTime::<Utc>::MAX_UTC), Err(PolicyError::Calendar(_))));
    }
}

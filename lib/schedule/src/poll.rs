//! When to look for news again.
//!
//! After a look that went well it is an interval until the next one; after the first failure too, then twice that, four
//! times and so on, up to the longest interval. Each wait is spread by a tenth to both sides, so that hosts that looked
//! together do not for long. After a start the first look comes within a tenth of the interval, or later if it is not due
//! then: a fleet that is switched on together is spread as well.
//!
//! A clock that is put forward makes one look due, however many intervals it passes over: each wait counts from the last
//! look. A clock that is put back, so that the last look or the start lies in the future by more than a tenth of the
//! interval, makes it due at once; by less (a clock that is being set right), the wait counts from now.

use chrono::{DateTime, TimeDelta, Utc};

use crate::chance::Chance;
use crate::error::Error;

/// How often to look.
///
/// # Invariants
///
/// A second at least, a year at most, and the interval is not above the longest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    interval: TimeDelta,
    max: TimeDelta,
}

/// What the next look follows from. With the same values it stays where it is: ask again whenever the clock may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// When the program that looks was started.
    pub started: DateTime<Utc>,
    /// The last look, if there was one.
    pub last: Option<Look>,
    /// Drawn at the start, and again after each look.
    pub chance: Chance,
}

/// A look that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// How many looks have failed without one between them that went well, this one included: zero if it went well.
    pub failures: u32,
}

/// A year.
const MAX_SECONDS: u64 = 366 * 24 * 3600;

impl Poll {
    /// An interval, and the longest that failures make of it, in seconds.
    ///
    /// # Errors
    ///
    /// Fails unless they are 1 to 31622400 (a year), and the interval is not the longer one.
    pub fn new(interval_seconds: u64, max_interval_seconds: u64) -> Result<Self, Error> {
        let (interval, max) = (interval_seconds, max_interval_seconds);
        let length = |seconds| i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
        if !(1..=MAX_SECONDS).contains(&interval) {
            return Err(Error::Interval(interval));
        }
        if !(interval..=MAX_SECONDS).contains(&max) {
            return Err(Error::MaxInterval { interval, max });
        }
        let both = length(interval).zip(length(max));
        let (interval, max) = both.ok_or(Error::Interval(interval))?;
        Ok(Self { interval, max })
    }

    /// When to look next: `now` if it is due.
    ///
    /// Never before `now`, and never later than `now` and 1.1 of the longest interval. Unless the clock was put back, never sooner
    /// after the last look than 0.9 of the interval.
    pub fn next(&self, past: &Past, now: DateTime<Utc>) -> DateTime<Utc> {
        let first = self.from(past.started, past.chance.of(self.interval / 10), now);
        let due = past.last.map_or(now, |look| {
            self.from(look.at, spread(self.wait(look.failures), past.chance), now)
        });
        first.max(due).max(now)
    }

    /// The interval after so many failures.
    fn wait(&self, failures: u32) -> TimeDelta {
        let factor = 1_i32.checked_shl(failures.saturating_sub(1)).filter(|&factor| factor > 0);
        let wait = factor.and_then(|factor| self.interval.checked_mul(factor));
        wait.map_or(self.max, |wait| wait.min(self.max))
    }

    /// The end of a wait that began at a time, as far as that can be true.
    fn from(&self, began: DateTime<Utc>, wait: TimeDelta, now: DateTime<Utc>) -> DateTime<Utc> {
        if began.signed_duration_since(now) > self.interval / 10 {
            return now;
        }
        began.min(now).checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// A length, or up to a tenth more or less.
fn spread(length: TimeDelta, chance: Chance) -> TimeDelta {
    length / 10 * 9 + chance.of(length / 5)
}

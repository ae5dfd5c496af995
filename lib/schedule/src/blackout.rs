//! A blackout: whole local days on which no window opens.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::digits::shaped;
use crate::error::{Error, shown};
use crate::text::Text;
use crate::zone::Zone;

/// Whole days in a zone, the first and the last included. The crate's documentation has the rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "RawBlackout", into = "Written")]
pub struct Blackout {
    from: Date,
    to: Date,
    zone: Zone,
    start: Timestamp,
    end: Timestamp,
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBlackout {
    from: Text,
    to: Text,
    time_zone: Option<String>,
}

/// The table as it is written again.
#[derive(Serialize)]
struct Written {
    from: String,
    to: String,
    time_zone: String,
}

impl Blackout {
    /// The zone that its days are in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// When the blackout that holds at an instant ends; `None`: it does not hold.
    pub(crate) fn end_at(&self, at: Timestamp) -> Option<Timestamp> {
        (self.start <= at && at < self.end).then_some(self.end)
    }

    /// When it begins, if that is after an instant.
    pub(crate) fn start_after(&self, at: Timestamp) -> Option<Timestamp> {
        (at < self.start && self.start < self.end).then_some(self.start)
    }

    /// Days whose beginning or end lies outside of the calendar reach to its bound.
    fn new(from: Date, to: Date, zone: Zone) -> Self {
        let start = zone.first_at(from.to_datetime(Time::midnight())).unwrap_or(Timestamp::MIN);
        let after = to.checked_add(1.day()).ok();
        let end = after.and_then(|after| zone.last_midnight(after)).unwrap_or(Timestamp::MAX);
        Self { from, to, zone, start, end }
    }
}

impl TryFrom<RawBlackout> for Blackout {
    type Error = Error;

    fn try_from(raw: RawBlackout) -> Result<Self, Error> {
        let (first, last) = (raw.from.into_string(), raw.to.into_string());
        let (from, to) = (named("from", &first)?, named("to", &last)?);
        if to < from {
            return Err(Error::Order { from: first, to: last });
        }
        let zone = raw.time_zone.as_deref().map_or(Ok(Zone::UTC), str::parse)?;
        Ok(Self::new(from, to, zone))
    }
}

impl From<Blackout> for Written {
    fn from(blackout: Blackout) -> Self {
        let Blackout { from, to, zone, .. } = blackout;
        Self { from: from.to_string(), to: to.to_string(), time_zone: zone.to_string() }
    }
}

fn named(field: &'static str, text: &str) -> Result<Date, Error> {
    day(text).ok_or_else(|| Error::Date { field, value: shown(text) })
}

/// `YYYY-MM-DD`, and nothing else.
pub(crate) fn day(text: &str) -> Option<Date> {
    if shaped(text, "0000-00-00") { text.parse().ok() } else { None }
}

impl fmt::Display for Blackout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, zone, .. } = self;
        write!(out, "blackout from {from} to {to} ({zone})")
    }
}

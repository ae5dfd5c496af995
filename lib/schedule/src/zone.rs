//! A time zone, and which instant a local time is.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Serialize, Serializer};

use crate::error::{Error, shown};

/// A time zone by its IANA name. A copy of it is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(crate) fn time_zone(&self) -> TimeZone {
        self.0.clone()
    }

    /// The local time at an instant.
    pub(crate) fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The first instant at which the local clock shows this time or a later one; `None` outside of the calendar.
    pub(crate) fn first_at(&self, wall: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            // Read with the offset after the change, a time that is missing lies before the change.
            AmbiguousOffset::Gap { after, .. } => self.change_after(after.to_timestamp(wall).ok()?),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok()
            }
        }
    }

    /// The last instant at which the local clock shows this time; the same as the first where it is missing.
    pub(crate) fn last_at(&self, wall: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => self.first_at(wall),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.later().ok()
            }
        }
    }

    /// The instant from which on the local date is this one or a later one, and never an earlier one again.
    pub(crate) fn last_midnight(&self, date: Date) -> Option<Timestamp> {
        let wall = date.to_datetime(Time::midnight());
        let last = self.last_at(wall)?;
        let before = Timestamp::from_nanosecond(last.as_nanosecond() - 1).ok()?;
        if self.local(before).date() < date { Some(last) } else { self.first_at(wall) }
    }

    /// Whether the zone has this day; some have skipped one, to change the side of the date line.
    pub(crate) fn has(&self, date: Date) -> bool {
        let first = self.first_at(date.to_datetime(Time::midnight()));
        first.is_some_and(|first| self.local(first).date() == date)
    }

    fn change_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.0.following(at).next().map(|change| change.timestamp())
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// Takes the host's zone of this name, or the one in the program.
    fn from_str(name: &str) -> Result<Self, Error> {
        if name == "UTC" {
            return Ok(Self::UTC);
        }
        let found = look_up(jiff::tz::db(), name);
        found.map(Self).ok_or_else(|| Error::Zone(shown(name)))
    }
}

/// What the host has, or the program. jiff's zone for "unknown" is none.
fn look_up(host: &TimeZoneDatabase, name: &str) -> Option<TimeZone> {
    let found = host.get(name).or_else(|_| TimeZoneDatabase::bundled().get(name));
    found.ok().filter(|zone| !zone.is_unknown())
}

impl fmt::Display for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_the_host_lacks_is_the_one_in_the_program() {
        let zone = look_up(&TimeZoneDatabase::none(), "Europe/Berlin");
        assert_eq!(zone.as_ref().and_then(TimeZone::iana_name), Some("Europe/Berlin"));
        assert_eq!(look_up(&TimeZoneDatabase::none(), "Europe/Berln"), None);
    }
}

//! An instant, and the zone that it is shown in.

use std::fmt;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::instant;
use crate::zone::Zone;

/// An instant that people read in a zone: `2026-12-01 02:00 CET`. In JSON it is the time in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    time: DateTime<Utc>,
    zone: Zone,
}

impl Moment {
    /// An instant, to be shown in a zone.
    pub fn new(time: DateTime<Utc>, zone: &Zone) -> Self {
        Self { time, zone: zone.clone() }
    }

    pub(crate) fn at(time: Timestamp, zone: &Zone) -> Self {
        Self::new(instant::to_chrono(time), zone)
    }

    /// The instant.
    pub fn time(&self) -> DateTime<Utc> {
        self.time
    }

    /// The day of the week in the zone, as `Tue`.
    pub fn weekday(&self) -> String {
        self.format("%a")
    }

    fn format(&self, pattern: &str) -> String {
        let zoned = instant::from_chrono(self.time).to_zoned(self.zone.time_zone());
        zoned.strftime(pattern).to_string()
    }
}

impl fmt::Display for Moment {
    /// To the minute, and to the second where there are some.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.zone.local(instant::from_chrono(self.time));
        let pattern =
            if local.second() == 0 { "%Y-%m-%d %H:%M %Z" } else { "%Y-%m-%d %H:%M:%S %Z" };
        out.write_str(&self.format(pattern))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.time.serialize(serializer)
    }
}

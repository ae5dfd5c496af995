//! A hold: somebody said that nothing is to happen by itself.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use jiff::civil::DateTime as Wall;
use serde::{Deserialize, Serialize};

use crate::blackout::day;
use crate::error::{Error, shown};
use crate::instant;
use crate::moment::Moment;
use crate::window::time_of_day;
use crate::zone::Zone;

/// Until somebody resumes, or until a time. As JSON: `"paused"`, or `{"until": "2026-12-01T07:00:00Z"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Without an end.
    Paused,
    /// Up to a time, which itself is free.
    Until(DateTime<Utc>),
}

impl Hold {
    /// Reads until when to hold: a time of RFC 3339, `2026-12-01 08:00` (in `zone`), `2026-12-01 08:00 Europe/Berlin`, or a length
    /// of time from `now` on such as `2 hours` or `3d`.
    ///
    /// A local time that the clock passes twice is the second one, one that it passes over is the instant of the change.
    ///
    /// # Errors
    ///
    /// Fails if the text is none of these, the zone is unknown, or the time is not after `now`.
    pub fn parse(text: &str, now: DateTime<Utc>, zone: &Zone) -> Result<Self, Error> {
        let text = text.trim();
        let time = absolute(text)
            .map(Ok)
            .or_else(|| local(text, zone))
            .or_else(|| relative(text, now))
            .unwrap_or_else(|| Err(Error::Until(shown(text))))?;
        if time <= now {
            let time = Moment::new(time, zone).to_string();
            return Err(Error::Over { text: shown(text), time });
        }
        Ok(Self::Until(time))
    }

    /// Whether it holds.
    pub fn holds(self, now: DateTime<Utc>) -> bool {
        self.ends().is_none_or(|end| now < end)
    }

    /// When it ends by itself; `None`: never.
    pub fn ends(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Paused => None,
            Self::Until(end) => Some(end),
        }
    }
}

fn absolute(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// `None`: it has another shape. The zone stands behind the time, or is the one that is given.
fn local(text: &str, zone: &Zone) -> Option<Result<DateTime<Utc>, Error>> {
    let (date, rest) = text.split_once(' ')?;
    let (time, named) =
        rest.split_once(' ').map_or((rest, None), |(time, name)| (time, Some(name)));
    let wall = day(date)?.to_datetime(time_of_day(time)?);
    let zone = named.map_or(Ok(zone.clone()), str::parse);
    Some(zone.and_then(|zone| last_at(wall, &zone).ok_or_else(|| Error::TooFar(shown(text)))))
}

fn last_at(wall: Wall, zone: &Zone) -> Option<DateTime<Utc>> {
    zone.last_at(wall).map(instant::to_chrono)
}

fn relative(text: &str, now: DateTime<Utc>) -> Option<Result<DateTime<Utc>, Error>> {
    let length = humantime::parse_duration(text).ok()?;
    let end = TimeDelta::from_std(length).ok().and_then(|length| now.checked_add_signed(length));
    Some(end.ok_or_else(|| Error::TooFar(shown(text))))
}

impl fmt::Display for Hold {
    /// The time is shown in UTC; [`Moment`] shows [`Hold::ends`] in another zone.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => out.write_str("paused"),
            Self::Until(end) => write!(out, "held until {}", Moment::new(*end, &Zone::UTC)),
        }
    }
}

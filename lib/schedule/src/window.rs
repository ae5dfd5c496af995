//! A weekly window: on some days, from a local time on, for a length of time.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Deserialize;

use crate::days::Days;
use crate::digits::shaped;
use crate::error::{Error, shown};
use crate::text::Text;
use crate::zone::Zone;

/// A window that opens on some days of each week. The crate's documentation has the rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawWindow")]
pub struct Window {
    days: Days,
    start: Time,
    length: SignedDuration,
    zone: Zone,
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    days: Option<Vec<String>>,
    start: Text,
    length_minutes: i64,
    time_zone: Option<String>,
}

/// A week.
const MAX_MINUTES: i64 = 7 * 24 * 60;

/// Days around an instant in which a window of one day a week opens, even where its day was skipped once.
const SEARCHED_DAYS: i32 = 16;

impl Window {
    /// The zone that its start is in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// When the window that is open at an instant closes; `None`: it is not open.
    pub(crate) fn end_at(&self, at: Timestamp) -> Option<Timestamp> {
        let started = self.starts(at, -1).find(|&start| start <= at)?;
        let end = started.checked_add(self.length).unwrap_or(Timestamp::MAX);
        (at < end).then_some(end)
    }

    /// When it opens next, after an instant.
    pub(crate) fn start_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.starts(at, 1).find(|&start| start > at)
    }

    /// Its starts near an instant, day by day from one on its other side, forward or backward.
    fn starts(&self, at: Timestamp, step: i32) -> impl Iterator<Item = Timestamp> {
        let today = self.zone.local(at).date();
        let dates =
            (-1..=SEARCHED_DAYS).filter_map(move |day| today.checked_add((day * step).days()).ok());
        dates.filter_map(|date| self.start_on(date))
    }

    fn start_on(&self, date: Date) -> Option<Timestamp> {
        let meant = self.days.has(date.weekday()) && self.zone.has(date);
        if meant { self.zone.first_at(date.to_datetime(self.start)) } else { None }
    }
}

impl TryFrom<RawWindow> for Window {
    type Error = Error;

    fn try_from(raw: RawWindow) -> Result<Self, Error> {
        let start = raw.start.into_string();
        Ok(Self {
            days: raw.days.as_deref().map_or(Ok(Days::EVERY), Days::parse)?,
            start: time_of_day(&start).ok_or_else(|| Error::Start(shown(&start)))?,
            length: length(raw.length_minutes)?,
            zone: raw.time_zone.as_deref().map_or(Ok(Zone::UTC), str::parse)?,
        })
    }
}

/// `HH:MM`, and nothing else.
pub(crate) fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':').filter(|_| shaped(text, "00:00"))?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn length(minutes: i64) -> Result<SignedDuration, Error> {
    if !(1..=MAX_MINUTES).contains(&minutes) {
        return Err(Error::Length(minutes));
    }
    Ok(SignedDuration::from_mins(minutes))
}

impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, start, length, zone } = self;
        let start = start.strftime("%H:%M");
        write!(out, "{days} from {start} for {} min ({zone})", length.as_mins())
    }
}

//! A length of time as people write it: `2 hours`, `7 days`, `1 week`, `30 minutes`.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A whole number of seconds after some time, ten years at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset {
    seconds: u32,
}

/// The text is no offset.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OffsetError {
    /// Not a number and a unit.
    #[error("'{0}' is not a number and a unit, like '30 minutes', '2 hours', '7 days' or '1 week'")]
    Shape(String),
    /// Longer than ten years.
    #[error("'{0}' is longer than ten years")]
    TooLong(String),
}

/// Units from the largest to the smallest, with every spelling that is read; the first is written.
const UNITS: [(u32, [&str; 3]); 5] = [
    (7 * 24 * 3600, ["week", "weeks", "w"]),
    (24 * 3600, ["day", "days", "d"]),
    (3600, ["hour", "hours", "h"]),
    (60, ["minute", "minutes", "min"]),
    (1, ["second", "seconds", "s"]),
];

const MAX_SECONDS: u32 = 10 * 366 * 24 * 3600;

impl Offset {
    /// The offset in seconds.
    pub fn seconds(self) -> u32 {
        self.seconds
    }

    /// The time that lies this far after `start`; `None` beyond the end of the calendar.
    pub fn after(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        start.checked_add_signed(TimeDelta::seconds(self.seconds.into()))
    }
}

impl FromStr for Offset {
    type Err = OffsetError;

    fn from_str(text: &str) -> Result<Self, OffsetError> {
        let shown = || text.chars().take(80).collect::<String>();
        let (count, unit) = split(text).ok_or_else(|| OffsetError::Shape(shown()))?;
        let seconds = count.checked_mul(unit).filter(|&seconds| seconds <= MAX_SECONDS);
        let seconds = seconds.ok_or_else(|| OffsetError::TooLong(shown()))?;
        Ok(Self { seconds })
    }
}

/// The number and the seconds of the unit; a number too large for 32 bits becomes the largest.
fn split(text: &str) -> Option<(u32, u32)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (seconds, _) = UNITS.iter().find(|(_, names)| names.contains(&unit.as_str()))?;
    let number = if number.is_empty() { None } else { Some(number.parse().unwrap_or(u32::MAX)) };
    number.map(|number| (number, *seconds))
}

impl fmt::Display for Offset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: u32| self.seconds > 0 && self.seconds.is_multiple_of(unit);
        let (unit, [one, many, _]) =
            UNITS.iter().find(|(unit, _)| fits(*unit)).unwrap_or(&UNITS[UNITS.len() - 1]);
        let count = self.seconds / unit;
        write!(out, "{count} {}", if count == 1 { one } else { many })
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u32 {
        text.parse::<Offset>().unwrap().seconds()
    }

    #[test]
    fn every_unit_is_read_in_singular_plural_and_short() {
        assert_eq!(seconds("30 minutes"), 1800);
        assert_eq!(seconds("1 hour"), 3600);
        assert_eq!(seconds("2 hours"), 7200);
        assert_eq!(seconds("7 days"), seconds("1 week"));
        assert_eq!(seconds("2w"), 14 * 24 * 3600);
        assert_eq!(seconds("  0  Hours "), 0);
        assert_eq!(seconds("90 seconds"), 90);
    }

    #[test]
    fn what_is_no_number_and_unit_is_refused() {
        for text in ["", "hours", "2", "-2 hours", "1.5 hours", "2 hours 3", "1 month", "½ day"] {
            assert!(matches!(text.parse::<Offset>(), Err(OffsetError::Shape(_))), "{text:?}");
        }
        for text in ["600 weeks", "4294967295 weeks", "99999999999999999999 seconds"] {
            assert!(matches!(text.parse::<Offset>(), Err(OffsetError::TooLong(_))), "{text:?}");
        }
    }

    #[test]
    fn an_offset_is_written_in_its_largest_unit_and_read_back() {
        for text in ["1 week", "8 days", "25 hours", "90 minutes", "61 seconds", "0 seconds"] {
            assert_eq!(text.parse::<Offset>().unwrap().to_string(), text);
        }
    }
}

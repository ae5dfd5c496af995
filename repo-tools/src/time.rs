//! The one place where chrono and jiff meet: tough's metadata speaks jiff, everything of ours chrono.

use chrono::{DateTime, SecondsFormat, Utc};
use jiff::Timestamp;
use manifest::Offset;

use crate::{Error, Result};

/// The time `offset` after `now`, in whole seconds, as metadata has it.
pub(crate) fn expiry(now: DateTime<Utc>, offset: Offset) -> Result<Timestamp> {
    let at = offset.after(now).ok_or(Error::Calendar)?;
    Timestamp::from_second(at.timestamp()).map_err(|_| Error::Calendar)
}

/// A time as people and JSON read it.
pub(crate) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads a time as it is written on a command line.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, chrono::ParseError> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc())
}

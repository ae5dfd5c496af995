//! The one place where chrono and jiff meet: the public items speak chrono, as everything of ours; the sums are jiff's.

use chrono::{DateTime, Utc};
use jiff::Timestamp;

/// Nanoseconds of the second; chrono counts a leap second as more of them.
const LAST_NANOSECOND: u32 = 999_999_999;

/// The instant, or the nearest one that jiff has: years −9999 to 9999.
pub(crate) fn from_chrono(time: DateTime<Utc>) -> Timestamp {
    let nanoseconds = time.timestamp_subsec_nanos().min(LAST_NANOSECOND);
    let nearest = if time.timestamp() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let nanoseconds = i32::try_from(nanoseconds).unwrap_or_default();
    Timestamp::new(time.timestamp(), nanoseconds).unwrap_or(nearest)
}

/// The same instant.
pub(crate) fn to_chrono(time: Timestamp) -> DateTime<Utc> {
    // A fraction of a time before 1970 counts backward in jiff, forward in chrono.
    let nanosecond = time.as_nanosecond();
    let seconds = i64::try_from(nanosecond.div_euclid(1_000_000_000)).ok();
    let rest = u32::try_from(nanosecond.rem_euclid(1_000_000_000)).ok();
    let both = seconds.zip(rest);
    // chrono's years hold all of jiff's: the fallback is never met.
    both.and_then(|(seconds, rest)| DateTime::from_timestamp(seconds, rest)).unwrap_or_default()
}

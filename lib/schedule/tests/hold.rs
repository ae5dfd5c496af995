//! Holds: what `hold until` takes, and what is kept of it.

#![allow(clippy::unwrap_used)]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::time;
use schedule::{Error, Hold, Zone};

fn berlin() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

fn parse(text: &str) -> Result<Hold, Error> {
    Hold::parse(text, time("2026-11-26T09:00"), &berlin())
}

#[test]
fn times_and_lengths_are_read_as_people_write_them() {
    for (text, end) in [
        ("2026-12-01T08:00:00Z", "2026-12-01T08:00"),
        ("2026-12-01T08:00:00+02:00", "2026-12-01T06:00"),
        ("2026-12-01 08:00", "2026-12-01T07:00"),
        (" 2026-12-01 08:00 America/New_York ", "2026-12-01T13:00"),
        ("2026-12-01 08:00 UTC", "2026-12-01T08:00"),
        ("2 hours", "2026-11-26T11:00"),
        ("3d", "2026-11-29T09:00"),
        ("1day 30min", "2026-11-27T09:30"),
    ] {
        assert_eq!(parse(text).unwrap(), Hold::Until(time(end)), "{text:?}");
    }
}

#[test]
fn a_local_time_that_is_missing_or_doubled_holds_the_longer() {
    assert_eq!(parse("2027-03-28 02:30").unwrap(), Hold::Until(time("2027-03-28T01:00")));
    assert_eq!(parse("2027-10-31 02:30").unwrap(), Hold::Until(time("2027-10-31T01:30")));
}

#[test]
fn what_is_no_time_after_now_is_refused_in_words() {
    for (text, message) in [
        ("", "'' is no time, such as"),
        ("tomorrow", "'tomorrow' is no time"),
        ("2026-12-01", "'2026-12-01' is no time"),
        ("2026-13-01 08:00", "'2026-13-01 08:00' is no time"),
        ("2026-12-01 8:00", "'2026-12-01 8:00' is no time"),
        ("2026-12-01 08:00 Europe/Berln", "time_zone is 'Europe/Berln'"),
        ("-2 hours", "'-2 hours' is no time"),
        ("0s", "'0s' is 2026-11-26 10:00 CET, which is over"),
        ("2026-11-26 10:00", "'2026-11-26 10:00' is 2026-11-26 10:00 CET, which is over"),
        (
            "2020-01-01T00:00:30Z",
            "'2020-01-01T00:00:30Z' is 2020-01-01 01:00:30 CET, which is over",
        ),
        ("9999999999999 years", "is no time"),
        ("500000 years", "'500000 years' is too far away"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
    }
}

#[test]
fn a_hold_ends_at_its_time_and_a_pause_never() {
    let end = time("2026-12-01T08:00");
    let hold = Hold::Until(end);
    assert!(hold.holds(end - TimeDelta::nanoseconds(1)) && !hold.holds(end));
    assert!(hold.holds(DateTime::<Utc>::MIN_UTC) && !hold.holds(DateTime::<Utc>::MAX_UTC));
    assert!(Hold::Paused.holds(DateTime::<Utc>::MAX_UTC));
    assert_eq!((Hold::Paused.ends(), hold.ends()), (None, Some(end)));
    assert_eq!(hold.to_string(), "held until 2026-12-01 08:00 UTC");
    assert_eq!(Hold::Paused.to_string(), "paused");
}

#[test]
fn a_hold_is_written_and_read_back_and_anything_else_is_refused() {
    for (hold, json) in [
        (Hold::Paused, r#""paused""#),
        (Hold::Until(time("2026-12-01T08:00")), r#"{"until":"2026-12-01T08:00:00Z"}"#),
    ] {
        assert_eq!(serde_json::to_string(&hold).unwrap(), json);
        assert_eq!(serde_json::from_str::<Hold>(json).unwrap(), hold);
    }
    for json in
        ["{}", "null", r#""until""#, r#"{"until":null}"#, r#"{"until":"x"}"#, r#"{"paused":1}"#]
    {
        assert!(serde_json::from_str::<Hold>(json).is_err(), "{json}");
    }
}

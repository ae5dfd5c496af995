//! Windows and blackouts as they are written, and what is refused.

#![allow(clippy::unwrap_used)]

use schedule::{Blackout, Window};

#[test]
fn a_window_has_every_day_and_universal_time_unless_it_says_otherwise() {
    let window: Window = toml::from_str("start = '02:00'\nlength_minutes = 10080").unwrap();
    assert_eq!(window.to_string(), "every day from 02:00 for 10080 min (UTC)");
    let text =
        "days = ['tue', 'mon']\nstart = '23:59'\nlength_minutes = 1\ntime_zone = 'Europe/Berlin'";
    let window: Window = toml::from_str(text).unwrap();
    assert_eq!(window.to_string(), "mon, tue from 23:59 for 1 min (Europe/Berlin)");
}

#[test]
fn a_window_that_does_not_mean_one_thing_is_refused_with_field_and_value() {
    for (text, message) in [
        ("start = '25:00'\nlength_minutes = 5", "start is '25:00', not a time of day"),
        ("start = '24:00'\nlength_minutes = 5", "start is '24:00'"),
        ("start = '2:00'\nlength_minutes = 5", "start is '2:00'"),
        ("start = '02:60'\nlength_minutes = 5", "start is '02:60'"),
        ("start = '02:00:00'\nlength_minutes = 5", "start is '02:00:00'"),
        ("start = '+2:00'\nlength_minutes = 5", "start is '+2:00'"),
        ("start = '02:00'\nlength_minutes = 0", "length_minutes is 0, not 1 to 10080"),
        ("start = '02:00'\nlength_minutes = -1", "length_minutes is -1"),
        ("start = '02:00'\nlength_minutes = 10081", "length_minutes is 10081"),
        (
            "start = '02:00'\nlength_minutes = 5\ntime_zone = 'Europe/Berln'",
            "time_zone is 'Europe/Berln'",
        ),
        ("start = '02:00'\nlength_minutes = 5\ntime_zone = ''", "time_zone is ''"),
        (
            "start = '02:00'\nlength_minutes = 5\ndays = ['mon', 'foo']",
            "days has 'foo', not one of mon",
        ),
        ("start = '02:00'\nlength_minutes = 5\ndays = ['Mon']", "days has 'Mon'"),
        ("start = '02:00'\nlength_minutes = 5\ndays = ['mon', 'mon']", "days has 'mon' twice"),
        ("start = '02:00'\nlength_minutes = 5\ndays = []", "days is empty"),
        ("start = '02:00'\nlength_minutes = 5\nday = ['mon']", "unknown field `day`"),
        ("start = '02:00'", "missing field `length_minutes`"),
        ("length_minutes = 5", "missing field `start`"),
    ] {
        let error = toml::from_str::<Window>(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
    }
}

#[test]
fn a_blackout_that_does_not_mean_one_thing_is_refused_with_field_and_value() {
    for (text, message) in [
        (
            "from = '2026-12-20'\nto = '2026-12-19'",
            "to is '2026-12-19', before from, which is '2026-12-20'",
        ),
        ("from = '2026-02-29'\nto = '2026-12-19'", "from is '2026-02-29', not a day"),
        ("from = '2026-12-20'\nto = '2027-1-3'", "to is '2027-1-3', not a day"),
        ("from = '2026-12-20'\nto = '20270103'", "to is '20270103'"),
        ("from = '2026-12-20'\nto = '2027-01-03T00:00'", "to is '2027-01-03T00:00'"),
        ("from = '2026-12-20'\nto = '2027-01-03'\ntime_zone = 'Mars'", "time_zone is 'Mars'"),
        ("from = '2026-12-20'", "missing field `to`"),
        ("from = '2026-12-20'\nto = '2027-01-03'\nuntil = 1", "unknown field `until`"),
    ] {
        let error = toml::from_str::<Blackout>(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
    }
}

#[test]
fn a_long_value_is_cut_short_in_its_message() {
    let text = serde_json::json!({"start": "9".repeat(1000), "length_minutes": 5});
    let error = serde_json::from_value::<Window>(text).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn a_day_or_a_time_without_quotes_is_told_of_them() {
    let day = toml::from_str::<Blackout>("from = 2026-12-20\nto = '2027-01-03'").unwrap_err();
    assert!(day.to_string().contains("must be a text, in quotes"), "{day}");
    let time = toml::from_str::<Window>("start = 02:00:00\nlength_minutes = 5").unwrap_err();
    assert!(time.to_string().contains("must be a text, in quotes"), "{time}");
}

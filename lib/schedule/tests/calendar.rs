//! What a calendar answers, apart from clocks that change.

#![allow(clippy::unwrap_used)]

mod common;

use chrono::{DateTime, Utc};
use common::{blackout, changes, time, window};
use schedule::{Calendar, Opening, Why};

fn closes(at: &str) -> (String, bool) {
    (at.to_owned(), false)
}

fn opens(at: &str) -> (String, bool) {
    (at.to_owned(), true)
}

#[test]
fn a_window_is_open_from_its_start_and_closed_from_its_end_on() {
    let calendar = Calendar::new(vec![window(&["mon"], "02:00", 120, "UTC")], Vec::new());
    for (now, open) in [
        ("2026-11-30T01:59", false),
        ("2026-11-30T02:00", true),
        ("2026-11-30T03:59", true),
        ("2026-11-30T04:00", false),
        ("2026-12-01T02:30", false),
    ] {
        assert_eq!(calendar.at(time(now)).is_open(), open, "{now}");
    }
    let next = [opens("2026-12-07T02:00"), closes("2026-12-07T04:00")];
    assert_eq!(changes(&calendar, "2026-11-30T04:00", 2), next);
}

#[test]
fn a_leap_second_belongs_to_the_minute_before_it() {
    let calendar = Calendar::new(vec![window(&["sat"], "23:59", 1, "UTC")], Vec::new());
    let leap = "2016-12-31T23:59:60.5Z".parse().unwrap();
    assert_eq!(calendar.at(leap).changes(), Some(time("2017-01-01T00:00")));
    assert!(calendar.at(leap).is_open());
}

#[test]
fn windows_that_overlap_or_touch_are_one() {
    let windows = vec![
        window(&["tue"], "03:00", 60, "UTC"),
        window(&["mon"], "22:00", 120, "UTC"),
        window(&["tue"], "00:00", 60, "UTC"),
        window(&["tue"], "01:30", 60, "Europe/Berlin"),
        window(&["tue"], "02:00", 15, "Europe/Berlin"),
    ];
    let calendar = Calendar::new(windows, Vec::new());
    let expected =
        [closes("2026-12-01T01:30"), opens("2026-12-01T03:00"), closes("2026-12-01T04:00")];
    assert_eq!(changes(&calendar, "2026-11-30T22:00", 3), expected);
}

#[test]
fn windows_without_a_pause_never_close() {
    let calendar = Calendar::new(vec![window(&[], "06:00", 1440, "UTC")], Vec::new());
    assert_eq!(calendar.at(time("2026-11-30T22:00")), Opening::Open { until: None });
}

#[test]
fn a_blackout_cuts_a_window_and_is_named() {
    let calendar = Calendar::new(
        vec![window(&[], "22:00", 240, "UTC")],
        vec![
            blackout("2026-12-24", "2026-12-25", "UTC"),
            blackout("2026-12-25", "2026-12-26", "UTC"),
        ],
    );
    let expected = [
        closes("2026-12-24T00:00"),
        opens("2026-12-27T00:00"),
        closes("2026-12-27T02:00"),
        opens("2026-12-27T22:00"),
    ];
    assert_eq!(changes(&calendar, "2026-12-23T23:00", 4), expected);
    for (now, name) in [
        ("2026-12-24T23:00", "by the blackout from 2026-12-24 to 2026-12-25 (UTC)"),
        ("2026-12-25T12:00", "by the blackout from 2026-12-25 to 2026-12-26 (UTC)"),
        ("2026-12-23T12:00", "outside of its windows"),
    ] {
        let opening = calendar.at(time(now));
        let Opening::Closed { why, .. } = &opening else { unreachable!("{now}: {opening}") };
        assert_eq!(why.to_string(), name);
    }
}

#[test]
fn what_blackouts_cover_for_good_says_that_it_does_not_open() {
    let calendar = Calendar::new(
        vec![window(&[], "02:00", 60, "UTC")],
        vec![blackout("2026-01-01", "9999-12-31", "UTC")],
    );
    let opening = calendar.at(time("2026-11-30T02:00"));
    assert!(
        matches!(&opening, Opening::Closed { opens: None, why: Why::Blackout(_) }),
        "{opening:?}"
    );
    assert_eq!(
        opening.to_string(),
        "closed by the blackout from 2026-01-01 to 9999-12-31 (UTC), does not open within two years"
    );
    assert_eq!(opening.changes(), None);
}

#[test]
fn what_opens_after_more_than_two_years_says_that_it_does_not() {
    let with = |to| Calendar::new(Vec::new(), vec![blackout("2026-01-01", to, "UTC")]);
    assert_eq!(changes(&with("2027-12-31"), "2026-01-01T00:00", 1), [opens("2028-01-01T00:00")]);
    assert_eq!(changes(&with("2028-01-02"), "2026-01-01T00:00", 1), []);
}

#[test]
fn the_first_and_the_last_instants_of_the_calendar_have_answers() {
    let calendar = Calendar::new(
        vec![
            window(&["mon"], "02:00", 10_080, "Pacific/Apia"),
            window(&[], "23:59", 1, "America/New_York"),
        ],
        vec![
            blackout("0000-01-01", "0001-01-01", "UTC"),
            blackout("9999-12-30", "9999-12-31", "UTC"),
        ],
    );
    for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
        assert!(!calendar.at(now).to_string().is_empty());
    }
}

#[test]
fn json_has_the_state_the_time_and_the_reason() {
    let calendar = Calendar::new(
        vec![window(&["mon"], "02:00", 120, "Europe/Berlin")],
        vec![blackout("2026-12-01", "2026-12-01", "Europe/Berlin")],
    );
    let json = |now| serde_json::to_value(calendar.at(time(now))).unwrap();
    assert_eq!(
        json("2026-11-30T02:00"),
        serde_json::json!({"state": "open", "until": "2026-11-30T03:00:00Z"})
    );
    assert_eq!(
        json("2026-11-30T05:00"),
        serde_json::json!({"state": "closed", "opens": "2026-12-07T01:00:00Z", "why": "outside_windows"})
    );
    assert_eq!(
        json("2026-12-01T05:00"),
        serde_json::json!({"state": "closed", "opens": "2026-12-07T01:00:00Z", "why": {"blackout":
            {"from": "2026-12-01", "to": "2026-12-01", "time_zone": "Europe/Berlin"}}})
    );
}

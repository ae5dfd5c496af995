//! Windows and blackouts where a zone's clock is put forward or back.

#![allow(clippy::unwrap_used)]

mod common;

use chrono::TimeDelta;
use common::{blackout, changes, time, window};
use schedule::{Blackout, Calendar, Opening, Window, Zone};

/// A window, an instant before it, and when it opens and closes first after that instant; all in UTC.
type Case<'a> = (&'a str, &'a str, i64, &'a str, &'a str, &'a str);

const CASES: &[Case<'_>] = &[
    // zone, start, minutes, from, opens, closes
    ("UTC", "02:30", 60, "2026-03-29T00:00", "2026-03-29T02:30", "2026-03-29T03:30"),
    ("UTC", "23:30", 60, "2026-12-31T12:00", "2026-12-31T23:30", "2027-01-01T00:30"),
    // Berlin, 29 March 2026: 02:00 to 03:00 is missing, at 01:00 UTC.
    ("Europe/Berlin", "01:59", 10, "2026-03-29T00:00", "2026-03-29T00:59", "2026-03-29T01:09"),
    ("Europe/Berlin", "02:00", 60, "2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00"),
    ("Europe/Berlin", "02:30", 60, "2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00"),
    ("Europe/Berlin", "03:00", 60, "2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00"),
    ("Europe/Berlin", "03:30", 60, "2026-03-29T00:00", "2026-03-29T01:30", "2026-03-29T02:30"),
    ("Europe/Berlin", "23:00", 300, "2026-03-28T12:00", "2026-03-28T22:00", "2026-03-29T03:00"),
    // Berlin, 25 October 2026: 02:00 to 03:00 is doubled, at 00:00 and 01:00 UTC.
    ("Europe/Berlin", "02:00", 30, "2026-10-24T12:00", "2026-10-25T00:00", "2026-10-25T00:30"),
    ("Europe/Berlin", "02:30", 60, "2026-10-24T12:00", "2026-10-25T00:30", "2026-10-25T01:30"),
    ("Europe/Berlin", "02:59", 120, "2026-10-24T12:00", "2026-10-25T00:59", "2026-10-25T02:59"),
    ("Europe/Berlin", "03:00", 60, "2026-10-24T12:00", "2026-10-25T02:00", "2026-10-25T03:00"),
    ("Europe/Berlin", "23:00", 300, "2026-10-24T12:00", "2026-10-24T21:00", "2026-10-25T02:00"),
    // New York, 8 March and 1 November 2026, at 07:00 and 06:00 UTC.
    ("America/New_York", "02:15", 60, "2026-03-08T06:00", "2026-03-08T07:00", "2026-03-08T08:00"),
    ("America/New_York", "01:15", 60, "2026-11-01T04:00", "2026-11-01T05:15", "2026-11-01T06:15"),
    // Lord Howe, by half an hour: 4 October 2026 at 15:30 UTC of the day before, 5 April 2026 at 15:00 UTC of the day before.
    (
        "Australia/Lord_Howe",
        "02:10",
        60,
        "2026-10-03T15:00",
        "2026-10-03T15:30",
        "2026-10-03T16:30",
    ),
    (
        "Australia/Lord_Howe",
        "02:40",
        60,
        "2026-10-03T15:00",
        "2026-10-03T15:40",
        "2026-10-03T16:40",
    ),
    (
        "Australia/Lord_Howe",
        "01:45",
        60,
        "2026-04-04T12:00",
        "2026-04-04T14:45",
        "2026-04-04T15:45",
    ),
    // Apia went from 29 to 31 December 2011, at 10:00 UTC of the 30th.
    ("Pacific/Apia", "23:00", 120, "2011-12-30T00:00", "2011-12-30T09:00", "2011-12-30T11:00"),
    ("Pacific/Apia", "00:00", 60, "2011-12-30T00:00", "2011-12-30T10:00", "2011-12-30T11:00"),
    // Havana, 8 March and 1 November 2026: midnight itself is missing, then doubled.
    ("America/Havana", "00:00", 60, "2026-03-08T00:00", "2026-03-08T05:00", "2026-03-08T06:00"),
    ("America/Havana", "00:30", 90, "2026-11-01T00:00", "2026-11-01T04:30", "2026-11-01T06:00"),
    // St. John's, 1 November 2009: at 00:01, at 02:31 UTC, the clock goes back into the Saturday.
    ("America/St_Johns", "00:00", 60, "2009-10-31T12:00", "2009-11-01T02:30", "2009-11-01T03:30"),
    ("America/St_Johns", "23:30", 60, "2009-10-31T12:00", "2009-11-01T02:00", "2009-11-01T03:00"),
    // Nuuk, 28 March 2026: the last hour of the Saturday is missing, at 01:00 UTC of the Sunday.
    ("America/Nuuk", "23:30", 60, "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T02:00"),
];

fn only(window: Window) -> Calendar {
    Calendar::new(vec![window], Vec::new())
}

fn closed_on(blackout: Blackout) -> Calendar {
    Calendar::new(Vec::new(), vec![blackout])
}

#[test]
fn windows_open_and_close_at_the_instants_that_the_rules_say() {
    for (zone, start, minutes, from, opens, closes) in CASES {
        let calendar = only(window(&[], start, *minutes, zone));
        let expected = vec![(opens.to_string(), true), (closes.to_string(), false)];
        assert_eq!(changes(&calendar, from, 2), expected, "{zone} {start} after {from}");
        for minute in 0..*minutes {
            let opening = calendar.at(time(opens) + TimeDelta::minutes(minute));
            assert!(opening.is_open(), "{zone} {start}, minute {minute}");
            assert_eq!(opening.changes(), Some(time(closes)), "{zone} {start}, minute {minute}");
        }
    }
}

#[test]
fn a_day_that_was_skipped_has_no_window_and_its_neighbours_have_theirs() {
    let opens = |day, from| changes(&only(window(&[day], "12:00", 60, "Pacific/Apia")), from, 1);
    assert_eq!(opens("fri", "2011-12-20T00:00"), [("2011-12-23T22:00".into(), true)]);
    assert_eq!(opens("fri", "2011-12-24T00:00"), [("2012-01-05T22:00".into(), true)]);
    assert_eq!(opens("thu", "2011-12-28T00:00"), [("2011-12-29T22:00".into(), true)]);
    assert_eq!(opens("sat", "2011-12-28T00:00"), [("2011-12-30T22:00".into(), true)]);
}

#[test]
fn a_window_of_a_whole_day_leaves_the_doubled_hour_closed_and_only_that() {
    let daily = only(window(&[], "00:00", 1440, "Europe/Berlin"));
    let expected = [("2026-10-25T22:00".to_owned(), false), ("2026-10-25T23:00".to_owned(), true)];
    assert_eq!(changes(&daily, "2026-01-01T00:00", 2), expected);
    let weekly = only(window(&["wed"], "00:00", 10_080, "Europe/Berlin"));
    let expected = [("2026-10-27T22:00".to_owned(), false), ("2026-10-27T23:00".to_owned(), true)];
    assert_eq!(changes(&weekly, "2026-01-01T00:00", 2), expected);
}

#[test]
fn a_blackout_is_as_long_as_its_local_days_are() {
    for (from, to, zone, begins, ends) in [
        ("2026-03-29", "2026-03-29", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-10-25", "2026-10-25", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2026-03-08", "2026-03-08", "America/Havana", "2026-03-08T05:00", "2026-03-09T04:00"),
        ("2026-11-01", "2026-11-01", "America/Havana", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("2026-10-31", "2026-10-31", "America/Havana", "2026-10-31T04:00", "2026-11-01T04:00"),
        ("2011-12-29", "2011-12-30", "Pacific/Apia", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("2011-12-30", "2011-12-31", "Pacific/Apia", "2011-12-30T10:00", "2011-12-31T10:00"),
        // St. John's put its clock back at 00:01, so that the Saturday had its last hour twice, the second time for good.
        ("2009-10-31", "2009-10-31", "America/St_Johns", "2009-10-31T02:30", "2009-11-01T03:30"),
    ] {
        let calendar = closed_on(blackout(from, to, zone));
        let expected = vec![(begins.to_owned(), false), (ends.to_owned(), true)];
        let start = (time(begins) - TimeDelta::days(2)).format("%Y-%m-%dT%H:%M");
        assert_eq!(changes(&calendar, &start.to_string(), 3), expected, "{from} {to} {zone}");
    }
}

#[test]
fn a_blackout_of_a_day_that_was_skipped_closes_nothing() {
    let calendar = closed_on(blackout("2011-12-30", "2011-12-30", "Pacific/Apia"));
    assert_eq!(changes(&calendar, "2011-12-01T00:00", 1), []);
    assert!(calendar.at(time("2011-12-30T10:00")).is_open());
}

#[test]
fn words_use_the_zone_of_what_opens_or_closes_with_the_name_of_its_time_that_day() {
    let calendar = Calendar::new(
        vec![window(&["sun"], "01:30", 150, "Europe/Berlin")],
        vec![blackout("2026-12-01", "2026-12-07", "America/New_York")],
    );
    for (now, expected) in [
        ("2026-03-29T00:30", "open until 2026-03-29 05:00 CEST"),
        ("2026-03-22T00:00", "closed outside of its windows, opens Sun 2026-03-22 01:30 CET"),
        (
            "2026-12-06T01:00",
            "closed by the blackout from 2026-12-01 to 2026-12-07 (America/New_York), opens Sun 2026-12-13 01:30 CET",
        ),
    ] {
        assert_eq!(calendar.at(time(now)).to_string(), expected);
    }
    let holiday = closed_on(blackout("2026-12-01", "2026-12-07", "America/New_York"));
    assert_eq!(holiday.at(time("2026-11-30T00:00")).to_string(), "open until 2026-12-01 00:00 EST");
}

#[test]
fn a_zone_is_found_by_its_name_and_only_by_one_that_exists() {
    assert_eq!("Europe/Berlin".parse::<Zone>().unwrap().name(), "Europe/Berlin");
    assert_eq!("UTC".parse::<Zone>().unwrap(), Zone::UTC);
    for name in ["", "Europe/Berln", "Etc/Unknown", "../../etc/passwd", "/etc/localtime", "CEST-2"]
    {
        assert!(name.parse::<Zone>().is_err(), "{name:?}");
    }
}

#[test]
fn no_windows_and_no_blackouts_are_always_open() {
    assert_eq!(Calendar::default().at(time("2026-01-01T00:00")), Opening::Open { until: None });
}

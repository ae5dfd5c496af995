//! A calendar against one that is asked of every minute: the local clock is read minute by minute, and nothing is computed from it.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use schedule::{Calendar, Opening};

/// Zones whose clocks change by whole minutes, each in another way.
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Nuuk",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Antarctica/Troll",
];

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The longest window, and more than the longest jump of a clock, before what is compared.
const BEFORE: usize = 10 * 1440;

/// Minutes that are compared.
const COMPARED: usize = 21 * 1440;

#[derive(Clone, Debug)]
struct Weekly {
    days: Vec<bool>,
    start: i64,
    minutes: i64,
    zone: &'static str,
}

#[derive(Clone, Debug)]
struct Days {
    from: i64,
    length: i64,
    zone: &'static str,
}

/// A zone, and a begin at most two weeks before or a little after a change of its clock.
fn any_place() -> impl Strategy<Value = (&'static str, Timestamp)> {
    let changes: Vec<_> =
        ZONES.into_iter().flat_map(|zone| changes(zone).map(move |at| (zone, at))).collect();
    (prop::sample::select(changes), -20_000_i64..1000).prop_map(|((zone, change), minutes)| {
        let change = Timestamp::from_second(change.as_second() / 60 * 60).unwrap();
        (zone, change + jiff::SignedDuration::from_mins(minutes))
    })
}

/// Some changes of a zone's clock, among them Apia's over the date line; where it has none, when it might have.
fn changes(zone: &str) -> impl Iterator<Item = Timestamp> {
    let zone = TimeZone::get(zone).unwrap();
    ["2011-06-01T00:00:00Z", "2025-06-01T00:00:00Z"].into_iter().flat_map(move |from| {
        let from = from.parse().unwrap();
        let found: Vec<_> = zone.following(from).take(4).map(|change| change.timestamp()).collect();
        if found.is_empty() { vec![from] } else { found }
    })
}

/// The zone whose clock changes, more often than another.
fn any_zone(near: &'static str) -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just(near), 1 => prop::sample::select(&ZONES[..])]
}

fn any_weekly(near: &'static str) -> impl Strategy<Value = Weekly> {
    let days = prop_oneof![
        Just(vec![true; 7]),
        prop::collection::vec(any::<bool>(), 7).prop_filter("a day", |days| days.contains(&true)),
    ];
    let start = prop_oneof![0..1440_i64, 0..200_i64, 100..200_i64, 1380..1440_i64];
    let minutes = prop_oneof![3 => 1..180_i64, 1 => Just(1440), 1 => 1..=10_080_i64];
    (days, start, minutes, any_zone(near)).prop_map(|(days, start, minutes, zone)| Weekly {
        days,
        start,
        minutes,
        zone,
    })
}

fn any_days(near: &'static str) -> impl Strategy<Value = Days> {
    let days = (-3..20_i64, 0..6_i64, any_zone(near));
    days.prop_map(|(from, length, zone)| Days { from, length, zone })
}

/// A begin, windows and blackouts.
fn any_world() -> impl Strategy<Value = (Timestamp, Vec<Weekly>, Vec<Days>)> {
    any_place().prop_flat_map(|(zone, begin)| {
        let weekly = prop_oneof![
            2 => prop::collection::vec(any_weekly(zone), 1..2),
            1 => prop::collection::vec(any_weekly(zone), 0..4),
        ];
        (Just(begin), weekly, prop::collection::vec(any_days(zone), 0..3))
    })
}

impl Weekly {
    fn window(&self) -> schedule::Window {
        let names: Vec<_> =
            NAMES.iter().zip(&self.days).filter(|(_, has)| **has).map(|(name, _)| *name).collect();
        let start = format!("{:02}:{:02}", self.start / 60, self.start % 60);
        common::window(&names, &start, self.minutes, self.zone)
    }

    fn has(&self, day: Weekday) -> bool {
        self.days[usize::try_from(day.to_monday_zero_offset()).unwrap()]
    }

    /// Opens the minutes of this window: each day that is met opens at the first minute that shows the start of it or later.
    fn open(&self, minutes: &[Timestamp], open: &mut [bool]) {
        let zone = TimeZone::get(self.zone).unwrap();
        let local: Vec<_> = minutes.iter().map(|minute| zone.to_datetime(*minute)).collect();
        let met: BTreeSet<Date> = local.iter().map(|local| local.date()).collect();
        // The first day may have begun before the first minute.
        for day in met.into_iter().skip(1).filter(|day| self.has(day.weekday())) {
            let (hour, minute) = (self.start / 60, self.start % 60);
            let wall = day.at(hour.try_into().unwrap(), minute.try_into().unwrap(), 0, 0);
            let Some(first) = local.iter().position(|local| *local >= wall) else { continue };
            let last = open.len().min(first + usize::try_from(self.minutes).unwrap());
            open[first..last].fill(true);
        }
    }
}

impl Days {
    fn bounds(&self, begin: Timestamp) -> (Date, Date) {
        let from = TimeZone::UTC.to_datetime(begin).date() + jiff::Span::new().days(self.from);
        (from, from + jiff::Span::new().days(self.length))
    }

    fn close(&self, begin: Timestamp, minutes: &[Timestamp], open: &mut [bool]) {
        let zone = TimeZone::get(self.zone).unwrap();
        let (from, to) = self.bounds(begin);
        for (minute, open) in minutes.iter().zip(open) {
            let day = zone.to_datetime(*minute).date();
            *open &= day < from || to < day;
        }
    }

    fn blackout(&self, begin: Timestamp) -> schedule::Blackout {
        let (from, to) = self.bounds(begin);
        common::blackout(&from.to_string(), &to.to_string(), self.zone)
    }
}

/// Whether each minute is open, from a while before `begin` on.
fn oracle(begin: Timestamp, weekly: &[Weekly], days: &[Days]) -> Vec<bool> {
    let minute = |index: usize| {
        let index = i64::try_from(index).unwrap() - i64::try_from(BEFORE).unwrap();
        begin + jiff::SignedDuration::from_mins(index)
    };
    let minutes: Vec<_> = (0..BEFORE + COMPARED).map(minute).collect();
    let mut open = vec![weekly.is_empty(); minutes.len()];
    weekly.iter().for_each(|weekly| weekly.open(&minutes, &mut open));
    days.iter().for_each(|days| days.close(begin, &minutes, &mut open));
    open.split_off(BEFORE)
}

fn instant(begin: Timestamp, minute: usize) -> DateTime<Utc> {
    let begin = DateTime::from_timestamp(begin.as_second(), 0).unwrap();
    begin + TimeDelta::minutes(minute.try_into().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_calendar_says_what_the_clock_on_the_wall_says(
        (begin, weekly, days) in any_world(),
        step in 1..50_usize,
    ) {
        let open = oracle(begin, &weekly, &days);
        let windows = weekly.iter().map(Weekly::window).collect();
        let calendar = Calendar::new(windows, days.iter().map(|days| days.blackout(begin)).collect());
        // From change to change: what is said to be between two is, and so is what is said to be at them.
        let mut at = 0;
        while at < open.len() {
            let opening = calendar.at(instant(begin, at));
            prop_assert_eq!(opening.is_open(), open[at], "at {}", instant(begin, at));
            let change = open[at..].iter().position(|minute| *minute != open[at]);
            let change = change.map(|after| instant(begin, at + after));
            let said = opening.changes();
            match change {
                Some(change) => prop_assert_eq!(said, Some(change), "from {}", instant(begin, at)),
                None => prop_assert!(said.is_none_or(|said| said >= instant(begin, open.len()))),
            }
            // Somewhere between the changes the answer is the same.
            let Some(change) = change else { break };
            let inside = instant(begin, at + step).min(change - TimeDelta::seconds(1));
            let again = calendar.at(inside);
            prop_assert_eq!((again.is_open(), again.changes()), (opening.is_open(), Some(change)));
            at += usize::try_from((change - instant(begin, at)).num_minutes()).unwrap();
        }
    }

    #[test]
    fn no_instant_is_too_far_for_an_answer(
        seconds in DateTime::<Utc>::MIN_UTC.timestamp()..=DateTime::<Utc>::MAX_UTC.timestamp(),
        near in -400_000_000_000_i64..400_000_000_000,
        weekly in prop::collection::vec(any_weekly("Europe/Berlin"), 0..3),
    ) {
        let calendar = Calendar::new(weekly.iter().map(Weekly::window).collect(), Vec::new());
        for seconds in [seconds, near] {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let opening = calendar.at(now);
            prop_assert!(!opening.to_string().is_empty());
            if let (Opening::Closed { opens: Some(opens), .. }, true) = (&opening, seconds == near) {
                prop_assert!(opens.time() > now && calendar.at(opens.time()).is_open());
            }
        }
    }
}

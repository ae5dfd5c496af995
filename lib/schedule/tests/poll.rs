//! When the next look is due.

#![allow(clippy::unwrap_used)]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::time;
use proptest::prelude::*;
use schedule::{Chance, Look, Past, Poll};

const LEAST: Chance = Chance::MIN;
const MOST: Chance = Chance::MAX;

/// Every hour, every day at the longest.
fn hourly() -> Poll {
    Poll::new(3600, 86_400).unwrap()
}

/// Minutes from the last look to the next one, looked at an instant later.
fn minutes(failures: u32, chance: Chance) -> i64 {
    let at = time("2026-11-26T09:00");
    let past =
        Past { started: time("2026-11-01T00:00"), last: Some(Look { at, failures }), chance };
    (hourly().next(&past, at) - at).num_minutes()
}

#[test]
fn the_interval_is_spread_by_a_tenth_to_both_sides() {
    assert_eq!((minutes(0, LEAST), minutes(0, MOST)), (54, 65));
    assert_eq!(minutes(0, Chance::new(1 << 63)), 60);
}

#[test]
fn failures_double_the_interval_up_to_the_longest() {
    let waits: Vec<_> = (0..8).map(|failures| minutes(failures, Chance::new(1 << 63))).collect();
    assert_eq!(waits, [60, 60, 120, 240, 480, 960, 1440, 1440]);
    for failures in [31, 32, 33, 34, 64, u32::MAX] {
        assert_eq!(minutes(failures, MOST), 1583, "{failures}");
    }
}

#[test]
fn the_first_look_comes_within_a_tenth_of_the_interval_after_the_start() {
    let started = time("2026-11-26T09:00");
    let first = |last, chance| hourly().next(&Past { started, last, chance }, started) - started;
    let long_ago = Some(Look { at: time("2026-11-20T09:00"), failures: 0 });
    for last in [None, long_ago] {
        assert_eq!(first(last, LEAST), TimeDelta::zero());
        assert_eq!(first(last, Chance::new(1 << 63)), TimeDelta::minutes(3));
        assert!(first(last, MOST) < TimeDelta::minutes(6));
    }
    let just_now = Some(Look { at: time("2026-11-26T08:50"), failures: 0 });
    assert_eq!(first(just_now, LEAST), TimeDelta::minutes(44));
}

#[test]
fn a_clock_that_was_put_forward_makes_one_look_due() {
    let (at, now) = (time("2026-11-26T09:00"), time("2036-11-26T09:00"));
    let past = |at| Past {
        started: time("2026-11-26T08:00"),
        last: Some(Look { at, failures: 0 }),
        chance: MOST,
    };
    assert_eq!(hourly().next(&past(at), now), now);
    assert!(hourly().next(&past(now), now) > now + TimeDelta::minutes(54));
}

#[test]
fn a_clock_that_was_put_back_makes_a_look_due_at_once() {
    let (at, now) = (time("2036-11-26T09:00"), time("2026-11-26T09:00"));
    for last in [None, Some(Look { at, failures: 9 })] {
        assert_eq!(hourly().next(&Past { started: at, last, chance: MOST }, now), now);
    }
}

#[test]
fn a_clock_that_is_set_right_by_seconds_makes_no_look_due() {
    let (at, now) = (time("2026-11-26T09:05"), time("2026-11-26T09:00"));
    let past = Past {
        started: time("2026-11-26T08:00"),
        last: Some(Look { at, failures: 0 }),
        chance: LEAST,
    };
    assert_eq!(hourly().next(&past, now), now + TimeDelta::minutes(54));
}

#[test]
fn intervals_out_of_their_bounds_are_refused() {
    for (interval, max, message) in [
        (0, 10, "check_interval_seconds is 0, not 1 to 31622400"),
        (31_622_401, u64::MAX, "check_interval_seconds is 31622401"),
        (60, 59, "max_interval_seconds is 59, not from check_interval_seconds (60) to"),
        (60, u64::MAX, "max_interval_seconds is 18446744073709551615"),
    ] {
        let error = Poll::new(interval, max).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(Poll::new(1, 1).is_ok() && Poll::new(31_622_400, 31_622_400).is_ok());
}

/// Any time that chrono has, often near another.
fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let (min, max) = (DateTime::<Utc>::MIN_UTC.timestamp(), DateTime::<Utc>::MAX_UTC.timestamp());
    let seconds = prop_oneof![min..=max, 1_700_000_000_i64..1_700_200_000, Just(min), Just(max)];
    (seconds, 0..2_000_000_000_u32).prop_map(|(seconds, nanoseconds)| {
        DateTime::from_timestamp(seconds, nanoseconds)
            .or_else(|| DateTime::from_timestamp(seconds, nanoseconds % 1_000_000_000))
            .unwrap()
    })
}

fn any_poll() -> impl Strategy<Value = (u64, u64)> {
    (1..=31_622_400_u64).prop_flat_map(|interval| (Just(interval), interval..=31_622_400))
}

fn seconds(count: u64) -> TimeDelta {
    TimeDelta::seconds(count.try_into().unwrap())
}

/// Up to the end of the calendar, after which there is still one leap second.
fn plus(time: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC).max(time)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_look_keeps_its_bounds(
        (interval, max) in any_poll(),
        started in any_time(),
        at in any_time(),
        looked in any::<bool>(),
        failures in prop_oneof![0..12_u32, any::<u32>()],
        chance in any::<u64>(),
        now in any_time(),
    ) {
        let poll = Poll::new(interval, max).unwrap();
        let last = looked.then_some(Look { at, failures });
        let past = Past { started, last, chance: Chance::new(chance) };
        let next = poll.next(&past, now);
        prop_assert!(now <= next);
        prop_assert!(next <= plus(now, seconds(max) * 11 / 10));
        if !looked {
            prop_assert!(next <= plus(now, seconds(interval) / 10));
        }
        if looked && at <= now {
            prop_assert!(next >= plus(at, seconds(interval) / 10 * 9));
            prop_assert!(next <= plus(at, seconds(max) * 11 / 10).max(plus(now, seconds(interval) / 10)));
        }
        // Asked again a little later it stays, or is due.
        if started <= now && (!looked || at <= now) && next > now {
            let half = plus(now, (next - now) / 2);
            prop_assert_eq!(poll.next(&past, half), next);
            prop_assert_eq!(poll.next(&past, next), next);
        }
    }
}

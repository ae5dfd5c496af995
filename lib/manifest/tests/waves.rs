//! Waves as a fleet sees them: over all 2048 seeds, for any policy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::as_conversions)]

use chrono::{DateTime, TimeDelta, Utc};
use manifest::{Offset, Ready, Schedule, Seed, WavePolicy, Waves};
use proptest::prelude::*;

const STEADY: &str = include_str!("../../../fixtures/waves/steady.toml");
const EMERGENCY: &str = include_str!("../../../fixtures/waves/emergency.toml");

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// When each seed is ready; a policy's schedule always has a time.
fn times(schedule: &Schedule) -> Vec<DateTime<Utc>> {
    let time = |seed| match schedule.ready_at(seed) {
        Ready::At(time) => time,
        Ready::AtOnce => panic!("seed {seed} is ready without any wave"),
    };
    Seed::all().map(time).collect()
}

fn ready(times: &[DateTime<Utc>], now: DateTime<Utc>) -> usize {
    times.iter().filter(|&&time| time <= now).count()
}

/// Rising pairs of seconds and percentages that end at 100, and an optional end.
fn policies() -> impl Strategy<Value = WavePolicy> {
    let shape = prop::collection::btree_map(1u8..100, 1u32..400_000, 0..12);
    (shape, 0u32..100_000, prop::option::of(1u32..400_000)).prop_map(|(gaps, first, tail)| {
        let mut start = first;
        let mut text = String::new();
        let percentages: Vec<u8> = gaps.keys().copied().chain([100]).collect();
        let gaps: Vec<u32> = [0].into_iter().chain(gaps.values().copied()).collect();
        for (percentage, gap) in percentages.iter().zip(gaps) {
            start += gap;
            text.push_str(&format!(
                "[[waves]]\nstart_after = \"{start} seconds\"\nfleet_percentage = {percentage}\n"
            ));
        }
        let end = tail.map(|tail| format!("ends_after = \"{} seconds\"\n", start + tail));
        WavePolicy::parse(&(end.unwrap_or_default() + &text)).unwrap()
    })
}

fn seconds(offset: Offset) -> i64 {
    offset.seconds().into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_share_that_is_ready_never_falls_and_lower_seeds_come_first(policy in policies()) {
        let times = times(&policy.waves(time(0)).unwrap());
        prop_assert!(times.is_sorted());
    }

    #[test]
    fn each_percentage_is_reached_when_its_wave_ends(policy in policies()) {
        let schedule = policy.waves(time(0)).unwrap();
        let times = times(&schedule);
        let waves = policy.policy_waves();
        let ends = waves.iter().skip(1).map(|wave| wave.start_after).chain(policy.ends_after());
        for (wave, end) in waves.iter().zip(ends) {
            let end = time(seconds(end));
            let share = 2048.0 * f64::from(wave.fleet_percentage) / 100.0;
            let (before, then) = (ready(&times, end - TimeDelta::nanoseconds(1)), ready(&times, end));
            prop_assert!(then as f64 >= share, "{then} of {share}");
            prop_assert!(before as f64 <= share + 1.0, "{before} of {share}");
        }
        prop_assert_eq!(ready(&times, time(seconds(policy.ends_after().unwrap_or(
            waves[waves.len() - 1].start_after)))), 2048);
    }

    #[test]
    fn nobody_is_ready_before_the_first_wave(policy in policies()) {
        let times = times(&policy.waves(time(0)).unwrap());
        let first = time(seconds(policy.policy_waves()[0].start_after));
        prop_assert_eq!(times[0], first);
        prop_assert_eq!(ready(&times, first - TimeDelta::nanoseconds(1)), 0);
    }

    #[test]
    fn within_a_wave_the_share_stays_within_one_seed_of_a_straight_line(
        policy in policies(),
        thousandths in prop::collection::vec(0i64..1000, 8),
    ) {
        let schedule = policy.waves(time(0)).unwrap();
        let times = times(&schedule);
        let keys: Vec<_> = schedule.waves.iter().chain(schedule.waves_end.map(|end| (2048, end))).collect();
        for pair in keys.windows(2) {
            let ((low, start), (high, end)) = (pair[0], pair[1]);
            for part in &thousandths {
                let now = start + (end - start) * i32::try_from(*part).unwrap() / 1000;
                let passed = (now - start).num_nanoseconds().unwrap() as f64
                    / (end - start).num_nanoseconds().unwrap() as f64;
                let line = f64::from(low) + passed * f64::from(high - low);
                let off = ready(&times, now) as f64 - line;
                prop_assert!((-1e-6..=1.0 + 1e-6).contains(&off), "{off} seeds off at {now}");
            }
        }
    }

    #[test]
    fn the_count_of_ready_seeds_agrees_with_the_times(policy in policies(), after in 0i64..3_000_000) {
        let schedule = policy.waves(time(0)).unwrap();
        let count = usize::from(schedule.ready_count(time(after)));
        prop_assert_eq!(count, ready(&times(&schedule), time(after)));
    }

    #[test]
    fn any_waves_give_every_seed_a_time_within_them(
        starts in prop::collection::btree_map(0u64..=2048, 1i64..1_000_000_000, 1..40),
        tail in prop::option::of(1i64..1_000_000_000),
    ) {
        let mut now = 0;
        let rising = starts.iter().map(|(key, gap)| { now += gap; (*key, time(now)) });
        let waves = Waves::new(rising).unwrap();
        let bounds = (waves.iter().next().unwrap().1, time(now + tail.unwrap_or(0)));
        let schedule = Schedule { waves, waves_end: tail.map(|tail| time(now + tail)) };
        prop_assert_eq!(schedule.check(), Ok(()));
        let times = times(&schedule);
        prop_assert!(times.is_sorted());
        prop_assert!(bounds.0 <= times[0] && times[2047] <= bounds.1);
    }
}

/// Seeds ready after some hours of a policy that starts at zero.
fn after_hours(policy: &str, hours: i64) -> u16 {
    WavePolicy::parse(policy).unwrap().waves(time(0)).unwrap().ready_count(time(hours * 3600))
}

#[test]
fn the_fixtures_spread_as_their_comments_say() {
    assert_eq!(after_hours(STEADY, 0), 0);
    assert_eq!(after_hours(STEADY, 1), 1);
    assert_eq!(after_hours(STEADY, 5), 103);
    assert_eq!(after_hours(STEADY, 24), 410);
    assert_eq!(after_hours(STEADY, 72), 1025);
    assert_eq!(after_hours(STEADY, 120), 1537);
    assert_eq!(after_hours(STEADY, 168), 2048);
    assert_eq!(after_hours(EMERGENCY, 0), 1);
    assert_eq!(after_hours(EMERGENCY, 1), 819);
    assert_eq!(after_hours(EMERGENCY, 2), 2048);
}

#[test]
fn no_instant_of_a_spread_policy_brings_more_than_one_seed() {
    let times = times(&WavePolicy::parse(STEADY).unwrap().waves(time(0)).unwrap());
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_seed_lies_on_the_line_between_the_times_of_its_wave() {
    let waves = Waves::new([(0, time(0)), (100, time(1000)), (300, time(2000))]).unwrap();
    let schedule = Schedule { waves, waves_end: None };
    let at = |seed| schedule.ready_at(Seed::new(seed).unwrap());
    assert_eq!(at(0), Ready::At(time(0)));
    assert_eq!(at(1), Ready::At(time(10)));
    assert_eq!(at(100), Ready::At(time(1000)));
    assert_eq!(at(101), Ready::At(time(1005)));
    assert_eq!(at(300), Ready::At(time(2000)));
    assert_eq!(at(301), Ready::At(time(2000)));
    assert_eq!(at(2047), Ready::At(time(2000)));
}

#[test]
fn a_seed_is_told_its_wave() {
    let schedule = WavePolicy::parse(STEADY).unwrap().waves(time(0)).unwrap();
    let place = |seed| schedule.place_of(Seed::new(seed).unwrap()).unwrap();
    let of = WavePolicy::parse(STEADY).unwrap().policy_waves().len();
    assert_eq!(
        [place(0), place(1), place(2047)].map(|it| (it.number, it.of)),
        [(1, of), (1, of), (of, of)]
    );
    for seed in Seed::all() {
        let wave = schedule.place_of(seed).unwrap().wave;
        assert!(wave.first <= seed && seed <= wave.last);
        let Ready::At(ready) = schedule.ready_at(seed) else { panic!("there are waves") };
        assert!(wave.start <= ready && ready <= wave.end);
    }
    assert_eq!(Schedule::default().place_of(Seed::MAX), None);
    let one = Schedule::all_from(time(0)).place_of(Seed::MAX).unwrap();
    assert_eq!((one.number, one.of), (1, 1));
}

#[test]
fn seeds_below_the_first_key_are_held_to_its_time() {
    let waves = Waves::new([(500, time(100)), (1000, time(200))]).unwrap();
    let schedule = Schedule { waves, waves_end: Some(time(300)) };
    assert_eq!(schedule.ready_count(time(99)), 0);
    assert_eq!(schedule.ready_count(time(100)), 501);
    assert_eq!(schedule.ready_count(time(300)), 2048);
}

#[test]
fn a_start_without_waves_is_everyones() {
    let schedule = Schedule::all_from(time(60));
    schedule.check().unwrap();
    assert_eq!(times(&schedule), vec![time(60); 2048]);
    assert_eq!((schedule.ready_count(time(59)), schedule.ready_count(time(60))), (0, 2048));
}

#[test]
fn without_waves_everyone_is_ready_at_once() {
    let schedule = Schedule::default();
    assert!(Seed::all().all(|seed| schedule.ready_at(seed) == Ready::AtOnce));
    assert_eq!(schedule.ready_count(DateTime::<Utc>::MIN_UTC), 2048);
}

#[test]
fn waves_over_the_whole_calendar_do_not_overflow() {
    let waves = Waves::new([(0, DateTime::<Utc>::MIN_UTC), (2048, DateTime::<Utc>::MAX_UTC)]);
    let schedule = Schedule { waves: waves.unwrap(), waves_end: None };
    assert!(times(&schedule).is_sorted());
    assert_eq!(schedule.ready_at(Seed::new(1024).unwrap()).to_string().len(), 20);
}

#[test]
fn a_key_above_2048_is_an_error() {
    assert!(Waves::new([(2048, time(0))]).is_ok());
    for key in [2049, 65_536, u64::MAX] {
        assert!(Waves::new([(key, time(0))]).is_err(), "{key}");
    }
}

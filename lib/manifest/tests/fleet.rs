//! A fleet of 100,000 hosts, whose seeds were made as hosts make them, and the choice that each of them makes while a release spreads.
//!
//! What is expected is worked out here, in floating point, from the text of the policy alone. A host's choice depends on its seed and on
//! nothing else that differs in the fleet, so that it is made once for every seed that there is and counted for all that have it.
//!
//! Tolerances: of n hosts, of which each is ready with chance p, np are, with a standard deviation of √(np(1−p)); five of them are
//! allowed, beyond the part of the fleet that one seed stands for. That seeds are even is held to five standard deviations of χ², and each
//! seed's own count to six of the binomial, as there are 2048 of them. The numbers come from a fixed start, so that a run either always
//! passes or never does.

#![allow(clippy::unwrap_used, clippy::as_conversions)]

use chrono::{DateTime, TimeDelta, Utc};
use manifest::{
    Extra, Host, Images, Manifest, Seed, Update, Verdict, VersionLock, WavePolicy, choose_but,
};
use semver::Version;

const HOSTS: u32 = 100_000;

/// Hours after the start, and the share of the fleet that is ready by then; in between it rises evenly.
const CURVE: [(f64, f64); 6] =
    [(1.0, 0.0), (4.0, 0.01), (24.0, 0.10), (72.0, 0.45), (120.0, 0.80), (168.0, 1.0)];

const POLICY: &str = "ends_after = '7 days'\n\
    [[waves]]\nstart_after = '1 hour'\nfleet_percentage = 1\n\
    [[waves]]\nstart_after = '4 hours'\nfleet_percentage = 10\n\
    [[waves]]\nstart_after = '1 day'\nfleet_percentage = 45\n\
    [[waves]]\nstart_after = '3 days'\nfleet_percentage = 80\n\
    [[waves]]\nstart_after = '5 days'\nfleet_percentage = 100\n";

/// Random numbers from a fixed start (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// How many hosts of the fleet have each seed.
fn fleet() -> Vec<(Seed, u32)> {
    let mut random = Random(2026);
    let mut counts: Vec<_> = Seed::all().map(|seed| (seed, 0)).collect();
    for _ in 0..HOSTS {
        counts[usize::from(Seed::of_random(random.next()).value())].1 += 1;
    }
    counts
}

fn start() -> DateTime<Utc> {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

fn manifest() -> Manifest {
    let schedule = WavePolicy::parse(POLICY).unwrap().waves(start()).unwrap();
    let update = Update {
        variant: "metal".to_owned(),
        arch: "x86_64".to_owned(),
        version: Version::new(1, 1, 0),
        max_version: Version::new(1, 1, 0),
        waves: schedule.waves,
        waves_end: schedule.waves_end,
        images: Images::new("boot", "root", "hash"),
        contents: None,
        packs: Vec::new(),
        frames: None,
        extra: Extra::new(),
    };
    Manifest { updates: vec![update], ..Manifest::default() }
}

fn host(seed: Seed) -> Host {
    Host {
        variant: "metal".to_owned(),
        arch: "x86_64".to_owned(),
        version: Version::new(1, 0, 0),
        seed,
        version_lock: VersionLock::Latest,
        ignore_waves: false,
    }
}

/// How many hosts choose the release so many hours after its start.
fn taken(fleet: &[(Seed, u32)], manifest: &Manifest, hours: f64) -> u32 {
    let now = start() + TimeDelta::seconds((hours * 3600.0) as i64);
    let takes = |seed| {
        let decision = choose_but(manifest, &host(seed), now, None, &|_| None);
        decision.considered[0].verdict == Verdict::Chosen
    };
    fleet.iter().filter(|(seed, _)| takes(*seed)).map(|(_, hosts)| hosts).sum()
}

/// The share of the fleet that the policy wants so many hours after the start.
fn wanted(hours: f64) -> f64 {
    let within = CURVE.windows(2).find(|pair| hours < pair[1].0);
    let Some([(from, low), (to, high)]) = within else { return 1.0 };
    low + (high - low) * ((hours - from) / (to - from)).max(0.0)
}

#[test]
fn a_fleet_of_hosts_follows_the_curve_of_the_policy() {
    let (fleet, manifest) = (fleet(), manifest());
    let hosts = f64::from(HOSTS);
    let one_seed = hosts / 2048.0;
    // Every 2.5 hours, and so in each wave and at the ends of all of them.
    for hours in (0..70).map(|step| f64::from(step) * 2.5) {
        let (taken, share) = (f64::from(taken(&fleet, &manifest, hours)), wanted(hours));
        let allowed = 5.0 * (hosts * share * (1.0 - share)).sqrt() + 2.0 * one_seed;
        let off = (taken - hosts * share).abs();
        assert!(off <= allowed, "after {hours} h: {taken}, not {} ± {allowed}", hosts * share);
    }
}

#[test]
fn nobody_is_early_and_nobody_is_left_out() {
    let (fleet, manifest) = (fleet(), manifest());
    assert_eq!(taken(&fleet, &manifest, 0.99), 0);
    assert_eq!(taken(&fleet, &manifest, 168.0), HOSTS);
    let seed_zero = fleet[0].1;
    assert_eq!(taken(&fleet, &manifest, 1.0), seed_zero, "seed 0 is held to the first wave");
}

#[test]
fn seeds_are_made_evenly() {
    let expected = f64::from(HOSTS) / 2048.0;
    let deviation = (expected * (1.0 - 1.0 / 2048.0)).sqrt();
    let counts: Vec<_> = fleet().into_iter().map(|(_, hosts)| f64::from(hosts)).collect();
    for (seed, count) in counts.iter().enumerate() {
        assert!((count - expected).abs() <= 6.0 * deviation, "seed {seed}: {count} hosts");
    }
    let chi_square: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
    let (mean, deviation) = (2047.0, (2.0_f64 * 2047.0).sqrt());
    assert!((chi_square - mean).abs() <= 5.0 * deviation, "χ² is {chi_square}");
}

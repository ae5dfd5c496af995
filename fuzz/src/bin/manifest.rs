//! Any bytes as a release manifest: refused, or written and read again as the same; and of what it says hosts choose, and move
//! their settings, by the rules.
#![no_main]

use chrono::{DateTime, Utc};
use fuzz::limits;
use manifest::{Direction, Host, Manifest, Ready, Seed, Update, VersionLock, choose};

/// What reading may take: some hundred bytes for each of the input.
fn memory(input: &[u8]) -> usize {
    (64 << 10) + 400 * input.len()
}

fuzz::target!(|input| {
    let Ok(manifest) = limits::within(memory(input), || Manifest::parse(input)) else { return };
    let written = manifest.to_json().expect("what was read can be written");
    assert_eq!(Manifest::parse(&written).expect("what was written can be read"), manifest);
    let now = "2026-06-01T00:00:00Z".parse().expect("it is a time");
    for update in manifest.updates.iter().take(4) {
        check_waves(update, now);
        check_choice(&manifest, update, now);
    }
    check_paths(&manifest);
});

fn seed(number: u64) -> Seed {
    Seed::new(number).expect("it is below 2048")
}

/// Seeds come in their order, and the waves are all of them.
fn check_waves(update: &Update, now: DateTime<Utc>) {
    let ready = [0, 1, 204, 1024, 2046, 2047].map(|number| update.ready_at(seed(number)));
    assert!(ready.is_sorted());
    let schedule = update.schedule();
    let mut next = 0;
    for wave in schedule.waves() {
        assert_eq!(wave.first.value(), next);
        assert!(wave.first <= wave.last && wave.start <= wave.end);
        next = wave.last.value() + 1;
    }
    assert_eq!(next, if update.waves.is_empty() { 0 } else { 2048 });
    let count = schedule.ready_count(now);
    let first_late = seed(u64::from(count.min(2047)));
    assert!(count == 2048 || !update.ready_at(first_late).is_reached(now));
    assert!(count == 0 || update.ready_at(seed(u64::from(count - 1))).is_reached(now));
    assert!(!update.waves.is_empty() || ready == [Ready::AtOnce; 6]);
}

fn check_choice(manifest: &Manifest, update: &Update, now: DateTime<Utc>) {
    for (number, ignore_waves) in [(0, false), (2047, false), (1000, true)] {
        let host = Host {
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            version: update.version.clone(),
            seed: seed(number),
            version_lock: VersionLock::Latest,
            ignore_waves,
        };
        let decision = choose(manifest, &host, now, None);
        assert_eq!(decision.considered.len(), manifest.updates.len());
        let Some(chosen) = decision.chosen else { continue };
        assert!(host.fits(chosen) && chosen.is_offered());
        assert!(ignore_waves || chosen.ready_at(host.seed).is_reached(now));
        assert!(chosen.version > host.version || host.version > chosen.max_version);
    }
}

/// Every path leads from one end to the other, and backward the same way.
fn check_paths(manifest: &Manifest) {
    let ends: Vec<_> = manifest.migrations.iter().take(3).map(|(from, to, _)| (from, to)).collect();
    for (from, to) in ends.iter().zip(ends.iter().rev()).map(|(low, high)| (low.0, high.1)) {
        let Ok(path) = manifest.migration_path(from, to) else { continue };
        assert_eq!((path.versions.first(), path.versions.last()), (Some(from), Some(to)));
        let mut back = manifest.migration_path(to, from).expect("it leads back");
        assert!(from == to || path.direction != back.direction);
        let up = if path.direction == Direction::Forward { &path } else { &back };
        assert!(up.versions.is_sorted());
        back.versions.reverse();
        assert_eq!(back.versions, path.versions);
    }
}

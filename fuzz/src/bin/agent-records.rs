//! Any bytes as each of the agent's records, an operator's orders, what was found by the last look, and a seed: refused, or written and read
//! again as the same; and what is decided by them waits for a time that is to come.
#![no_main]

use chrono::{DateTime, TimeDelta};
use fuzz::input::Input;
use fuzz::limits;
use manifest::{Host, Seed, VersionLock};
use semver::Version;
use updog::agent::facts::Facts;
use updog::agent::next::{Given, Permission, Policies, Waits, next};
use updog::agent::{checked, orders, record};
use updog::seed;

/// Nothing is in the way.
struct Free;

impl Permission for Free {
    fn fetch(&self) -> Waits {
        Waits::new()
    }

    fn restart(&self) -> Waits {
        Waits::new()
    }
}

fuzz::target!(|input| {
    let mut input = Input(input);
    let (bits, now, length) = (input.byte(), input.word(), usize::from(input.short() % 2048));
    let now = DateTime::from_timestamp(i64::from(now), 0).expect("every second of 32 bits is one");
    let (first, second) = (input.bytes(length), input.0);
    let memory = (64 << 10) + 40 * (first.len() + second.len());
    limits::within(memory, || {
        if let Ok(seed) = seed::parse(first) {
            assert!(seed < Seed::MAX || seed == Seed::MAX);
        }
        let found = checked::parse(second);
        if let Some(found) = &found {
            let written = serde_json::to_vec(found).expect("it has a form in JSON");
            assert_eq!(checked::parse(&written).as_ref(), Some(found));
        }
        let wanted = orders::parse(second).unwrap_or_default();
        let written = serde_json::to_vec(&wanted).expect("they have a form in JSON");
        assert_eq!(orders::parse(&written).as_ref(), Ok(&wanted));
        let Ok(record) = record::parse(first) else { return };
        let written = serde_json::to_vec(&record).expect("it has a form in JSON");
        assert_eq!(record::parse(&written).as_ref(), Ok(&record));
        let is = |bit: u8| bits & (1 << bit) != 0;
        let new = record.pin.as_ref().map(|pin| pin.version.clone());
        let facts = Facts {
            running: Version::new(1, 0, 0),
            is_good: is(0),
            boot: Some("one".to_owned()),
            staged: new.clone().filter(|_| is(1)),
            boots_next: is(2),
            failed: new.clone().into_iter().filter(|_| is(3)).collect(),
            declined: new.into_iter().filter(|_| is(4)).collect(),
            pin: record.pin.clone(),
            is_held: wanted.hold_now(now).is_some(),
        };
        let host = Host {
            variant: "demo".to_owned(),
            arch: "x86_64".to_owned(),
            version: Version::new(1, 0, 0),
            seed: Seed::MAX,
            version_lock: VersionLock::Latest,
            ignore_waves: false,
        };
        let decided = next(Given {
            host: &host,
            facts: &facts,
            policies: Policies::default(),
            record: &record,
            orders: &wanted,
            checked: found.as_ref(),
            longest: TimeDelta::days(1),
            permission: &Free,
            now,
        });
        if let (None, Some(wake)) = (&decided.step, decided.wake) {
            assert!(wake > now, "{decided:?}");
        }
    });
});

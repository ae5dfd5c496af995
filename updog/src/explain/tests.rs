#![allow(clippy::unwrap_used)]

use manifest::VersionLock;
use serde_json::{Value, json};

use super::*;
use crate::boots::file;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn release(version: &str) -> Value {
    json!({
        "variant": "demo", "arch": "x86_64", "version": version, "max_version": "9.0.0", "waves": {},
        "images": {"boot": "b", "root": "r", "hash": "h"},
    })
}

/// One of which seed 1000 is in the middle of the second wave.
fn waiting(version: &str) -> Value {
    let mut release = release(version);
    release["waves"] = json!({
        "0": "2026-11-25T00:00:00Z", "500": "2026-11-30T00:00:00Z", "1500": "2026-12-10T00:00:00Z",
    });
    release
}

fn manifest(updates: &[Value], migrations: Value) -> Manifest {
    let text = json!({"updates": updates, "migrations": migrations}).to_string();
    Manifest::parse(text.as_bytes()).unwrap()
}

struct World {
    manifest: Manifest,
    host: Host,
    ledger: Ledger,
}

impl World {
    /// A host of seed 1000 that runs 1.1.0.
    fn of(updates: &[Value]) -> Self {
        let host = Host {
            variant: "demo".to_owned(),
            arch: "x86_64".to_owned(),
            version: Version::new(1, 1, 0),
            seed: Seed::new(1000).unwrap(),
            version_lock: VersionLock::Latest,
            ignore_waves: false,
        };
        Self { manifest: manifest(updates, json!({})), host, ledger: Ledger::default() }
    }

    fn explain(&self, version: Option<&str>) -> Option<Explanation> {
        let (manifest, host, ledger) = (&self.manifest, &self.host, &self.ledger);
        let (origin, now) = (Origin::Repository, time("2026-11-26T09:00:00Z"));
        let facts = Facts { manifest, host, ledger, origin, signed: None, now };
        facts.explain(version.map(|text| text.parse().unwrap()).as_ref())
    }

    fn one(&self, version: &str) -> Release {
        let mut releases = self.explain(Some(version)).unwrap().releases;
        assert_eq!(releases.len(), 1);
        releases.remove(0)
    }
}

#[test]
fn a_release_whose_wave_is_to_come_says_when_and_how_to_take_it_at_once() {
    let world = World::of(&[waiting("1.2.0")]);
    let one = world.one("1.2.0");
    assert_eq!((one.verdict, one.ready_at), (Verdict::NotYet, Some(time("2026-12-05T00:00:00Z"))));
    let place = one.wave.unwrap();
    assert_eq!((place.number, place.of), (2, 3));
    assert_eq!(
        one.changes,
        ["on 2026-12-05 00:00:00 UTC its wave comes", "`updog update --now` takes it at once"]
    );
    let text = one.to_string();
    assert!(
        text.contains("wave 2 of 3: seeds 501 to 1500, from 2026-11-30 00:00:00 UTC"),
        "{text}"
    );
    let next = world.explain(None).unwrap().next_change;
    assert_eq!(next, Some(time("2026-12-05T00:00:00Z")));
}

#[test]
fn a_wave_that_changes_nothing_is_told_as_such() {
    let mut world = World::of(&[waiting("1.2.0"), waiting("1.0.0")]);
    world.host.version = Version::new(1, 3, 0);
    let older = world.one("1.0.0");
    assert!(older.changes[0].contains("not taken either: it is older"), "{older}");
    assert_eq!(older.changes[1], "`updog update --image 1.0.0 --now` takes it");
    world.host.version_lock = "1.1.0".parse().unwrap();
    let locked = world.one("1.2.0");
    assert!(locked.changes[0].contains("not the version locked to"), "{locked}");
}

#[test]
fn every_verdict_says_what_would_change_it() {
    let mut recalled = release("1.4.0");
    recalled["max_version"] = json!("1.3.0");
    let mut other = release("2.0.0");
    other["arch"] = json!("aarch64");
    let releases = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"].map(release);
    let mut world = World::of(&[&releases[..], &[recalled, other]].concat());
    let told = |world: &World, version: &str| {
        let one = world.one(version);
        (one.verdict, one.changes.join("; "))
    };
    let by_name = |version: &str| format!("`updog update --image {version}` takes it");
    assert_eq!(told(&world, "1.0.0"), (Verdict::Superseded, by_name("1.0.0")));
    assert_eq!(told(&world, "1.3.0"), (Verdict::Chosen, "`updog update` installs it".to_owned()));
    assert_eq!(told(&world, "1.4.0").0, Verdict::Recalled);
    let (verdict, changes) = told(&world, "2.0.0");
    assert_eq!(verdict, Verdict::OtherHost);
    assert!(changes.contains("releases for demo x86_64"), "{changes}");
    world.host.version = Version::new(1, 3, 0);
    assert_eq!(told(&world, "1.3.0"), (Verdict::Running, String::new()));
    assert_eq!(told(&world, "1.2.0"), (Verdict::Older, by_name("1.2.0")));
    world.host.version_lock = "1.3.0".parse().unwrap();
    let (verdict, changes) = told(&world, "1.2.0");
    assert_eq!(verdict, Verdict::NotLocked);
    assert!(changes.contains("\"latest\" or \"1.2.0\"") && changes.ends_with(&by_name("1.2.0")));
}

#[test]
fn a_failure_says_its_cause_and_how_it_is_cleared() {
    let mut world = World::of(&[release("1.2.0")]);
    let text = r#"{"format": 1, "attempts": [{"set": "B", "version": "1.2.0", "noted": "2026-11-25T00:00:00Z",
        "ended": "2026-11-25T00:10:00Z", "outcome": "failed", "cause": "time-out"}]}"#;
    world.ledger = file::parse(text.as_bytes()).unwrap();
    let one = world.one("1.2.0");
    assert_eq!(one.verdict, Verdict::FailedHere);
    assert_eq!(one.failed.as_ref().unwrap().cause, "time-out");
    assert!(one.changes[0].contains("`updog clear-failure 1.2.0`"), "{one}");
}

#[test]
fn what_an_operator_took_back_is_not_taken_by_the_agent_and_says_so() {
    let mut world = World::of(&[release("1.2.0")]);
    assert!(!world.one("1.2.0").declined);
    let text = r#"{"format": 1, "attempts": [{"set": "B", "version": "1.2.0", "noted": "2026-11-25T00:00:00Z",
        "ended": "2026-11-25T00:10:00Z", "outcome": "good", "declined": true}]}"#;
    world.ledger = file::parse(text.as_bytes()).unwrap();
    let one = world.one("1.2.0");
    assert_eq!((one.verdict, one.declined), (Verdict::Chosen, true));
    assert_eq!(one.changes[0], "`updog update` installs it");
    assert!(one.changes[1].contains("`updog clear-failure 1.2.0`"), "{one}");
    world.host.version = Version::new(1, 2, 0);
    assert!(!world.one("1.2.0").declined, "it runs");
}

#[test]
fn a_release_that_settings_cannot_follow_says_so() {
    let mut world = World::of(&[]);
    let step = json!({"(1.0.0, 1.1.0)": ["migrate_v1.1.0_x.lz4"]});
    world.manifest = manifest(&[release("1.2.0")], step);
    let one = world.one("1.2.0");
    assert_eq!(one.verdict, Verdict::Chosen);
    assert!(one.to_string().contains("settings cannot follow"), "{one}");
    assert!(one.changes[0].contains("cannot be installed before"), "{one}");
}

#[test]
fn the_newest_of_this_host_are_told_where_none_is_named() {
    let mut other = release("9.0.0");
    other["variant"] = json!("other");
    let mut releases: Vec<_> = (0..9).map(|minor| release(&format!("1.{minor}.0"))).collect();
    releases.push(other);
    let told = World::of(&releases).explain(None).unwrap();
    let versions: Vec<_> = told.releases.iter().map(|one| one.version.minor).collect();
    assert_eq!(versions, [8, 7, 6, 5, 4]);
    assert!(World::of(&[]).explain(None).unwrap().to_string().contains("no release is known"));
    assert!(World::of(&releases).explain(Some("3.0.0")).is_none());
}

#[test]
fn fields_are_stable() {
    let told = World::of(&[waiting("1.2.0")]).explain(None).unwrap();
    let value = serde_json::to_value(&told).unwrap();
    let names = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(&value), "arch next_change origin releases running seed signed variant");
    assert_eq!(
        names(&value["releases"][0]),
        "arch changes declined failed max_version migrations_problem ready_at reason variant verdict version waiting wave"
    );
    assert_eq!(names(&value["releases"][0]["wave"]), "end first last number of start");
    assert_eq!(value["releases"][0]["verdict"], "not_yet");
}

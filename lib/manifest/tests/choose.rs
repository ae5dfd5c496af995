//! Which release a host takes, and what it is told of the others.

#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Utc};
use manifest::{
    Decision, Extra, Host, Images, Manifest, Seed, Update, Verdict, VersionLock, Waves, choose,
    choose_but,
};
use semver::Version;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn update(version_text: &str, max_version: &str) -> Update {
    Update {
        variant: "metal".to_owned(),
        arch: "x86_64".to_owned(),
        version: version(version_text),
        max_version: version(max_version),
        waves: Waves::default(),
        waves_end: None,
        images: Images::new("boot", "root", "hash"),
        contents: None,
        packs: Vec::new(),
        frames: None,
        extra: Extra::new(),
    }
}

/// Releases of one variant with the same highest version.
fn manifest(max_version: &str, versions: &[&str]) -> Manifest {
    let updates = versions.iter().map(|version| update(version, max_version)).collect();
    Manifest { updates, ..Manifest::default() }
}

fn host(running: &str) -> Host {
    Host {
        variant: "metal".to_owned(),
        arch: "x86_64".to_owned(),
        version: version(running),
        seed: Seed::new(1000).unwrap(),
        version_lock: VersionLock::Latest,
        ignore_waves: false,
    }
}

fn chosen(decision: &Decision<'_>) -> Option<String> {
    decision.chosen.map(|update| update.version.to_string())
}

fn verdicts(decision: &Decision<'_>) -> Vec<(String, Verdict)> {
    decision.considered.iter().map(|one| (one.version.to_string(), one.verdict)).collect()
}

fn pair(version: &str, verdict: Verdict) -> (String, Verdict) {
    (version.to_owned(), verdict)
}

#[test]
fn the_newest_release_wins_whatever_the_order_of_the_file() {
    for order in [["1.1.0", "1.2.0", "1.10.0"], ["1.10.0", "1.1.0", "1.2.0"]] {
        let manifest = manifest("1.10.0", &order);
        let decision = choose(&manifest, &host("1.1.0"), time(0), None);
        assert_eq!(chosen(&decision).as_deref(), Some("1.10.0"));
        assert_eq!(
            verdicts(&decision),
            [
                pair("1.10.0", Verdict::Chosen),
                pair("1.2.0", Verdict::Superseded),
                pair("1.1.0", Verdict::Superseded),
            ]
        );
    }
}

#[test]
fn a_host_on_the_newest_release_has_nothing_to_do() {
    let manifest = manifest("1.1.0", &["1.0.0", "1.1.0"]);
    let decision = choose(&manifest, &host("1.1.0"), time(0), None);
    assert_eq!(chosen(&decision), None);
    assert_eq!(
        verdicts(&decision),
        [pair("1.1.0", Verdict::Running), pair("1.0.0", Verdict::Older)]
    );
}

#[test]
fn a_recalled_release_sends_its_hosts_back() {
    let manifest = manifest("1.1.0", &["1.0.0", "1.1.0", "1.2.0"]);
    let decision = choose(&manifest, &host("1.2.0"), time(0), None);
    assert_eq!(chosen(&decision).as_deref(), Some("1.1.0"));
    assert_eq!(decision.considered[0].verdict, Verdict::Recalled);
    assert!(decision.considered[1].reason.contains("recalled"), "{}", decision.considered[1]);
}

#[test]
fn a_release_waits_for_the_wave_of_the_seed() {
    let mut manifest = manifest("1.1.0", &["1.1.0"]);
    manifest.updates[0].waves = Waves::new([(0, time(0)), (2000, time(2000))]).unwrap();
    let early = choose(&manifest, &host("1.0.0"), time(999), None);
    assert_eq!(verdicts(&early), [pair("1.1.0", Verdict::NotYet)]);
    assert_eq!(early.considered[0].reason, "reaches seed 1000 at 1970-01-01T00:16:40Z");
    assert_eq!(
        chosen(&choose(&manifest, &host("1.0.0"), time(1000), None)).as_deref(),
        Some("1.1.0")
    );
    let eager = Host { ignore_waves: true, ..host("1.0.0") };
    assert_eq!(chosen(&choose(&manifest, &eager, time(0), None)).as_deref(), Some("1.1.0"));
}

#[test]
fn the_next_change_is_the_first_time_at_which_a_release_reaches_the_seed() {
    let mut manifest = manifest("1.3.0", &["1.1.0", "1.2.0", "1.3.0"]);
    let later = |first| Waves::new([(0, time(first)), (2000, time(first + 2000))]).unwrap();
    manifest.updates[1].waves = later(500);
    manifest.updates[2].waves = later(200);
    let host = host("1.0.0");
    let next = |now| choose(&manifest, &host, time(now), None).next_change(time(now));
    assert_eq!(next(0), Some(time(1200)));
    assert_eq!(next(1199), Some(time(1200)));
    assert_eq!(next(1200), Some(time(1500)), "only what is still to come");
    assert_eq!(next(1500), None);
    let eager = Host { ignore_waves: true, ..host.clone() };
    assert_eq!(choose(&manifest, &eager, time(0), None).next_change(time(0)), None);
    let stranger = Host { arch: "aarch64".to_owned(), ..host.clone() };
    let decision = choose(&manifest, &stranger, time(0), None);
    assert_eq!(decision.next_change(time(0)), None, "others' waves change nothing here");
    assert!(decision.considered.iter().all(|one| one.ready_at.is_none()));
}

#[test]
fn an_older_release_is_taken_while_the_newest_waits_for_its_wave() {
    let mut manifest = manifest("1.2.0", &["1.1.0", "1.2.0"]);
    manifest.updates[1].waves = Waves::new([(0, time(100))]).unwrap();
    let decision = choose(&manifest, &host("1.0.0"), time(0), None);
    assert_eq!(chosen(&decision).as_deref(), Some("1.1.0"));
}

#[test]
fn a_forced_version_is_an_exact_match_even_backward() {
    let manifest = manifest("1.2.0", &["1.0.0", "1.1.0", "1.2.0"]);
    let back = choose(&manifest, &host("1.2.0"), time(0), Some(&version("1.0.0")));
    assert_eq!(chosen(&back).as_deref(), Some("1.0.0"));
    assert_eq!(back.considered[0].verdict, Verdict::NotForced);
    let unknown = choose(&manifest, &host("1.0.0"), time(0), Some(&version("1.3.0")));
    assert_eq!(chosen(&unknown), None);
}

#[test]
fn a_forced_version_that_was_recalled_is_not_taken() {
    let manifest = manifest("1.1.0", &["1.2.0"]);
    let decision = choose(&manifest, &host("1.0.0"), time(0), Some(&version("1.2.0")));
    assert_eq!(verdicts(&decision), [pair("1.2.0", Verdict::Recalled)]);
}

#[test]
fn a_version_lock_is_an_exact_match_unless_it_runs() {
    let manifest = manifest("1.2.0", &["1.0.0", "1.1.0", "1.2.0"]);
    let locked = |running| Host { version_lock: "v1.1.0".parse().unwrap(), ..host(running) };
    assert_eq!(
        chosen(&choose(&manifest, &locked("1.0.0"), time(0), None)).as_deref(),
        Some("1.1.0")
    );
    assert_eq!(
        chosen(&choose(&manifest, &locked("1.2.0"), time(0), None)).as_deref(),
        Some("1.1.0")
    );
    let there = choose(&manifest, &locked("1.1.0"), time(0), None);
    assert_eq!(chosen(&there), None);
    assert_eq!(there.considered[1].verdict, Verdict::Running);
}

#[test]
fn another_variant_or_architecture_is_never_taken() {
    let manifest = manifest("1.1.0", &["1.1.0"]);
    let variant = Host { variant: "cloud".to_owned(), ..host("1.0.0") };
    let arch = Host { arch: "aarch64".to_owned(), ..host("1.0.0") };
    for stranger in [variant, arch] {
        for force in [None, Some(version("1.1.0"))] {
            let decision = choose(&manifest, &stranger, time(0), force.as_ref());
            assert_eq!(chosen(&decision), None);
            assert!(!decision.any_fits());
            assert_eq!(decision.considered[0].reason, "is for metal x86_64");
        }
    }
}

#[test]
fn every_release_of_the_fixture_gets_a_reason() {
    let manifest = include_bytes!("../../../fixtures/manifest/manifest.json");
    let manifest = Manifest::parse(manifest).unwrap();
    let k8s = Host { variant: "example-k8s-1.31".to_owned(), ..host("1.20.0") };
    let before = "2026-03-08T14:59:59Z".parse().unwrap();
    let decision = choose(&manifest, &k8s, before, None);
    assert_eq!(chosen(&decision), None);
    assert_eq!(decision.considered.len(), manifest.updates.len());
    assert_eq!(decision.for_host().count(), 2);
    let after = "2026-03-08T15:00:00Z".parse().unwrap();
    assert_eq!(chosen(&choose(&manifest, &k8s, after, None)).as_deref(), Some("1.21.1"));
    let dev = Host { variant: "example-dev".to_owned(), ..host("1.22.0") };
    assert_eq!(chosen(&choose(&manifest, &dev, before, None)).as_deref(), Some("1.21.0"));
}

#[test]
fn a_decision_is_written_with_stable_names() {
    let manifest = manifest("1.1.0", &["1.1.0"]);
    let decision = choose(&manifest, &host("1.1.0"), time(0), None);
    let json = serde_json::to_string(&decision.considered).unwrap();
    assert_eq!(json, r#"[{"version":"1.1.0","verdict":"running","reason":"is running"}]"#);
}

/// A host on which 1.2.0 has failed.
fn failed_120(version: &Version) -> Option<String> {
    (*version == Version::new(1, 2, 0)).then(|| "time-out".to_owned())
}

#[test]
fn a_version_that_failed_here_is_passed_over_and_the_reason_told() {
    let manifest = manifest("9.0.0", &["1.0.0", "1.1.0", "1.2.0"]);
    let decision = choose_but(&manifest, &host("1.0.0"), time(0), None, &failed_120);
    assert_eq!(chosen(&decision).as_deref(), Some("1.1.0"), "what is newer than what runs");
    let first = decision.considered.first().unwrap();
    assert_eq!(
        (first.verdict, first.reason.as_str()),
        (Verdict::FailedHere, "failed on this host: time-out")
    );
}

#[test]
fn a_newer_version_supersedes_one_that_failed_here() {
    let manifest = manifest("9.0.0", &["1.0.0", "1.2.0", "1.3.0"]);
    let decision = choose_but(&manifest, &host("1.0.0"), time(0), None, &failed_120);
    assert_eq!(chosen(&decision).as_deref(), Some("1.3.0"));
}

#[test]
fn a_version_that_failed_here_is_taken_neither_by_force_nor_by_a_lock_nor_as_a_step_back() {
    let manifest = manifest("1.2.0", &["1.2.0"]);
    let force = version("1.2.0");
    for (host, force) in [
        (host("1.0.0"), Some(&force)),
        (Host { version_lock: "1.2.0".parse().unwrap(), ..host("1.0.0") }, None),
        (host("1.3.0"), None),
    ] {
        let decision = choose_but(&manifest, &host, time(0), force, &failed_120);
        assert_eq!(chosen(&decision), None);
        assert!(choose(&manifest, &host, time(0), force).chosen.is_some(), "but for the failure");
    }
}

#[test]
fn the_version_that_runs_is_running_whatever_failed() {
    let manifest = manifest("9.0.0", &["1.2.0"]);
    let decision = choose_but(&manifest, &host("1.2.0"), time(0), None, &failed_120);
    assert_eq!(verdicts(&decision), [pair("1.2.0", Verdict::Running)]);
}

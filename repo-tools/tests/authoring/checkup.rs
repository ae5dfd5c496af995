//! `check` says everything at once.

use std::fs;

use repo_tools::{Checked, Checkup, Severity, Unobserved};

use crate::world::{World, time};

fn checked(world: &World) -> Checked {
    let checkup = Checkup { now: world.author.now, soon: "2 days".parse().unwrap(), quick: false };
    repo_tools::check(&world.author.layout, &checkup).unwrap()
}

/// The findings of a severity.
pub(crate) fn findings(world: &World, severity: Severity) -> Vec<String> {
    let findings = checked(world).findings.into_iter();
    findings.filter(|finding| finding.severity == severity).map(|finding| finding.what).collect()
}

fn errors(world: &World) -> Vec<String> {
    findings(world, Severity::Error)
}

fn target(world: &World, name: &str) -> std::path::PathBuf {
    let path = world.client("client").unwrap().target(name).unwrap().path();
    world.author.layout.targets().join(path)
}

#[test]
fn a_sound_repository_has_no_errors_and_no_warnings() {
    let world = World::published();
    let checked = checked(&world);
    assert!(checked.findings.iter().all(|finding| finding.severity == Severity::Note), "{checked}");
    assert_eq!(checked.targets, 4);
    assert!(checked.bytes > 0);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut world = World::published();
    fs::remove_file(target(&world, "small-x86_64-1.0.0-boot.img.lz4")).unwrap();
    fs::write(target(&world, "small-x86_64-1.0.0-hash.img.lz4"), "short").unwrap();
    let root = target(&world, "small-x86_64-1.0.0-root.img.lz4");
    let mut bytes = fs::read(&root).unwrap();
    bytes[100] ^= 1;
    fs::write(&root, bytes).unwrap();
    fs::write(world.metadata("root.json"), "{}").unwrap();
    fs::write(world.author.layout.targets().join("orphan"), "x").unwrap();
    world.author.now = time("2026-12-06T12:00:00Z");
    let errors = errors(&world);
    assert_eq!(errors.len(), 4, "{errors:#?}");
    for said in [
        "boot.img.lz4 is missing",
        "hash.img.lz4 has 5 bytes",
        "root.img.lz4 has sha256",
        "timestamp metadata expired",
    ] {
        assert!(errors.iter().any(|error| error.contains(said)), "{said}: {errors:#?}");
    }
    let warnings = findings(&world, Severity::Warning);
    for said in [
        "root.json is not 1.root.json",
        "snapshot metadata expires at",
        "targets metadata expires at",
    ] {
        assert!(warnings.iter().any(|warning| warning.contains(said)), "{said}: {warnings:#?}");
    }
    assert!(
        findings(&world, Severity::Note).iter().any(|note| note.contains("not named any more"))
    );
    let checked = checked(&world);
    assert!(checked.findings.iter().all(|finding| !finding.next.is_empty()));
    assert!(checked.findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
}

#[test]
fn a_quick_check_does_not_read_targets() {
    let world = World::published();
    let root = target(&world, "small-x86_64-1.0.0-root.img.lz4");
    let length = fs::metadata(&root).unwrap().len();
    fs::write(&root, vec![0; length.try_into().unwrap()]).unwrap();
    let checkup = Checkup { now: world.author.now, soon: "2 days".parse().unwrap(), quick: true };
    let checked = repo_tools::check(&world.author.layout, &checkup).unwrap();
    assert_eq!((checked.errors(), checked.bytes), (0, 0));
    assert_eq!(errors(&world).len(), 1);
}

#[test]
fn a_broken_chain_does_not_hide_the_rest() {
    let world = World::published();
    fs::remove_file(target(&world, "small-x86_64-1.0.0-boot.img.lz4")).unwrap();
    let spoil = |name: &str| {
        let path = world.metadata(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("2026-", "2036-")).unwrap();
    };
    spoil("timestamp.json");
    spoil("2.snapshot.json");
    let errors = errors(&world);
    assert_eq!(errors.len(), 3, "{errors:#?}");
    for said in [
        "timestamp metadata has 0 valid",
        "snapshot metadata has 0 valid",
        "boot.img.lz4 is missing",
    ] {
        assert!(errors.iter().any(|error| error.contains(said)), "{said}: {errors:#?}");
    }
}

#[test]
fn a_missing_timestamp_is_said() {
    let world = World::published();
    fs::remove_file(world.metadata("timestamp.json")).unwrap();
    assert_eq!(errors(&world), ["the repository has no timestamp.json"]);
}

#[test]
fn a_root_that_its_keys_did_not_sign_ends_the_check() {
    let world = World::published();
    let path = world.metadata("1.root.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(r#""threshold":1"#, r#""threshold":2"#)).unwrap();
    assert_eq!(errors(&world), ["root metadata has 0 valid signatures, needs 2"]);
}

#[test]
fn left_overs_are_noted() {
    let world = World::published();
    fs::write(world.metadata("3.targets.json"), "{}").unwrap();
    fs::write(world.metadata(".new-timestamp.json"), "{").unwrap();
    fs::write(world.metadata("7.root.json"), "{").unwrap();
    assert_eq!(errors(&world), ["7.root.json is there and 2.root.json is not"]);
    let notes = findings(&world, Severity::Note);
    for said in ["3.targets.json is not named", ".new-timestamp.json is left over"] {
        assert!(notes.iter().any(|note| note.contains(said)), "{said}: {notes:#?}");
    }
}

#[test]
fn a_withdrawn_release_is_no_warning() {
    let world = World::published();
    world.add("1.1.0").unwrap();
    let release = crate::world::selector("1.1.0");
    repo_tools::withdraw(&world.author, &release, &mut Unobserved).unwrap();
    assert!(findings(&world, Severity::Warning).is_empty());
}

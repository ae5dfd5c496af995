//! Which keys are needed for what.

use std::fs;
use std::path::Path;

use cli::{Classify, Kind};
use repo_tools::{Depth, Error, Init, KeyType, Unobserved, refresh};
use trust::RoleName;

use crate::world::World;

fn with_thresholds(thresholds: &[(&'static str, u64)]) -> World {
    let world = World::empty();
    let thresholds = thresholds.iter().copied().collect();
    world.init(&Init { thresholds, ..Init::default() });
    world
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_threshold_makes_as_many_keys() {
    let world = with_thresholds(&[("root", 2), ("targets", 3)]);
    let expected = [
        "root-1.pem",
        "root-2.pem",
        "snapshot.pem",
        "targets-1.pem",
        "targets-2.pem",
        "targets-3.pem",
        "timestamp.pem",
    ];
    assert_eq!(names(&world.author.keys), expected);
    let root = world.client("client").unwrap().root_metadata().clone();
    assert_eq!(root.threshold(RoleName::Root), 2);
    assert_eq!(root.keys(RoleName::Targets).len(), 3);
    world.add("1.0.0").unwrap();
    world.client("client").unwrap();
}

#[test]
fn keys_that_are_there_are_used() {
    let world = World::new();
    let key = fs::read(world.path("keys/root.pem")).unwrap();
    fs::remove_dir_all(world.path("repo")).unwrap();
    world.init(&Init::default());
    assert_eq!(fs::read(world.path("keys/root.pem")).unwrap(), key);
    assert_eq!(names(&world.author.keys).len(), 4);
}

#[test]
fn repositories_of_every_kind_of_key_are_accepted() {
    for key_type in [KeyType::Ed25519, KeyType::Ecdsa, KeyType::Rsa] {
        let world = World::empty();
        world.init(&Init { key_type, ..Init::default() });
        world.add("1.0.0").unwrap();
        world.client("client").unwrap();
    }
}

#[test]
fn a_release_needs_no_root_key() {
    let world = World::new();
    fs::remove_file(world.path("keys/root.pem")).unwrap();
    world.add("1.0.0").unwrap();
    let error = refresh(&world.author, Depth::Root, &mut Unobserved).unwrap_err();
    assert!(matches!(error, Error::Keys { role: RoleName::Root, have: 0, need: 1, .. }), "{error}");
}

#[test]
fn a_timestamp_needs_the_timestamp_key_only() {
    let world = World::published();
    for key in ["root", "targets", "snapshot"] {
        fs::remove_file(world.path(&format!("keys/{key}.pem"))).unwrap();
    }
    refresh(&world.author, Depth::Timestamp, &mut Unobserved).unwrap();
    assert_eq!(world.client("client").unwrap().versions().timestamp, 3);
}

#[test]
fn a_missing_key_is_named_before_anything_is_copied() {
    let world = World::published();
    fs::remove_file(world.path("keys/snapshot.pem")).unwrap();
    let before = world.snapshot();
    let error = world.add("1.1.0").unwrap_err();
    assert!(matches!(error, Error::Keys { role: RoleName::Snapshot, .. }), "{error}");
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.hint().unwrap().contains("snapshot.pem"));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_key_of_another_repository_is_named() {
    let world = World::published();
    let other = World::new();
    fs::copy(other.path("keys/targets.pem"), world.path("keys/targets.pem")).unwrap();
    let before = world.snapshot();
    let error = world.add("1.1.0").unwrap_err();
    let Error::Keys { role: RoleName::Targets, have: 0, need: 1, others, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(others, &[world.path("keys/targets.pem")]);
    assert!(error.hint().unwrap().contains("targets.pem is none of them"));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_key_of_another_role_does_not_sign() {
    let world = World::published();
    fs::copy(world.path("keys/timestamp.pem"), world.path("keys/targets.pem")).unwrap();
    let error = world.add("1.1.0").unwrap_err();
    assert!(matches!(error, Error::Keys { role: RoleName::Targets, .. }), "{error}");
}

#[test]
fn one_of_two_keys_is_not_enough() {
    let world = with_thresholds(&[("timestamp", 2)]);
    fs::remove_file(world.path("keys/timestamp-2.pem")).unwrap();
    let error = world.add("1.0.0").unwrap_err();
    assert!(matches!(error, Error::Keys { have: 1, need: 2, .. }), "{error}");
}

#[test]
fn a_key_folder_that_cannot_be_read_is_named() {
    let mut world = World::published();
    world.author.keys = world.path("absent");
    let error = world.add("1.1.0").unwrap_err();
    assert!(matches!(&error, Error::Read { path, .. } if path.ends_with("absent")), "{error}");
    world.author.keys = world.report("1.1.0");
    assert_eq!(world.add("1.1.0").unwrap_err().kind(), Kind::Failed);
}

#[test]
fn a_file_that_is_no_key_is_named() {
    let world = World::published();
    fs::write(
        world.path("keys/targets.pem"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let error = world.add("1.1.0").unwrap_err();
    assert!(matches!(&error, Error::Key { path, .. } if path.ends_with("targets.pem")), "{error}");
}

//! Expiry: what is signed again, when, and what clients say to it.

use std::fs;

use repo_tools::{Depth, Error, ExpiryPolicy, Refreshed, Unobserved};
use trust::RoleName;

use crate::world::{World, time};

fn refresh(world: &World, least: Depth) -> Refreshed {
    repo_tools::refresh(&world.author, least, &mut Unobserved).unwrap()
}

#[test]
fn a_refresh_signs_the_timestamp_only() {
    let mut world = World::published();
    world.author.now = time("2026-11-25T12:00:00Z");
    let before = world.snapshot();
    assert_eq!(refresh(&world, Depth::Timestamp).signed, ["timestamp"]);
    let mut after = world.snapshot();
    let timestamp = world.metadata("timestamp.json");
    assert_ne!(after.insert(timestamp.clone(), before[&timestamp].clone()), None);
    assert_eq!(after, before);
    assert_eq!(world.client("client").unwrap().versions().timestamp, 3);
}

#[test]
fn what_expires_before_the_timestamp_is_signed_as_well() {
    let mut world = World::published();
    // Clocks have fractions of seconds, metadata has none.
    world.author.now = time("2026-12-02T12:00:00.75Z");
    let refreshed = refresh(&world, Depth::Timestamp);
    assert_eq!(refreshed.signed, ["timestamp", "snapshot", "targets"]);
    assert_eq!(refreshed.refresh_before, "2026-12-09T12:00:00Z");
    assert!(refreshed.expiring.is_empty());
}

#[test]
fn without_the_other_keys_the_timestamp_is_signed_and_the_rest_named() {
    let mut world = World::published();
    fs::remove_file(world.path("keys/targets.pem")).unwrap();
    world.author.now = time("2026-12-02T12:00:00Z");
    let refreshed = refresh(&world, Depth::Timestamp);
    assert_eq!(refreshed.signed, ["timestamp"]);
    assert_eq!(refreshed.expiring, ["snapshot", "targets"]);
    assert!(refreshed.to_string().contains("snapshot, targets (its keys are needed)"));
}

#[test]
fn an_expired_repository_is_refreshed() {
    let mut world = World::published();
    world.author.now = time("2027-02-01T00:00:00Z");
    assert!(matches!(world.client("client"), Err(trust::Error::Expired { .. })));
    refresh(&world, Depth::Timestamp);
    let versions = world.client("client").unwrap().versions();
    assert_eq!([versions.timestamp, versions.snapshot, versions.targets], [3, 3, 3]);
}

#[test]
fn a_repository_with_an_expired_root_needs_a_new_one() {
    let mut world = World::published();
    world.author.now = time("2028-01-01T00:00:00Z");
    let error = repo_tools::refresh(&world.author, Depth::Targets, &mut Unobserved).unwrap_err();
    let Error::Trust { source: trust::Error::Expired { role: RoleName::Root, .. }, .. } = &error
    else {
        panic!("{error}")
    };
    assert!(cli::Classify::hint(&error).unwrap().contains("refresh --root"));
    assert_eq!(refresh(&world, Depth::Root).signed.len(), 4);
    assert_eq!(world.client("client").unwrap().versions().root, 2);
    assert_eq!(
        fs::read(world.metadata("root.json")).unwrap(),
        fs::read(world.metadata("2.root.json")).unwrap()
    );
}

#[test]
fn a_new_root_does_not_make_clients_forget_versions() {
    let world = World::published();
    world.client("client").unwrap();
    let old = fs::read(world.metadata("timestamp.json")).unwrap();
    refresh(&world, Depth::Root);
    world.client("client").unwrap();
    fs::write(world.metadata("timestamp.json"), old).unwrap();
    let error = world.client("client").unwrap_err();
    assert!(matches!(error, trust::Error::Rollback { role: RoleName::Timestamp, .. }), "{error}");
}

#[test]
fn a_policy_file_sets_life_spans() {
    let mut world = World::empty();
    let path = world.path("expiry.toml");
    fs::write(&path, "timestamp_expiration = '30 minutes'\nsnapshot_expiration = '3 days'\n")
        .unwrap();
    world.author.policy = ExpiryPolicy::load(Some(&path)).unwrap();
    world.init(&repo_tools::Init::default());
    let expiries = world.client("client").unwrap().expiries();
    let spans: Vec<_> =
        expiries.iter().map(|(role, at)| (*role, (*at - world.author.now).num_minutes())).collect();
    let day = 24 * 60;
    let expected = [
        (RoleName::Timestamp, 30),
        (RoleName::Snapshot, 3 * day),
        (RoleName::Targets, 14 * day),
        (RoleName::Root, 364 * day),
    ];
    assert_eq!(spans, expected);
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let world = World::empty();
    let path = world.path("expiry.toml");
    for text in
        ["timestamp_expiration = '0 days'", "timestamp_expiration = 7", "root = '1 week'", "["]
    {
        fs::write(&path, text).unwrap();
        let error = ExpiryPolicy::load(Some(&path)).unwrap_err();
        assert!(matches!(error, Error::ExpiryPolicy { .. }), "{text}: {error}");
    }
}

//! Mix-and-match: files that were never published together.

use serde_json::json;
use trust::{Error, Fetched, RoleName};

use crate::simulator::bump;
use crate::world::World;

#[tokio::test]
async fn a_snapshot_of_another_digest_is_refused() {
    let mut world = World::new();
    world.repository.publish();
    world.repository.snapshot["meta"]["targets.json"]["version"] = json!(1);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(&error, Error::WrongLength { name, .. } | Error::WrongHash { name, .. } if name == "2.snapshot.json"),
        "{error}"
    );
    world.assert_stored([1, 2, 0, 0]);
}

#[tokio::test]
async fn a_snapshot_of_another_version_is_refused_where_no_digest_is_given() {
    let mut world = World::new();
    let served = world.repository.bytes(RoleName::Snapshot);
    world.repository.timestamp["meta"]["snapshot.json"] = json!({ "version": 2 });
    world.repository.instead.insert("2.snapshot.json".into(), Fetched::Bytes(served));
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::WrongVersion { role: RoleName::Snapshot, expected: 2, found: 1 }),
        "{error}"
    );
    world.assert_stored([1, 1, 0, 0]);
}

#[tokio::test]
async fn targets_of_another_snapshot_are_refused() {
    let mut world = World::new();
    let served = world.repository.bytes(RoleName::Targets);
    bump(&mut world.repository.targets);
    bump(&mut world.repository.snapshot);
    world.repository.snapshot["meta"]["targets.json"] = json!({ "version": 2 });
    world.repository.publish_timestamp();
    world.repository.answer(RoleName::Targets, served);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::WrongVersion { role: RoleName::Targets, expected: 2, found: 1 }),
        "{error}"
    );
    world.assert_stored([1, 2, 2, 0]);
}

#[tokio::test]
async fn targets_of_another_length_or_digest_are_refused() {
    let mut world = World::new();
    world.repository.publish();
    let mut longer = world.repository.bytes(RoleName::Targets).to_vec();
    longer.push(b' ');
    world.repository.answer(RoleName::Targets, longer.clone().into());
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }), "{error}");
    longer.truncate(longer.len() - 2);
    world.repository.answer(RoleName::Targets, longer.clone().into());
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::WrongLength { .. }), "{error}");
    longer.push(b' ');
    world.repository.answer(RoleName::Targets, longer.into());
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::WrongHash { algorithm: "sha256", .. }), "{error}");
    world.assert_stored([1, 2, 2, 0]);
}

#[tokio::test]
async fn a_role_in_the_place_of_another_is_refused() {
    let mut world = World::new();
    // One key for both roles: only the type tells them apart.
    world.repository.replace_key(RoleName::Snapshot, crate::simulator::TIMESTAMP_KEY);
    world.repository.publish_root();
    let timestamp = world.repository.bytes(RoleName::Timestamp);
    world.repository.answer(RoleName::Snapshot, timestamp);
    let error = world.refresh().await.unwrap_err();
    assert!(error.to_string().contains(r#"its type is "timestamp""#), "{error}");
    world.assert_stored([2, 1, 0, 0]);
}

#[tokio::test]
async fn a_file_that_is_named_and_absent_is_a_failure() {
    for (role, stored) in [(RoleName::Snapshot, [1, 1, 0, 0]), (RoleName::Targets, [1, 1, 1, 0])] {
        let mut world = World::new();
        world.repository.instead.insert(world.repository.file(role), Fetched::Absent);
        let error = world.refresh().await.unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert!(!error.is_refusal());
        world.assert_stored(stored);
    }
}

//! Rollback: metadata older than what was trusted, in a run, across runs, and after damage.

use serde_json::json;
use trust::{Error, Fetched, RoleName};

use crate::simulator::{Signer, bump};
use crate::world::World;

/// A host that has seen version 2 of everything but root, and the repository as it was before.
async fn after_an_update() -> (World, crate::simulator::Simulator) {
    let mut world = World::refreshed().await;
    world.repository.publish();
    world.refresh().await.unwrap();
    world.assert_stored([1, 2, 2, 2]);
    let old = World::new().repository;
    (world, old)
}

#[tokio::test]
async fn an_older_repository_is_refused_across_runs() {
    let (mut world, old) = after_an_update().await;
    world.repository = old;
    let error = world.refresh().await.unwrap_err();
    let Error::Rollback { role: RoleName::Timestamp, from: 2, to: 1 } = error else {
        panic!("{error}")
    };
    assert!(error.is_refusal());
    world.assert_stored([1, 2, 2, 2]);
}

#[tokio::test]
async fn a_newer_timestamp_that_names_an_older_snapshot_is_refused() {
    let (mut world, _) = after_an_update().await;
    bump(&mut world.repository.timestamp);
    world.repository.timestamp["meta"]["snapshot.json"] = json!({ "version": 1 });
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Snapshot, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([1, 2, 2, 2]);
}

#[tokio::test]
async fn a_snapshot_that_was_named_and_never_fetched_holds_versions_up() {
    let mut world = World::refreshed().await;
    let old = world.repository.snapshot.clone();
    world.repository.publish();
    world.repository.instead.insert("2.snapshot.json".into(), Fetched::Absent);
    world.refresh().await.unwrap_err();
    world.assert_stored([1, 2, 1, 1]);
    world.repository.snapshot = old;
    world.repository.publish_timestamp();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Snapshot, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([1, 2, 1, 1]);
}

#[tokio::test]
async fn a_newer_snapshot_that_names_older_targets_is_refused() {
    let (mut world, _) = after_an_update().await;
    world.repository.targets["version"] = json!(1);
    world.repository.publish_snapshot();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Targets, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([1, 3, 2, 2]);
}

#[tokio::test]
async fn a_snapshot_that_forgets_a_file_is_refused() {
    let mut world = World::new();
    world.repository.snapshot["meta"]["other.json"] = json!({ "version": 1 });
    world.refresh().await.unwrap();
    world.repository.snapshot["meta"].as_object_mut().unwrap().remove("other.json");
    world.repository.publish_snapshot();
    let error = world.refresh().await.unwrap_err();
    assert!(error.to_string().contains("does not name other.json"), "{error}");
    world.assert_stored([1, 2, 1, 1]);
}

#[tokio::test]
async fn a_timestamp_of_the_same_version_replaces_nothing() {
    let mut world = World::refreshed().await;
    let before = std::fs::read(world.path(RoleName::Timestamp)).unwrap();
    world.repository.timestamp["expires"] = json!("2099-01-01T00:00:00Z");
    let repository = world.refresh().await.unwrap();
    assert_eq!(repository.timestamp_metadata().bytes(), &before);
    assert_eq!(std::fs::read(world.path(RoleName::Timestamp)).unwrap(), before);
}

#[tokio::test]
async fn an_expired_stored_timestamp_still_holds_versions_up() {
    let (mut world, old) = after_an_update().await;
    world.now = crate::world::time("2031-01-01T00:00:00Z");
    world.repository = old;
    for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
        world.repository.signed_mut(role)["expires"] = json!("2040-01-01T00:00:00Z");
    }
    world.repository.root["expires"] = json!("2040-01-01T00:00:00Z");
    world.repository.publish_root();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Timestamp, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([2, 2, 2, 2]);
}

#[tokio::test]
async fn a_torn_timestamp_is_made_up_for_by_the_snapshot() {
    let (mut world, old) = after_an_update().await;
    world.tear(RoleName::Timestamp);
    let new = std::mem::replace(&mut world.repository, old);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Snapshot, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([1, 0, 2, 2]);

    world.repository = new;
    let repository = world.refresh().await.unwrap();
    let damage = &repository.damage()[0];
    assert_eq!(damage.path, world.path(RoleName::Timestamp));
    let said = damage.to_string();
    let expected = format!("{} was damaged and is whole again: ", damage.path.display());
    assert!(said.starts_with(&expected), "{said}");
    world.assert_stored([1, 2, 2, 2]);
    assert!(world.refresh().await.unwrap().damage().is_empty());
}

#[tokio::test]
async fn a_torn_snapshot_is_made_up_for_by_timestamp_and_targets() {
    let (mut world, _) = after_an_update().await;
    world.tear(RoleName::Snapshot);
    let good = world.repository.targets.clone();
    world.repository.targets["version"] = json!(1);
    world.repository.publish_snapshot();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Targets, from: 2, to: 1 }),
        "{error}"
    );

    world.repository.targets = good;
    world.repository.publish_snapshot();
    let repository = world.refresh().await.unwrap();
    assert_eq!(repository.damage()[0].path, world.path(RoleName::Snapshot));
    world.assert_stored([1, 4, 4, 2]);
}

#[tokio::test]
async fn a_torn_snapshot_takes_the_versions_of_delegated_roles_with_it_and_no_others() {
    let mut world = World::new();
    world.repository.delegate("targets", "a", Signer(40), json!({ "paths": ["*"] }));
    bump(world.repository.delegated_mut("a"));
    world.repository.publish();
    world.find("x").await.unwrap();
    let seen = world.repository.snapshot.clone();
    world.repository.delegated_mut("a")["version"] = json!(1);
    world.repository.publish_snapshot();
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Rollback { from: 2, to: 1, .. }), "{error}");

    world.tear(RoleName::Snapshot);
    // Whoever has the keys of timestamp and snapshot can use it; with less, an older snapshot stays an older snapshot.
    world.repository.snapshot = seen;
    world.repository.snapshot["version"] = json!(1);
    world.repository.publish_timestamp();
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Rollback { role: RoleName::Snapshot, .. }), "{error}");
    world.repository.snapshot["version"] = json!(3);
    world.repository.publish_snapshot();
    assert_eq!(world.find("x").await.unwrap(), None);
    assert_eq!(world.searched(), ["1.a.json"]);
}

#[tokio::test]
async fn a_torn_snapshot_without_targets_beside_it_is_an_error() {
    let (world, _) = after_an_update().await;
    world.tear(RoleName::Snapshot);
    world.tear(RoleName::Targets);
    let error = world.refresh().await.unwrap_err();
    let Error::Damaged { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, &world.path(RoleName::Snapshot));
    world.assert_stored([1, 2, 0, 0]);
}

#[tokio::test]
async fn torn_targets_are_fetched_again() {
    let (world, _) = after_an_update().await;
    world.tear(RoleName::Targets);
    world.refresh().await.unwrap();
    world.assert_stored([1, 2, 2, 2]);
}

#[tokio::test]
async fn a_store_that_lost_its_memory_is_an_error_and_not_an_empty_store() {
    let (mut world, old) = after_an_update().await;
    world.tear(RoleName::Timestamp);
    world.tear(RoleName::Snapshot);
    world.repository = old;
    let error = world.refresh().await.unwrap_err();
    let Error::Damaged { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, &world.path(RoleName::Timestamp));
    assert!(!error.is_refusal());
    assert!(error.hint().unwrap().contains(&world.folder().display().to_string()));
    world.assert_stored([1, 0, 0, 2]);
}

#[tokio::test]
async fn a_torn_root_is_an_error_and_not_the_shipped_root() {
    let world = World::refreshed().await;
    world.tear(RoleName::Root);
    let error = world.refresh().await.unwrap_err();
    let Error::Damaged { path, .. } = error else { panic!("{error}") };
    assert_eq!(path, world.path(RoleName::Root));
    world.assert_stored([0, 1, 1, 1]);
}

#[tokio::test]
async fn an_empty_timestamp_file_is_damage() {
    let world = World::refreshed().await;
    std::fs::write(world.path(RoleName::Timestamp), b"").unwrap();
    let repository = world.refresh().await.unwrap();
    assert_eq!(repository.damage().len(), 1);
}

#[tokio::test]
async fn a_repository_that_hides_its_timestamp_is_a_failure() {
    let (mut world, _) = after_an_update().await;
    world.repository.instead.insert("timestamp.json".into(), Fetched::Absent);
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(&error, Error::Missing { name } if name == "timestamp.json"), "{error}");
    assert!(!error.is_refusal());
    world.assert_stored([1, 2, 2, 2]);
}

//! A wrong clock: what expired is not revived, and a clock that ran ahead does no lasting harm.

use serde_json::json;
use trust::{Error, RoleName};

use crate::simulator::{Signer, THIEF};
use crate::world::{World, time};

const SIGNED: &str = "x-waystone-signed";

/// A host that trusts a timestamp of January 2027.
async fn in_january() -> World {
    let mut world = World::new();
    world.repository.timestamp[SIGNED] = json!("2027-01-10T00:00:00Z");
    world.now = time("2027-01-10T12:00:00Z");
    world.refresh().await.unwrap();
    world
}

fn expired(error: &Error) -> RoleName {
    let Error::Expired { role, .. } = error else { panic!("{error}") };
    *role
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_revive_what_expired() {
    for role in [RoleName::Root, RoleName::Snapshot, RoleName::Targets] {
        let mut world = in_january().await;
        world.repository.signed_mut(role)["expires"] = json!("2027-01-01T00:00:00Z");
        match role {
            RoleName::Root => world.repository.publish_root(),
            _ => world.repository.publish(),
        }
        world.now = time("2026-12-01T00:00:00Z");
        let error = world.refresh().await.unwrap_err();
        assert_eq!(expired(&error), role);
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_revive_what_is_stored() {
    let mut world = World::new();
    world.repository.targets["expires"] = json!("2027-01-05T00:00:00Z");
    world.repository.publish();
    world.refresh().await.unwrap();
    world.repository.timestamp[SIGNED] = json!("2027-01-10T00:00:00Z");
    world.repository.publish_timestamp();
    world.now = time("2027-01-10T12:00:00Z");
    assert_eq!(expired(&world.refresh().await.unwrap_err()), RoleName::Targets);
    world.now = time("2026-12-01T00:00:00Z");
    assert_eq!(expired(&world.refresh().await.unwrap_err()), RoleName::Targets);
    assert_eq!(expired(&world.offline().unwrap_err()), RoleName::Targets);
    world.assert_stored([1, 3, 2, 2]);
}

#[tokio::test]
async fn a_clock_without_a_battery_learns_the_time_from_the_first_timestamp() {
    let mut world = World::new();
    world.repository.timestamp[SIGNED] = json!("2026-11-20T00:00:00Z");
    world.now = time("1970-01-01T00:00:03Z");
    let repository = world.refresh().await.unwrap();
    assert_eq!(repository.verified_at(), time("2026-11-20T00:00:00Z"));
    let mut world = World::new();
    world.repository.timestamp[SIGNED] = json!("2026-11-20T00:00:00Z");
    world.repository.snapshot["expires"] = json!("2026-11-19T00:00:00Z");
    world.repository.publish_timestamp();
    world.now = time("1970-01-01T00:00:03Z");
    assert_eq!(expired(&world.refresh().await.unwrap_err()), RoleName::Snapshot);
    world.assert_stored([1, 2, 0, 0]);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_recovers_by_itself() {
    let mut world = in_january().await;
    world.now = time("2035-01-01T00:00:00Z");
    assert_eq!(expired(&world.refresh().await.unwrap_err()), RoleName::Root);
    world.now = time("2027-01-11T00:00:00Z");
    let repository = world.refresh().await.unwrap();
    assert_eq!(repository.verified_at(), world.now);
}

#[tokio::test]
async fn a_timestamp_that_was_signed_after_it_expired_is_refused_and_not_kept() {
    for signed in ["2030-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let mut world = World::refreshed().await;
        world.repository.publish_timestamp();
        world.repository.timestamp[SIGNED] = json!(signed);
        world.refresh().await.unwrap_err();
        world.assert_stored([1, 1, 1, 1]);
    }
}

#[tokio::test]
async fn a_stolen_timestamp_key_cannot_set_the_time_behind_the_expiry_of_the_root() {
    let mut world = World::refreshed().await;
    world.repository.publish_timestamp();
    world.repository.timestamp[SIGNED] = json!("2098-01-01T00:00:00Z");
    world.repository.timestamp["expires"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(expired(&world.refresh().await.unwrap_err()), RoleName::Root);
    world.assert_stored([1, 1, 1, 1]);
}

#[tokio::test]
async fn a_time_that_a_thief_set_goes_with_the_key() {
    let mut world = World::new();
    world.repository.targets["expires"] = json!("2027-06-01T00:00:00Z");
    world.repository.publish();
    world.repository.add_key(RoleName::Timestamp, THIEF);
    world.repository.publish_root();
    world.repository.timestamp[SIGNED] = json!("2029-01-01T00:00:00Z");
    assert_eq!(expired(&world.refresh().await.unwrap_err()), RoleName::Targets);
    world.repository.replace_key(RoleName::Timestamp, Signer(30));
    world.repository.publish_root();
    world.repository.timestamp[SIGNED] = json!("2026-11-20T00:00:00Z");
    world.refresh().await.unwrap();
    world.assert_stored([3, 2, 2, 2]);
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_malformed() {
    for value in [json!(null), json!(7), json!("yesterday")] {
        let mut world = World::new();
        world.repository.timestamp[SIGNED] = value;
        let error = world.refresh().await.unwrap_err();
        assert!(matches!(error, Error::Malformed { role: RoleName::Timestamp, .. }), "{error}");
    }
}

//! Indefinite freeze: metadata that was valid once.

use serde_json::json;
use trust::{Error, RoleName};

use crate::simulator::EXPIRES;
use crate::world::{World, time};

async fn expired(role: RoleName) -> (World, Error) {
    let mut world = World::new();
    world.repository.signed_mut(role)["expires"] = json!("2026-11-01T10:00:00Z");
    let error = world.refresh().await.unwrap_err();
    (world, error)
}

fn since(error: &Error) -> String {
    let Error::Expired { since, .. } = error else { panic!("{error}") };
    since.to_rfc3339()
}

#[tokio::test]
async fn an_expired_timestamp_is_refused_and_says_since_when() {
    let (world, error) = expired(RoleName::Timestamp).await;
    assert_eq!(error.to_string(), "timestamp metadata expired at 2026-11-01T10:00:00Z");
    assert!(error.is_refusal());
    assert!(error.hint().is_some());
    world.assert_stored([1, 0, 0, 0]);
}

#[tokio::test]
async fn an_expired_snapshot_is_refused() {
    let (world, error) = expired(RoleName::Snapshot).await;
    assert_eq!(since(&error), "2026-11-01T10:00:00+00:00");
    world.assert_stored([1, 1, 0, 0]);
}

#[tokio::test]
async fn expired_targets_are_refused() {
    let (world, error) = expired(RoleName::Targets).await;
    assert_eq!(since(&error), "2026-11-01T10:00:00+00:00");
    world.assert_stored([1, 1, 1, 0]);
}

#[tokio::test]
async fn an_expired_newest_root_is_refused_and_kept() {
    let mut world = World::new();
    world.repository.root["expires"] = json!("2026-11-01T10:00:00Z");
    world.repository.publish_root();
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Expired { role: RoleName::Root, .. }), "{error}");
    world.assert_stored([2, 0, 0, 0]);
}

#[tokio::test]
async fn an_expired_root_leads_to_a_newer_one() {
    let mut world = World::new();
    world.repository.root["expires"] = json!("2026-11-01T10:00:00Z");
    world.repository.publish_root();
    world.repository.root["expires"] = json!(EXPIRES);
    world.repository.publish_root();
    assert_eq!(world.refresh().await.unwrap().versions().root, 3);
}

#[tokio::test]
async fn metadata_is_expired_from_its_very_moment_on() {
    let mut world = World::new();
    world.now = time(EXPIRES) - chrono::TimeDelta::seconds(1);
    world.refresh().await.unwrap();
    world.now = time(EXPIRES);
    assert!(matches!(world.refresh().await, Err(Error::Expired { role: RoleName::Root, .. })));
}

#[tokio::test]
async fn the_same_answer_for_ever_ends_with_its_expiry() {
    let mut world = World::new();
    world.repository.timestamp["expires"] = json!("2026-11-27T12:00:00Z");
    world.refresh().await.unwrap();
    world.now = time("2026-11-27T12:00:01Z");
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Expired { role: RoleName::Timestamp, .. }), "{error}");
    world.assert_stored([1, 1, 1, 1]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_no_error() {
    let mut world = World::refreshed().await;
    world.now = time("2020-01-01T00:00:00Z");
    world.refresh().await.unwrap();
}

#[tokio::test]
async fn expired_metadata_is_refused_offline_as_well() {
    let mut world = World::refreshed().await;
    assert!(world.offline().unwrap().target("manifest.json").is_some());
    world.now = time(EXPIRES);
    assert!(matches!(world.offline(), Err(Error::Expired { .. })));
}

//! Endless data: more than anyone asked for.

use bytes::Bytes;
use serde_json::json;
use trust::{Error, Fetched, Limits, RoleName};

use crate::world::World;

async fn endless(role: RoleName) -> (World, Error) {
    let mut world = World::new();
    let limit = usize::try_from(Limits::default().of(role)).unwrap();
    let name = match role {
        RoleName::Root => "2.root.json".to_owned(),
        _ => world.repository.file(role),
    };
    let mut bytes = match role {
        RoleName::Root => b"{".to_vec(),
        _ => world.repository.bytes(role).to_vec(),
    };
    bytes.resize(limit + 1, b' ');
    world.repository.instead.insert(name, Fetched::Bytes(bytes.into()));
    let error = world.refresh().await.unwrap_err();
    (world, error)
}

#[tokio::test]
async fn a_file_longer_than_its_limit_is_refused() {
    let cases = [
        (RoleName::Root, [1, 0, 0, 0]),
        (RoleName::Timestamp, [1, 0, 0, 0]),
        (RoleName::Snapshot, [1, 1, 0, 0]),
        (RoleName::Targets, [1, 1, 1, 0]),
    ];
    for (role, stored) in cases {
        let (world, error) = endless(role).await;
        let expected = Limits::default().of(role);
        assert!(matches!(error, Error::TooLong { limit, .. } if limit == expected), "{error}");
        assert!(error.is_refusal());
        world.assert_stored(stored);
    }
}

#[tokio::test]
async fn a_signed_length_beyond_the_limit_is_not_even_fetched() {
    let mut world = World::new();
    world.repository.timestamp["meta"]["snapshot.json"]["length"] = json!(u64::MAX);
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }), "{error}");
    assert_eq!(*world.repository.requests.lock().unwrap(), ["2.root.json", "timestamp.json"]);
    world.assert_stored([1, 1, 0, 0]);
}

#[tokio::test]
async fn endless_roots_end() {
    let mut world = World::new();
    world.limits.root_rotations = 3;
    for _ in 0..3 {
        world.repository.publish_root();
    }
    assert_eq!(world.refresh().await.unwrap().versions().root, 4);
    for _ in 0..4 {
        world.repository.publish_root();
    }
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::TooManyRoots { limit: 3 }), "{error}");
    world.assert_stored([7, 1, 1, 1]);
    assert_eq!(world.refresh().await.unwrap().versions().root, 8);
}

#[tokio::test]
async fn a_stored_file_that_grew_is_damage() {
    let world = World::refreshed().await;
    let limit = usize::try_from(Limits::default().timestamp).unwrap();
    std::fs::write(world.path(RoleName::Timestamp), vec![b' '; limit + 1]).unwrap();
    assert_eq!(world.refresh().await.unwrap().damage().len(), 1);
    world.assert_stored([1, 1, 1, 1]);
}

#[tokio::test]
async fn deep_json_is_refused_without_a_crash() {
    let mut world = World::new();
    let deep = format!(r#"{{"signatures":[],"signed":{}{}}}"#, "[".repeat(7000), "]".repeat(7000));
    world.repository.answer(RoleName::Timestamp, Bytes::from(deep));
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Malformed { role: RoleName::Timestamp, .. }), "{error}");
    world.assert_stored([1, 0, 0, 0]);
}

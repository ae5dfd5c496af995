//! Stolen, wrong, doubled and unknown keys.

use serde_json::json;
use trust::{Error, RoleName};

use crate::simulator::{
    ROOT_KEY, SNAPSHOT_KEY, Signer, TARGETS_KEY, THIEF, TIMESTAMP_KEY, envelope,
};
use crate::world::World;

fn threshold(error: &Error) -> (RoleName, u64, u64) {
    let Error::Threshold { role, have, need } = error else { panic!("{error}") };
    (*role, *have, *need)
}

#[tokio::test]
async fn a_role_signed_by_a_key_of_no_role_is_refused() {
    let cases = [
        (RoleName::Timestamp, [1, 0, 0, 0]),
        (RoleName::Snapshot, [1, 1, 0, 0]),
        (RoleName::Targets, [1, 1, 1, 0]),
    ];
    for (role, stored) in cases {
        let mut world = World::new();
        world.repository.signers.insert(role, vec![THIEF]);
        let error = world.refresh().await.unwrap_err();
        assert_eq!(threshold(&error), (role, 0, 1));
        world.assert_stored(stored);
    }
}

#[tokio::test]
async fn a_stolen_key_signs_for_its_own_role_only() {
    let roles = [
        (RoleName::Timestamp, TIMESTAMP_KEY),
        (RoleName::Snapshot, SNAPSHOT_KEY),
        (RoleName::Targets, TARGETS_KEY),
    ];
    for (victim, own) in roles {
        for (_, stolen) in roles.into_iter().filter(|(_, key)| *key != own) {
            let mut world = World::new();
            world.repository.signers.insert(victim, vec![stolen]);
            assert_eq!(threshold(&world.refresh().await.unwrap_err()), (victim, 0, 1));
        }
    }
}

#[tokio::test]
async fn a_signature_over_other_contents_is_refused() {
    let mut world = World::new();
    let mut other = world.repository.timestamp.clone();
    other["version"] = json!(7);
    let forged = envelope(&other, vec![TIMESTAMP_KEY.sign(&world.repository.timestamp)]);
    world.repository.answer(RoleName::Timestamp, forged);
    assert_eq!(threshold(&world.refresh().await.unwrap_err()), (RoleName::Timestamp, 0, 1));
    world.assert_stored([1, 0, 0, 0]);
}

/// Two keys have to sign the timestamp.
fn two_of_two() -> World {
    let mut world = World::new();
    world.repository.add_key(RoleName::Timestamp, Signer(20));
    world.repository.root["roles"]["timestamp"]["threshold"] = json!(2);
    world.repository.publish_root();
    world
}

#[tokio::test]
async fn a_threshold_of_two_takes_two_keys() {
    let mut world = two_of_two();
    world.refresh().await.unwrap();
    world.repository.publish_timestamp();
    world.repository.signers.insert(RoleName::Timestamp, vec![TIMESTAMP_KEY]);
    assert_eq!(threshold(&world.refresh().await.unwrap_err()), (RoleName::Timestamp, 1, 2));
    world.assert_stored([2, 1, 1, 1]);
}

#[tokio::test]
async fn a_signature_that_is_there_twice_is_refused() {
    let mut world = two_of_two();
    world.repository.signers.insert(RoleName::Timestamp, vec![TIMESTAMP_KEY; 3]);
    assert_signs_twice(world).await;
}

async fn assert_signs_twice(world: World) {
    let error = world.refresh().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Malformed { role: RoleName::Timestamp, .. }), "{text}");
    assert!(text.ends_with("signs twice"), "{text}");
    world.assert_stored([2, 0, 0, 0]);
}

#[tokio::test]
async fn endless_signatures_of_one_key_are_not_tried() {
    let mut world = World::new();
    world.repository.publish_root();
    let good = TIMESTAMP_KEY.sign(&world.repository.timestamp);
    let mut wrong = good.clone();
    wrong["sig"] = json!("00".repeat(64));
    let forged = envelope(&world.repository.timestamp, vec![wrong, good]);
    world.repository.answer(RoleName::Timestamp, forged);
    assert_signs_twice(world).await;
}

#[tokio::test]
async fn one_key_under_two_names_counts_once() {
    let mut world = two_of_two();
    let alias = "00".repeat(32);
    world.repository.root["keys"][&alias] = TIMESTAMP_KEY.key();
    world.repository.root["roles"]["timestamp"]["keyids"] = json!([TIMESTAMP_KEY.id(), alias]);
    world.repository.publish_root();
    let signature = TIMESTAMP_KEY.sign(&world.repository.timestamp);
    let mut second = signature.clone();
    second["keyid"] = json!(alias);
    let forged = envelope(&world.repository.timestamp, vec![signature, second]);
    world.repository.answer(RoleName::Timestamp, forged);
    assert_eq!(threshold(&world.refresh().await.unwrap_err()), (RoleName::Timestamp, 1, 2));
}

#[tokio::test]
async fn a_key_id_that_is_listed_twice_counts_once() {
    let mut world = two_of_two();
    let id = TIMESTAMP_KEY.id();
    world.repository.root["roles"]["timestamp"]["keyids"] = json!([id, id]);
    world.repository.signers.insert(RoleName::Timestamp, vec![TIMESTAMP_KEY]);
    world.repository.publish_root();
    assert_eq!(threshold(&world.refresh().await.unwrap_err()), (RoleName::Timestamp, 1, 2));
}

#[tokio::test]
async fn keys_signatures_and_roles_that_we_do_not_know_are_passed_over() {
    let mut world = World::new();
    let root = &mut world.repository.root;
    root["keys"]["future"] = json!({ "keytype": "lattice", "scheme": "x", "keyval": {} });
    root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push(json!("future"));
    root["roles"]["mirrors"] = json!({ "keyids": [], "threshold": 1 });
    root["x-extension"] = json!([{ "any": null }]);
    world.repository.publish_root();
    let signatures = vec![
        json!({ "keyid": "future", "sig": "00" }),
        json!({ "keyid": "nobody", "sig": "not hexadecimal", "more": 1 }),
        TIMESTAMP_KEY.sign(&world.repository.timestamp),
    ];
    let signed = envelope(&world.repository.timestamp, signatures);
    world.repository.answer(RoleName::Timestamp, signed);
    assert_eq!(world.refresh().await.unwrap().versions().root, 2);
}

#[tokio::test]
async fn a_shipped_root_that_its_own_keys_did_not_sign_is_refused() {
    let mut world = World::new();
    world.shipped = envelope(&world.repository.root, vec![THIEF.sign(&world.repository.root)]);
    assert_eq!(threshold(&world.refresh().await.unwrap_err()), (RoleName::Root, 0, 1));
    world.assert_stored([0, 0, 0, 0]);
    world.shipped = envelope(&world.repository.root, vec![ROOT_KEY.sign(&world.repository.root)]);
    world.refresh().await.unwrap();
}

#[tokio::test]
async fn signatures_are_over_the_received_bytes() {
    let mut world = World::new();
    // A fraction of a second and an offset: a re-serialisation would write them otherwise.
    world.repository.timestamp["expires"] = json!("2030-01-01T01:00:00.500+01:00");
    world.repository.timestamp["x-unknown"] = json!({ "z": 1, "a": [] });
    world.refresh().await.unwrap();
}

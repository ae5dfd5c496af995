//! Root rotation: new keys, old keys, and recovery from a fast-forward attack.

use std::fs;

use bytes::Bytes;
use serde_json::json;
use trust::{Error, Fetched, RoleName};

use crate::simulator::{ROOT_KEY, Signer, THIEF, TIMESTAMP_KEY, bump, envelope};
use crate::world::{World, time};

const NEW: Signer = Signer(30);

/// Signs the next root with `signers` only.
fn push_root(world: &mut World, signers: &[Signer]) {
    let root = &mut world.repository.root;
    bump(root);
    let signatures = signers.iter().map(|signer| signer.sign(root)).collect();
    let bytes = envelope(root, signatures);
    world.repository.roots.push(bytes);
}

#[tokio::test]
async fn a_chain_of_roots_is_followed_and_each_is_stored() {
    let mut world = World::new();
    world.repository.replace_key(RoleName::Root, NEW);
    push_root(&mut world, &[ROOT_KEY, NEW]);
    world.repository.replace_key(RoleName::Timestamp, Signer(31));
    push_root(&mut world, &[NEW]);
    assert_eq!(world.refresh().await.unwrap().versions().root, 3);
    world.assert_stored([3, 1, 1, 1]);
    assert_eq!(fs::read(world.path(RoleName::Root)).unwrap(), world.repository.roots[2]);
}

#[tokio::test]
async fn a_root_that_the_old_keys_did_not_sign_is_refused() {
    let mut world = World::refreshed().await;
    world.repository.replace_key(RoleName::Root, THIEF);
    push_root(&mut world, &[THIEF]);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Threshold { role: RoleName::Root, have: 0, need: 1 }),
        "{error}"
    );
    world.assert_stored([1, 1, 1, 1]);
}

#[tokio::test]
async fn a_root_that_its_new_keys_did_not_sign_is_refused() {
    let mut world = World::refreshed().await;
    world.repository.replace_key(RoleName::Root, NEW);
    push_root(&mut world, &[ROOT_KEY]);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Threshold { role: RoleName::Root, have: 0, need: 1 }),
        "{error}"
    );
    world.assert_stored([1, 1, 1, 1]);
}

#[tokio::test]
async fn a_root_of_any_version_but_the_next_is_refused() {
    for version in [1, 3] {
        let mut world = World::refreshed().await;
        world.repository.root["version"] = json!(version);
        let bytes = envelope(&world.repository.root, vec![ROOT_KEY.sign(&world.repository.root)]);
        world.repository.instead.insert("2.root.json".into(), Fetched::Bytes(bytes));
        let error = world.refresh().await.unwrap_err();
        assert!(
            matches!(error, Error::WrongVersion { expected: 2, found, .. } if found == version),
            "{error}"
        );
        world.assert_stored([1, 1, 1, 1]);
    }
}

#[tokio::test]
async fn a_root_that_the_old_threshold_is_too_high_for_is_refused() {
    let mut world = World::new();
    world.repository.add_key(RoleName::Root, NEW);
    world.repository.root["roles"]["root"]["threshold"] = json!(2);
    push_root(&mut world, &[ROOT_KEY, NEW]);
    world.refresh().await.unwrap();
    world.repository.root["roles"]["root"]["threshold"] = json!(1);
    push_root(&mut world, &[NEW]);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Threshold { role: RoleName::Root, have: 1, need: 2 }),
        "{error}"
    );
    world.assert_stored([2, 1, 1, 1]);
}

#[tokio::test]
async fn the_good_roots_before_a_bad_one_are_kept() {
    let mut world = World::refreshed().await;
    world.repository.publish_root();
    push_root(&mut world, &[THIEF]);
    world.refresh().await.unwrap_err();
    world.assert_stored([2, 1, 1, 1]);
}

/// A thief of the key of `role` raised versions far; then the publisher replaced that key.
async fn recovered(role: RoleName) -> World {
    let mut world = World::refreshed().await;
    let honest = [world.repository.timestamp.clone(), world.repository.snapshot.clone()];
    world.repository.signed_mut(role)["version"] = json!(99_999);
    if role == RoleName::Snapshot {
        world.repository.publish_timestamp();
    }
    world.refresh().await.unwrap();
    [world.repository.timestamp, world.repository.snapshot] = honest;
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Rollback { from: 99_999 | 2, .. }), "{error}");

    world.repository.replace_key(role, NEW);
    if role == RoleName::Snapshot {
        world.repository.replace_key(RoleName::Timestamp, Signer(31));
    }
    world.repository.publish_root();
    world
}

#[tokio::test]
async fn fast_forward_of_the_timestamp_is_recovered_by_a_new_key() {
    let world = recovered(RoleName::Timestamp).await;
    world.refresh().await.unwrap();
    world.assert_stored([2, 1, 1, 1]);
}

#[tokio::test]
async fn fast_forward_of_the_snapshot_is_recovered_by_new_keys() {
    let world = recovered(RoleName::Snapshot).await;
    world.refresh().await.unwrap();
    world.assert_stored([2, 1, 1, 1]);
}

#[tokio::test]
async fn fast_forward_of_the_targets_is_recovered_by_a_new_snapshot_key() {
    let mut world = World::new();
    world.repository.targets["version"] = json!(99_999);
    world.repository.publish_snapshot();
    world.refresh().await.unwrap();
    world.repository.targets["version"] = json!(1);
    world.repository.publish_snapshot();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Targets, from: 99_999, to: 1 }),
        "{error}"
    );
    world.repository.replace_key(RoleName::Snapshot, NEW);
    world.repository.publish_root();
    world.repository.publish_timestamp();
    world.refresh().await.unwrap();
    world.assert_stored([2, 4, 3, 1]);
}

#[tokio::test]
async fn a_replay_after_a_key_was_replaced_is_refused_though_the_old_root_is_shipped() {
    let mut world = World::refreshed().await;
    world.repository.replace_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.publish();
    world.refresh().await.unwrap();
    world.assert_stored([2, 2, 2, 2]);
    let old = World::new().repository;
    // The mirror hides the new root and replays the old files; then it shows the new root with them.
    for roots in [1, 2] {
        let new_roots = world.repository.roots.clone();
        world.repository.timestamp = old.timestamp.clone();
        world.repository.snapshot = old.snapshot.clone();
        world.repository.targets = old.targets.clone();
        world.repository.signers = old.signers.clone();
        world.repository.roots.truncate(roots);
        let error = world.refresh().await.unwrap_err();
        assert!(matches!(error, Error::Threshold { role: RoleName::Timestamp, .. }), "{error}");
        world.assert_stored([2, 2, 2, 2]);
        world.repository.roots = new_roots;
    }
}

#[tokio::test]
async fn the_same_shipped_root_on_every_run_does_not_empty_the_store() {
    let mut world = World::refreshed().await;
    world.repository.replace_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.publish();
    world.refresh().await.unwrap();
    // The newest timestamp of the new key, then an older one of the same key.
    world.repository.publish_timestamp();
    world.refresh().await.unwrap();
    world.repository.timestamp["version"] = json!(2);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Timestamp, from: 3, to: 2 }),
        "{error}"
    );
    world.assert_stored([2, 3, 2, 2]);
}

#[tokio::test]
async fn a_key_that_is_added_does_not_empty_the_store() {
    let mut world = World::new();
    world.repository.publish();
    world.refresh().await.unwrap();
    world.repository.add_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.timestamp["version"] = json!(1);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Timestamp, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([2, 2, 2, 2]);
}

#[tokio::test]
async fn what_a_withdrawn_key_signed_alone_is_forgotten_though_another_key_stays() {
    let mut world = World::new();
    world.repository.add_key(RoleName::Timestamp, THIEF);
    world.repository.publish_root();
    world.repository.signers.insert(RoleName::Timestamp, vec![THIEF]);
    world.repository.timestamp["version"] = json!(99_999);
    world.refresh().await.unwrap();
    world.repository.replace_key(RoleName::Timestamp, TIMESTAMP_KEY);
    world.repository.publish_root();
    world.repository.timestamp["version"] = json!(2);
    assert!(world.refresh().await.unwrap().damage().is_empty());
    world.assert_stored([3, 2, 1, 1]);
}

#[tokio::test]
async fn what_a_key_that_stays_signed_as_well_holds_versions_up() {
    let mut world = World::new();
    world.repository.add_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.publish();
    world.refresh().await.unwrap();
    world.repository.replace_key(RoleName::Timestamp, TIMESTAMP_KEY);
    world.repository.publish_root();
    world.repository.timestamp["version"] = json!(1);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Timestamp, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([3, 2, 2, 2]);
}

#[tokio::test]
async fn a_higher_threshold_empties_the_store_of_what_fewer_keys_signed() {
    let mut world = World::new();
    world.repository.add_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.signers.insert(RoleName::Timestamp, vec![THIEF, NEW]);
    world.repository.timestamp["version"] = json!(99_999);
    world.refresh().await.unwrap();
    world.repository.root["roles"]["timestamp"]["threshold"] = json!(2);
    world.repository.publish_root();
    world.repository.signers.insert(RoleName::Timestamp, vec![TIMESTAMP_KEY, NEW]);
    world.repository.timestamp["version"] = json!(2);
    assert!(world.refresh().await.unwrap().damage().is_empty());
    world.assert_stored([3, 2, 1, 1]);
}

#[tokio::test]
async fn a_higher_threshold_that_is_met_already_holds_versions_up() {
    for role in [RoleName::Timestamp, RoleName::Snapshot] {
        let mut world = World::new();
        world.repository.add_key(role, NEW);
        world.repository.publish_root();
        let old = [world.repository.targets.clone(), world.repository.snapshot.clone()];
        world.repository.publish();
        world.refresh().await.unwrap();
        world.repository.root["roles"][role.as_str()]["threshold"] = json!(2);
        world.repository.publish_root();
        [world.repository.targets, world.repository.snapshot] = old;
        world.repository.publish_timestamp();
        let error = world.refresh().await.unwrap_err();
        assert!(
            matches!(error, Error::Rollback { role: RoleName::Snapshot, from: 2, to: 1 }),
            "{error}"
        );
        world.assert_stored([3, 2, 2, 2]);
    }
}

#[tokio::test]
async fn a_new_snapshot_key_leaves_the_version_and_the_time_of_the_timestamp() {
    let mut world = World::new();
    world.repository.publish();
    world.refresh().await.unwrap();
    world.repository.replace_key(RoleName::Snapshot, NEW);
    world.repository.publish_root();
    let newest = world.repository.timestamp.clone();
    world.repository.timestamp["version"] = json!(1);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Timestamp, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([2, 2, 0, 2]);
    // The snapshot may start again, even if the timestamp's version stays.
    world.repository.timestamp = newest;
    world.repository.snapshot["version"] = json!(1);
    world.repository.timestamp["meta"]["snapshot.json"] = json!({ "version": 1 });
    world.refresh().await.unwrap();
    world.assert_stored([2, 2, 1, 2]);
}

#[tokio::test]
async fn a_new_targets_key_is_no_damage() {
    let mut world = World::refreshed().await;
    world.repository.replace_key(RoleName::Targets, NEW);
    world.repository.publish_root();
    world.repository.publish();
    assert!(world.refresh().await.unwrap().damage().is_empty());
    world.assert_stored([2, 2, 2, 2]);
}

/// A host that trusts version 2 of everything but the root, whose next root gives the keys of `roles` other ids.
async fn renamed(roles: &[RoleName]) -> World {
    let mut world = World::new();
    world.repository.timestamp["x-waystone-signed"] = json!("2026-11-20T00:00:00Z");
    // Without digests, the same version is the same file to a reader, whoever signed it.
    world.repository.publish();
    world.repository.timestamp["meta"]["snapshot.json"] = json!({ "version": 2 });
    world.repository.snapshot["meta"]["targets.json"] = json!({ "version": 2 });
    world.refresh().await.unwrap();
    for role in roles {
        world.repository.rename_key(*role);
    }
    world.repository.publish_root();
    world
}

const BELOW_ROOT: [RoleName; 3] = [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];

#[tokio::test]
async fn keys_under_other_ids_are_no_damage_and_change_nothing() {
    for roles in [&BELOW_ROOT[..], &BELOW_ROOT[..1], &BELOW_ROOT[1..2], &BELOW_ROOT[2..]] {
        let mut world = renamed(roles).await;
        for run in 0..2 {
            let repository = world.refresh().await.unwrap();
            assert!(repository.damage().is_empty(), "{roles:?} {run}");
            world.offline().unwrap();
            world.assert_stored([2, 2, 2, 2]);
        }
        world.repository.publish();
        world.refresh().await.unwrap();
        world.assert_stored([2, 3, 3, 3]);
    }
}

#[tokio::test]
async fn keys_under_other_ids_still_hold_versions_and_the_time_up() {
    let mut world = renamed(&BELOW_ROOT).await;
    world.repository.timestamp["version"] = json!(1);
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Timestamp, from: 2, to: 1 }),
        "{error}"
    );
    world.assert_stored([2, 2, 2, 2]);
    let mut world = renamed(&BELOW_ROOT[..1]).await;
    world.now = time("1970-01-01T00:00:03Z");
    world.repository.instead.insert("timestamp.json".into(), Fetched::Absent);
    world.repository.root["expires"] = json!("2026-11-19T00:00:00Z");
    world.repository.publish_root();
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Expired { role: RoleName::Root, .. }), "{error}");
}

#[tokio::test]
async fn another_id_does_not_bring_a_withdrawn_key_back() {
    let mut world = renamed(&BELOW_ROOT[..1]).await;
    world.repository.replace_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.timestamp["version"] = json!(1);
    world.refresh().await.unwrap();
    world.assert_stored([3, 1, 2, 2]);
}

#[tokio::test]
async fn what_is_fetched_is_signed_under_the_ids_of_the_root() {
    let mut world = renamed(&[]).await;
    world.repository.rename_key(RoleName::Timestamp);
    world.repository.publish_root();
    world.repository.renamed.clear();
    world.repository.publish_timestamp();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Threshold { role: RoleName::Timestamp, have: 0, need: 1 }),
        "{error}"
    );
    world.assert_stored([3, 2, 2, 2]);
}

#[tokio::test]
async fn junk_that_a_mirror_adds_does_not_hide_a_signature_under_another_id() {
    let mut world = World::new();
    let mut signatures: Vec<_> =
        (0..1023).map(|number| json!({ "keyid": format!("{number}"), "sig": "00" })).collect();
    signatures.push(TIMESTAMP_KEY.sign(&world.repository.timestamp));
    world.limits.timestamp = 1 << 20;
    let stuffed = envelope(&world.repository.timestamp, signatures);
    world.repository.answer(RoleName::Timestamp, stuffed);
    world.refresh().await.unwrap();
    world.repository.instead.clear();
    world.repository.rename_key(RoleName::Timestamp);
    world.repository.publish_root();
    assert!(world.refresh().await.unwrap().damage().is_empty());
    world.assert_stored([2, 1, 1, 1]);
}

#[tokio::test]
async fn a_newer_shipped_root_is_used_and_withdraws_keys() {
    let mut world = World::refreshed().await;
    world.repository.timestamp["version"] = json!(99_999);
    world.refresh().await.unwrap();
    world.repository.replace_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.timestamp["version"] = json!(2);
    world.shipped = world.repository.roots[1].clone();
    let error = world.offline().unwrap_err();
    assert!(matches!(error, Error::NotStored { role: RoleName::Timestamp, .. }), "{error}");
    world.refresh().await.unwrap();
    world.assert_stored([2, 2, 1, 1]);
    world.offline().unwrap();
}

#[tokio::test]
async fn a_withdrawal_that_was_cut_off_is_finished_or_undone() {
    // Cut after the marker: the root is not there yet, the marker means nothing.
    let mut world = World::refreshed().await;
    let marker = world.folder().join("withdrawn");
    fs::write(&marker, "2").unwrap();
    world.offline().unwrap();
    world.repository.timestamp["version"] = json!(99_999);
    world.refresh().await.unwrap();
    assert!(!marker.exists());
    world.assert_stored([1, 99_999, 1, 1]);

    // Cut after the root: what the old key signed must not hold anything up, nor count as damage.
    world.repository.replace_key(RoleName::Timestamp, NEW);
    world.repository.publish_root();
    world.repository.timestamp["version"] = json!(2);
    fs::write(&marker, "2").unwrap();
    fs::write(world.path(RoleName::Root), &world.repository.roots[1]).unwrap();
    let error = world.offline().unwrap_err();
    assert!(matches!(error, Error::NotStored { role: RoleName::Timestamp, .. }), "{error}");
    assert!(world.refresh().await.unwrap().damage().is_empty());
    assert!(!marker.exists());
    world.assert_stored([2, 2, 1, 1]);
}

#[tokio::test]
async fn a_marker_that_holds_no_version_is_damage() {
    let world = World::refreshed().await;
    fs::write(world.folder().join("withdrawn"), "soon").unwrap();
    assert!(matches!(world.refresh().await, Err(Error::Damaged { .. })));
    assert!(matches!(world.offline(), Err(Error::Damaged { .. })));
}

#[tokio::test]
async fn an_empty_root_is_refused() {
    let mut world = World::refreshed().await;
    world.repository.roots.push(Bytes::new());
    assert!(matches!(world.refresh().await, Err(Error::Malformed { role: RoleName::Root, .. })));
    world.assert_stored([1, 1, 1, 1]);
}

//! The attacks that the specification lists (section 1.5.2), each in a line: what a hostile repository changes, what the
//! updater says, and which stored files are others afterwards. Their many forms are in the files beside.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;
use trust::{Fetched, RoleName, Sha256};

use crate::simulator::{
    ROOT_KEY, SNAPSHOT_KEY, Signer, Simulator, TARGETS_KEY, THIEF, TIMESTAMP_KEY, bump, envelope,
};
use crate::world::{World, time};

const SECOND_ROOT_KEY: Signer = Signer(60);
const DELEGATEE: Signer = Signer(61);

/// A host that knows root 2 and version 3 of the rest, with two keys for the root and a delegated role.
async fn host() -> World {
    let mut world = World::new();
    world.repository.add_key(RoleName::Root, SECOND_ROOT_KEY);
    world.repository.root["roles"]["root"]["threshold"] = json!(2);
    world.repository.publish_root();
    world.repository.delegate("targets", "apps", DELEGATEE, json!({ "paths": ["apps/*"] }));
    world.repository.add_delegated_target("apps", "apps/one", b"one");
    world.repository.publish();
    world.repository.publish();
    world.find("apps/one").await.unwrap().unwrap();
    world.assert_stored([2, 3, 3, 3]);
    world
}

fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// Looks for both targets after the change: refused with `error`, and only `changed` of what was stored is another.
async fn refused(change: impl FnOnce(&mut World), error: &str, changed: &[&str]) {
    let mut world = host().await;
    let before = files(&world);
    change(&mut world);
    let mut result = world.find("manifest.json").await;
    if result.is_ok() {
        result = world.find("apps/one").await;
    }
    let refusal = result.unwrap_err();
    let chain = std::error::Error::source(&refusal).map(|cause| format!(": {cause}"));
    let said = format!("{refusal}{}", chain.unwrap_or_default());
    assert!(said.contains(error), "{said:?} in place of {error:?}");
    let after = files(&world);
    let others: Vec<_> = after
        .iter()
        .filter(|(name, bytes)| before.get(*name) != Some(bytes))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(others, changed);
    assert!(before.keys().all(|name| after.contains_key(name)), "nothing is lost");
}

/// Signs for every role but the root with one key, with an evil target in it.
fn publish_evil_with(repository: &mut Simulator, key: Signer) {
    for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
        repository.signers.insert(role, vec![key]);
    }
    repository.add_target("manifest.json", b"evil");
    repository.publish();
}

#[tokio::test]
async fn arbitrary_installation() {
    refused(|w| publish_evil_with(&mut w.repository, THIEF), "timestamp metadata has 0 valid", &[])
        .await;
    refused(
        |w| {
            w.repository.publish();
            let mut evil = w.repository.targets.clone();
            evil["targets"]["manifest.json"]["length"] = json!(4);
            w.repository.answer(
                RoleName::Targets,
                envelope(&evil, vec![TARGETS_KEY.sign(&w.repository.targets)]),
            )
        },
        "4.targets.json has sha256",
        &["snapshot.json", "timestamp.json"],
    )
    .await;
}

#[tokio::test]
async fn endless_data() {
    let endless =
        |limit: u64| Fetched::Bytes(vec![b' '; usize::try_from(limit + 1).unwrap()].into());
    refused(
        |w| drop(w.repository.instead.insert("timestamp.json".into(), endless(w.limits.timestamp))),
        "timestamp.json is longer",
        &[],
    )
    .await;
    refused(
        |w| drop(w.repository.instead.insert("3.root.json".into(), endless(w.limits.root))),
        "3.root.json is longer",
        &[],
    )
    .await;
    refused(
        |w| {
            bump(&mut w.repository.snapshot);
            w.repository.publish_timestamp();
            w.repository.answer(RoleName::Snapshot, vec![b' '; 4096].into())
        },
        "4.snapshot.json is longer",
        &["timestamp.json"],
    )
    .await;
    refused(
        |w| {
            w.limits.root_rotations = 0;
            w.repository.publish_root()
        },
        "more than 0 new roots",
        &[],
    )
    .await;
}

#[tokio::test]
async fn extraneous_dependencies() {
    let mut world = host().await;
    let apps = world.repository.delegated_mut("apps");
    bump(apps);
    for name in ["manifest.json", "kernel"] {
        world.repository.add_delegated_target("apps", name, b"evil");
    }
    world.repository.delegate("apps", "more", THIEF, json!({ "paths": ["*"] }));
    world.repository.add_delegated_target("more", "kernel", b"evil");
    world.repository.publish();
    world.find("manifest.json").await.unwrap().unwrap().check(b"contents").unwrap();
    assert_eq!(world.find("kernel").await.unwrap(), None);
    assert!(world.searched().is_empty(), "a role is not asked about names that are not its own");
    assert!(!files(&world).contains_key("role.more.json"));
}

#[tokio::test]
async fn fast_forward() {
    refused(
        |w| {
            w.repository.signers.insert(RoleName::Timestamp, vec![THIEF]);
            w.repository.timestamp["version"] = json!(u64::MAX)
        },
        "timestamp metadata has 0 valid",
        &[],
    )
    .await;
    refused(
        |w| {
            w.repository.root["version"] = json!(99);
            let root = w.repository.root.clone();
            w.repository
                .roots
                .push(envelope(&root, vec![ROOT_KEY.sign(&root), SECOND_ROOT_KEY.sign(&root)]))
        },
        "root metadata has version 99",
        &[],
    )
    .await;
}

#[tokio::test]
async fn indefinite_freeze() {
    refused(|w| w.now = time("2030-01-01T00:00:00Z"), "root metadata expired at 2030", &[]).await;
    refused(
        |w| {
            bump(&mut w.repository.timestamp);
            w.repository.timestamp["expires"] = json!("2026-11-19T00:00:00Z")
        },
        "timestamp metadata expired at 2026-11-19",
        &[],
    )
    .await;
    refused(
        |w| {
            w.repository.targets["expires"] = json!("2026-11-19T00:00:00Z");
            w.repository.publish()
        },
        "targets metadata expired at 2026-11-19",
        &["snapshot.json", "timestamp.json"],
    )
    .await;
}

#[tokio::test]
async fn malicious_mirror() {
    refused(
        |w| drop(w.repository.instead.insert("timestamp.json".into(), Fetched::Absent)),
        "the repository has no timestamp.json",
        &[],
    )
    .await;
    refused(
        |w| {
            w.repository.publish();
            w.repository.instead.insert("4.snapshot.json".into(), Fetched::Absent);
        },
        "the repository has no 4.snapshot.json",
        &["timestamp.json"],
    )
    .await;
    refused(
        |w| {
            drop(
                w.repository
                    .instead
                    .insert("timestamp.json".into(), Fetched::Bytes("<html>".into())),
            )
        },
        "timestamp metadata is malformed",
        &[],
    )
    .await;
}

#[tokio::test]
async fn mix_and_match() {
    refused(
        |w| {
            w.repository.publish();
            w.repository.snapshot["meta"]["targets.json"]["version"] = json!(3)
        },
        "4.snapshot.json has",
        &["timestamp.json"],
    )
    .await;
    refused(
        |w| {
            let old = w.repository.bytes(RoleName::Targets);
            w.repository.publish();
            w.repository.answer(RoleName::Targets, old)
        },
        "targets.json has",
        &["snapshot.json", "timestamp.json"],
    )
    .await;
    refused(
        |w| {
            let old = w.repository.bytes(RoleName::Snapshot);
            w.repository.instead.insert("timestamp.json".into(), Fetched::Bytes(old));
        },
        "its type is \"snapshot\"",
        &[],
    )
    .await;
}

#[tokio::test]
async fn rollback() {
    refused(
        |w| w.repository.timestamp["version"] = json!(2),
        "timestamp metadata went back from version 3 to 2",
        &[],
    )
    .await;
    refused(
        |w| {
            w.repository.snapshot["version"] = json!(2);
            w.repository.publish_timestamp()
        },
        "snapshot metadata went back from version 3 to 2",
        &[],
    )
    .await;
    refused(
        |w| {
            w.repository.targets["version"] = json!(2);
            w.repository.publish_snapshot()
        },
        "targets metadata went back from version 3 to 2",
        &["timestamp.json"],
    )
    .await;
}

#[tokio::test]
async fn rollback_across_a_switch_of_sets() {
    // The other set came with an older root: the shared store still knows better.
    refused(
        |w| {
            w.shipped = w.repository.roots[0].clone();
            w.repository.timestamp["version"] = json!(2)
        },
        "timestamp metadata went back from version 3 to 2",
        &[],
    )
    .await;
    // The other set came with a newer root, and the mirror hides it.
    refused(
        |w| {
            w.repository.publish_root();
            w.shipped = w.repository.roots.pop().unwrap();
            w.repository.timestamp["version"] = json!(2)
        },
        "timestamp metadata went back from version 3 to 2",
        &["root.json"],
    )
    .await;
}

#[tokio::test]
async fn rollback_after_a_torn_store() {
    refused(
        |w| {
            w.tear(RoleName::Snapshot);
            w.repository.snapshot["version"] = json!(2);
            w.repository.publish_timestamp()
        },
        "snapshot metadata went back from version 3 to 2",
        &["snapshot.json"],
    )
    .await;
    refused(
        |w| {
            w.tear(RoleName::Timestamp);
            w.repository.snapshot["version"] = json!(2);
            w.repository.publish_timestamp()
        },
        "snapshot metadata went back from version 3 to 2",
        &["timestamp.json"],
    )
    .await;
    refused(
        |w| {
            w.tear(RoleName::Targets);
            w.repository.targets["version"] = json!(2);
            w.repository.publish_snapshot()
        },
        "targets metadata went back from version 3 to 2",
        &["targets.json", "timestamp.json"],
    )
    .await;
    refused(|w| w.tear(RoleName::Root), "root.json is damaged", &["root.json"]).await;
}

#[tokio::test]
async fn a_single_stolen_key_installs_nothing() {
    // The timestamp's: it can speak of a snapshot, but signs none.
    refused(
        |w| publish_evil_with(&mut w.repository, TIMESTAMP_KEY),
        "snapshot metadata has 0 valid",
        &["timestamp.json"],
    )
    .await;
    // The snapshot's and the targets': nobody hears of what they sign.
    refused(
        |w| publish_evil_with(&mut w.repository, SNAPSHOT_KEY),
        "timestamp metadata has 0 valid",
        &[],
    )
    .await;
    refused(
        |w| publish_evil_with(&mut w.repository, TARGETS_KEY),
        "timestamp metadata has 0 valid",
        &[],
    )
    .await;
    // A delegated role's: no top-level role, and no name but its own.
    refused(
        |w| publish_evil_with(&mut w.repository, DELEGATEE),
        "timestamp metadata has 0 valid",
        &[],
    )
    .await;
    // One of two of the root's.
    refused(
        |w| {
            w.repository.replace_key(RoleName::Targets, THIEF);
            bump(&mut w.repository.root);
            let root = w.repository.root.clone();
            w.repository.roots.push(envelope(&root, vec![ROOT_KEY.sign(&root), THIEF.sign(&root)]))
        },
        "root metadata has 1 valid signatures, needs 2",
        &[],
    )
    .await;
}

#[tokio::test]
async fn wrong_software() {
    let world = host().await;
    let manifest = world.find("manifest.json").await.unwrap().unwrap();
    let one = world.find("apps/one").await.unwrap().unwrap();
    assert!(manifest.check(b"one").is_err() && one.check(b"contents").is_err());
    assert_eq!(one.path(), format!("apps/{}.one", Sha256::of(b"one")));
    assert_eq!(world.find("apps/two").await.unwrap(), None);
}

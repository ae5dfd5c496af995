//! Delegated roles: who is asked, in which order, and what a delegatee cannot do.

use std::fs;

use serde_json::{Value, json};
use trust::{Error, Fetched, RoleName, Sha256, Store};

use crate::simulator::{Signer, THIEF, bump};
use crate::world::World;

const A: Signer = Signer(40);
const B: Signer = Signer(41);
const C: Signer = Signer(42);

fn paths(pattern: &str) -> Value {
    json!({ "paths": [pattern] })
}

/// Delegations as `(delegator, role, signer, scope)`, published.
fn world(delegations: &[(&str, &str, Signer, Value)]) -> World {
    let mut world = World::new();
    for (delegator, role, signer, scope) in delegations {
        world.repository.delegate(delegator, role, *signer, scope.clone());
    }
    world.repository.publish();
    world
}

/// What was wrong with which delegated role.
fn delegated(error: Error) -> (String, Error) {
    let Error::Delegated { role, source } = error else { panic!("{error}") };
    (role, *source)
}

fn stored(world: &World, role: &str) -> bool {
    world.folder().join(format!("role.{role}.json")).exists()
}

#[tokio::test]
async fn a_target_of_the_top_level_asks_nobody() {
    let world = world(&[("targets", "a", A, paths("*"))]);
    assert!(world.find("manifest.json").await.unwrap().is_some());
    assert!(world.searched().is_empty());
}

#[tokio::test]
async fn roles_are_asked_depth_first_in_the_order_of_their_delegations() {
    let all = || paths("*");
    let world = world(&[
        ("targets", "a", A, all()),
        ("targets", "b", B, all()),
        ("a", "c", C, all()),
        ("a", "d", Signer(43), all()),
    ]);
    assert_eq!(world.find("missing").await.unwrap(), None);
    assert_eq!(world.searched(), ["1.a.json", "1.c.json", "1.d.json", "1.b.json"]);
}

#[tokio::test]
async fn only_what_the_target_needs_is_fetched_and_only_once() {
    let mut world = world(&[
        ("targets", "a", A, paths("*.doc")),
        ("targets", "b", B, paths("releases/*/*")),
        ("b", "c", C, paths("releases/x/*")),
    ]);
    world.repository.add_delegated_target("c", "releases/x/image", b"image");
    world.repository.publish();
    let target = world.find("releases/x/image").await.unwrap().unwrap();
    assert_eq!(world.searched(), ["1.b.json", "1.c.json"]);
    assert_eq!(target.path(), format!("releases/x/{}.image", Sha256::of(b"image")));
    target.check(b"image").unwrap();
    assert!(stored(&world, "b") && stored(&world, "c") && !stored(&world, "a"));
    world.find("releases/x/image").await.unwrap().unwrap();
    assert!(world.searched().is_empty(), "what is stored is not fetched again");
}

#[tokio::test]
async fn a_terminating_delegation_ends_the_search_with_its_descendants() {
    let mut last = paths("*");
    last["terminating"] = json!(true);
    let world = world(&[
        ("targets", "a", A, paths("*")),
        ("targets", "b", B, paths("*")),
        ("a", "c", C, last),
        ("a", "d", Signer(43), paths("*")),
        ("c", "e", Signer(44), paths("*")),
    ]);
    assert_eq!(world.find("missing").await.unwrap(), None);
    assert_eq!(world.searched(), ["1.a.json", "1.c.json", "1.e.json"]);
}

#[tokio::test]
async fn a_circle_of_delegations_ends() {
    let world = world(&[
        ("targets", "a", A, paths("*")),
        ("a", "b", B, paths("*")),
        ("b", "a", A, paths("*")),
        ("b", "b", B, paths("*")),
    ]);
    assert_eq!(world.find("missing").await.unwrap(), None);
    assert_eq!(world.searched(), ["1.a.json", "1.b.json"]);
}

#[tokio::test]
async fn endless_delegations_are_refused() {
    let mut world = World::new();
    let mut delegator = "targets".to_owned();
    for number in 0..6 {
        let name = format!("r{number}");
        world.repository.delegate(&delegator, &name, A, paths("*"));
        delegator = name;
    }
    world.repository.publish();
    world.limits.delegations = 6;
    assert_eq!(world.find("missing").await.unwrap(), None);
    world.limits.delegations = 5;
    let error = world.find("missing").await.unwrap_err();
    assert!(matches!(error, Error::TooManyDelegations { limit: 5 }), "{error}");
    assert!(error.is_refusal());
}

#[tokio::test]
async fn of_many_roles_as_many_as_the_limit_are_asked_in_their_order() {
    let mut world = World::new();
    world.repository.delegate("targets", "first", A, paths("*"));
    for number in 0..20 {
        world.repository.delegate("targets", &format!("t{number}"), B, paths("*"));
        world.repository.delegate("first", &format!("f{number}"), C, paths("*"));
    }
    // The first asks one that is to be asked later: it is asked now, and once.
    world.repository.delegate("first", "t0", B, paths("*"));
    world.repository.add_delegated_target("t0", "x", b"x");
    world.repository.add_delegated_target("t3", "y", b"y");
    world.repository.publish();
    world.limits.delegations = 22;
    assert!(world.find("x").await.unwrap().is_some());
    assert_eq!(world.searched().len(), 22);
    assert!(matches!(world.find("y").await, Err(Error::TooManyDelegations { limit: 22 })));
    world.limits.delegations = 25;
    assert!(world.find("y").await.unwrap().is_some());
    world.limits.delegations = 21;
    assert!(matches!(world.find("x").await, Err(Error::TooManyDelegations { limit: 21 })));
}

#[tokio::test]
async fn a_bin_that_asks_itself_ends() {
    let mut world = World::new();
    let bins = json!({
        "keys": { A.id(): A.key() },
        "succinct_roles": { "keyids": [A.id()], "threshold": 1, "bit_length": 1, "name_prefix": "bin" },
    });
    for bin in ["bin-0", "bin-1"] {
        world.repository.delegate("targets", bin, A, paths("unused"));
        world.repository.delegated_mut(bin)["delegations"] = bins.clone();
    }
    world.repository.targets["delegations"] = bins;
    world.repository.publish();
    assert_eq!(world.find("missing").await.unwrap(), None);
    assert_eq!(world.searched().len(), 1);
}

#[tokio::test]
async fn a_delegatee_says_nothing_of_names_that_are_not_its_own() {
    let mut world = world(&[("targets", "a", A, paths("apps/*"))]);
    world.repository.add_delegated_target("a", "kernel", b"evil");
    world.repository.publish();
    assert_eq!(world.find("kernel").await.unwrap(), None);
    assert!(world.searched().is_empty());
}

#[tokio::test]
async fn a_delegatee_cannot_replace_what_the_top_level_says() {
    let mut world = world(&[("targets", "a", A, paths("*"))]);
    world.repository.add_delegated_target("a", "manifest.json", b"evil");
    world.repository.publish();
    world.find("manifest.json").await.unwrap().unwrap().check(b"contents").unwrap();
}

#[tokio::test]
async fn a_stolen_key_of_one_delegatee_signs_for_no_other() {
    let mut world = world(&[("targets", "a", A, paths("x/*")), ("targets", "b", B, paths("y/*"))]);
    world.repository.delegated.get_mut("b").unwrap().1 = vec![A];
    world.repository.add_delegated_target("b", "y/z", b"evil");
    world.repository.publish();
    let (role, source) = delegated(world.find("y/z").await.unwrap_err());
    assert_eq!(role, "b");
    assert!(matches!(source, Error::Threshold { have: 0, need: 1, .. }), "{source}");
    assert!(!stored(&world, "b"));
}

#[tokio::test]
async fn a_role_that_cannot_be_verified_ends_the_search() {
    let mut world = world(&[("targets", "a", A, paths("*")), ("targets", "b", B, paths("*"))]);
    world.repository.add_delegated_target("b", "x", b"x");
    world.repository.delegated.get_mut("a").unwrap().1 = vec![THIEF];
    world.repository.publish();
    let error = world.find("x").await.unwrap_err();
    assert!(error.is_refusal());
    assert_eq!(delegated(error).0, "a");
    assert_eq!(world.searched(), ["1.a.json"]);
}

#[tokio::test]
async fn a_role_that_the_mirror_hides_ends_the_search() {
    let mut world = world(&[("targets", "a", A, paths("*")), ("targets", "b", B, paths("*"))]);
    world.repository.add_delegated_target("b", "x", b"x");
    world.repository.publish();
    world.repository.instead.insert("1.a.json".into(), Fetched::Absent);
    let (_, source) = delegated_or_missing(world.find("x").await.unwrap_err());
    assert!(matches!(source, Error::Missing { .. }), "{source}");
}

fn delegated_or_missing(error: Error) -> (String, Error) {
    match error {
        Error::Missing { ref name } => (name.clone(), error),
        other => delegated(other),
    }
}

#[tokio::test]
async fn a_delegated_role_cannot_go_back_or_be_dropped() {
    let mut world = world(&[("targets", "a", A, paths("*"))]);
    bump(world.repository.delegated_mut("a"));
    world.repository.publish();
    world.find("x").await.unwrap();
    world.assert_stored([1, 3, 3, 3]);
    world.repository.delegated_mut("a")["version"] = json!(1);
    world.repository.publish();
    let error = world.find("x").await.unwrap_err();
    assert!(matches!(error, Error::Rollback { from: 2, to: 1, .. }), "{error}");
    world.repository.snapshot["meta"].as_object_mut().unwrap().remove("a.json").unwrap();
    world.repository.publish_timestamp();
    let error = world.find("x").await.unwrap_err();
    assert!(matches!(error, Error::Malformed { role: RoleName::Snapshot, .. }), "{error}");
    world.assert_stored([1, 5, 3, 3]);
}

#[tokio::test]
async fn an_older_file_of_a_delegated_role_is_mix_and_match() {
    let mut world = world(&[("targets", "a", A, paths("*"))]);
    let old = world.repository.delegated_bytes("a");
    bump(world.repository.delegated_mut("a"));
    world.repository.publish();
    world.repository.snapshot["meta"]["a.json"] = json!({ "version": 2 });
    world.repository.publish_timestamp();
    world.repository.instead.insert("2.a.json".into(), Fetched::Bytes(old));
    let (_, source) = delegated(world.find("x").await.unwrap_err());
    assert!(matches!(source, Error::WrongVersion { expected: 2, found: 1, .. }), "{source}");
    assert!(!stored(&world, "a"));
}

#[tokio::test]
async fn an_expired_delegated_role_is_refused_fetched_or_stored() {
    let mut world = world(&[("targets", "a", A, paths("*"))]);
    world.repository.delegated_mut("a")["expires"] = json!("2027-01-01T00:00:00Z");
    world.repository.publish();
    world.find("x").await.unwrap();
    assert!(stored(&world, "a"));
    world.now = crate::world::time("2027-01-01T00:00:00Z");
    let (_, source) = delegated(world.find("x").await.unwrap_err());
    assert!(matches!(source, Error::Expired { .. }), "{source}");
    bump(world.repository.delegated_mut("a"));
    world.repository.delegated_mut("a")["expires"] = json!("2028-01-01T00:00:00Z");
    world.repository.publish();
    world.find("x").await.unwrap();
}

#[tokio::test]
async fn a_damaged_stored_role_is_fetched_again() {
    let world = world(&[("targets", "a", A, paths("*"))]);
    world.find("x").await.unwrap();
    fs::write(world.folder().join("role.a.json"), "{").unwrap();
    world.find("x").await.unwrap();
    assert_eq!(world.searched(), ["1.a.json"]);
    let file = fs::read(world.folder().join("role.a.json")).unwrap();
    assert_eq!(file, world.repository.delegated_bytes("a"));
}

#[tokio::test]
async fn no_role_name_leaves_the_folder_or_takes_the_place_of_another_file() {
    let long = "é".repeat(300);
    for name in [
        "../up",
        "/abs",
        "?",
        "#",
        "a/b",
        "role.x",
        ".",
        "..",
        "withdrawn",
        "nul\0",
        "a/../../b",
        long.as_str(),
    ] {
        let world = world(&[("targets", name, A, paths("*"))]);
        assert_eq!(world.find("x").await.unwrap(), None, "{name}");
        assert_eq!(world.searched(), [format!("1.{name}.json")]);
        assert_eq!(fs::read_dir(world.folder()).unwrap().count(), 5, "{name}");
        world.find("x").await.unwrap();
        assert!(world.searched().is_empty(), "{name} is found again");
        world.refresh().await.unwrap();
    }
    for name in ["root", "timestamp", "snapshot", "targets", ""] {
        let mut world = world(&[("targets", name, A, paths("*"))]);
        world.repository.delegated.clear();
        world.repository.publish();
        let error = world.refresh().await.unwrap_err();
        assert!(matches!(error, Error::Malformed { role: RoleName::Targets, .. }), "{error}");
    }
}

#[tokio::test]
async fn hash_bins_are_asked_by_the_digest_of_the_name() {
    let digest = Sha256::of(b"some/target").to_string();
    let other = if digest.starts_with('0') { "1" } else { "0" };
    let mut world = world(&[
        ("targets", "left", A, json!({ "path_hash_prefixes": [other] })),
        ("targets", "right", B, json!({ "path_hash_prefixes": ["zz", &digest[..2]] })),
    ]);
    world.repository.add_delegated_target("right", "some/target", b"x");
    world.repository.publish();
    assert!(world.find("some/target").await.unwrap().is_some());
    assert_eq!(world.searched(), ["1.right.json"]);
}

#[tokio::test]
async fn succinct_bins_are_asked_by_the_digest_of_the_name() {
    let bin = format!("bin-{}", &Sha256::of(b"some/target").to_string()[..2]);
    let mut world = world(&[("targets", &bin, A, paths("unused"))]);
    let delegations = &mut world.repository.targets["delegations"];
    delegations.as_object_mut().unwrap().remove("roles").unwrap();
    delegations["succinct_roles"] = json!({
        "keyids": [A.id()], "threshold": 1, "bit_length": 8, "name_prefix": "bin",
    });
    world.repository.add_delegated_target(&bin, "some/target", b"x");
    world.repository.publish();
    assert!(world.find("some/target").await.unwrap().is_some());
    assert_eq!(world.searched(), [format!("1.{bin}.json")]);
}

#[tokio::test]
async fn a_target_without_a_known_digest_is_refused_and_leaves_the_others_alone() {
    let mut world = World::new();
    world.repository.targets["targets"]["odd"] = json!({ "length": 1, "hashes": { "md9": "00" } });
    world.repository.targets["targets"]["long"] =
        json!({ "length": 1, "hashes": { "sha512": "0a".repeat(64) } });
    let error = world.find("odd").await.unwrap_err();
    assert!(matches!(error, Error::NoDigest { .. }), "{error}");
    assert!(error.is_refusal());
    assert!(world.find("manifest.json").await.unwrap().is_some());
    let long = world.find("long").await.unwrap().unwrap();
    assert_eq!(long.path(), format!("{}.long", "0a".repeat(64)));
    let error = long.check(b"x").unwrap_err();
    assert!(matches!(error, Error::WrongHash { algorithm: "sha512", .. }), "{error}");
}

#[tokio::test]
async fn without_a_network_the_stored_roles_are_searched() {
    let mut world = world(&[("targets", "a", A, paths("*"))]);
    world.repository.add_delegated_target("a", "x", b"x");
    world.repository.publish();
    world.refresh().await.unwrap();
    let find = || {
        let store = Store::open_shared(world.folder()).unwrap();
        let repository = trust::offline(&store, &world.shipped, world.now).unwrap();
        trust::find_offline(&world.limits, &store, &repository, "x")
    };
    let (role, source) = delegated(find().unwrap_err());
    assert_eq!(role, "a");
    assert!(matches!(source, Error::NotStored { .. }), "{source}");
    let online = world.find("x").await.unwrap();
    assert_eq!(find().unwrap(), online);
    fs::write(world.folder().join("role.a.json"), "{}").unwrap();
    assert!(matches!(find(), Err(Error::Delegated { .. })));
}

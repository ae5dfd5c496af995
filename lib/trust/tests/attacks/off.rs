//! Hosts that were off for long: what a boot may use of what expired meanwhile, and how a refresh catches up.

use serde_json::json;
use trust::{Error, Expiry, Repository, Result, RoleName, Store};

use crate::simulator::{ROOT_KEY, Signer, THIEF, envelope};
use crate::world::{World, time};

const ALL: [RoleName; 4] =
    [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];
const SIGNED: &str = "2026-11-20T00:00:00Z";

fn boot(world: &World) -> Result<Repository> {
    let store = Store::open_shared(world.folder()).unwrap();
    trust::offline(&store, &world.shipped, Expiry::AsOfSigning)
}

/// A host whose store was refreshed with `role` expiring in December 2026.
async fn expiring(role: RoleName) -> World {
    let mut world = World::new();
    world.repository.timestamp["x-waystone-signed"] = json!(SIGNED);
    world.repository.signed_mut(role)["expires"] = json!("2026-12-01T00:00:00Z");
    if role == RoleName::Root {
        world.repository.publish_root();
    }
    world.repository.publish();
    world.refresh().await.unwrap();
    world
}

#[tokio::test]
async fn a_boot_uses_what_was_unexpired_when_it_was_kept() {
    for role in ALL {
        let mut world = expiring(role).await;
        world.now = time("2031-01-01T00:00:00Z");
        assert!(matches!(world.offline(), Err(Error::Expired { .. })), "{role}");
        let repository = boot(&world).unwrap();
        assert_eq!(repository.versions().timestamp, 2);
        assert_eq!(repository.verified_at(), time(SIGNED));
        repository.target("manifest.json").unwrap().check(b"contents").unwrap();
    }
}

#[tokio::test]
async fn a_boot_refuses_what_had_expired_when_the_timestamp_was_signed() {
    let mut world = expiring(RoleName::Targets).await;
    world.repository.timestamp["x-waystone-signed"] = json!("2026-12-02T00:00:00Z");
    world.repository.publish_timestamp();
    world.refresh().await.unwrap_err();
    let error = boot(&world).unwrap_err();
    assert!(matches!(error, Error::Expired { role: RoleName::Targets, .. }), "{error}");
}

#[tokio::test]
async fn a_boot_needs_no_word_on_when_the_timestamp_was_signed() {
    let mut world = World::refreshed().await;
    world.now = time("2031-01-01T00:00:00Z");
    assert!(world.offline().is_err());
    boot(&world).unwrap();
}

#[tokio::test]
async fn a_boot_checks_all_but_the_calendar() {
    let mut world = expiring(RoleName::Snapshot).await;
    world.repository.replace_key(RoleName::Targets, THIEF);
    let forged = world.repository.bytes(RoleName::Targets);
    std::fs::write(world.path(RoleName::Targets), forged).unwrap();
    assert!(matches!(boot(&world), Err(Error::WrongHash { .. } | Error::Threshold { .. })));
    let other = World::new().repository.bytes(RoleName::Targets);
    std::fs::write(world.path(RoleName::Targets), other).unwrap();
    assert!(boot(&world).is_err(), "an older file is not the one that is signed for");
}

#[tokio::test]
async fn a_boot_trusts_no_key_that_the_shipped_root_withdrew() {
    let mut world = expiring(RoleName::Snapshot).await;
    world.repository.replace_key(RoleName::Snapshot, Signer(31));
    world.repository.publish_root();
    world.shipped = world.repository.roots[1].clone();
    let error = boot(&world).unwrap_err();
    assert!(matches!(error, Error::NotStored { role: RoleName::Snapshot, .. }), "{error}");
}

#[tokio::test]
async fn a_boot_finds_delegated_roles_that_expired_since() {
    let mut world = World::new();
    world.repository.timestamp["x-waystone-signed"] = json!(SIGNED);
    world.repository.delegate("targets", "a", Signer(40), json!({ "paths": ["*"] }));
    world.repository.delegated_mut("a")["expires"] = json!("2026-12-01T00:00:00Z");
    world.repository.add_delegated_target("a", "x", b"x");
    world.repository.publish();
    let online = world.find("x").await.unwrap().unwrap();
    let store = Store::open_shared(world.folder()).unwrap();
    let find = |expiry: Expiry| {
        let repository = trust::offline(&store, &world.shipped, expiry).unwrap();
        trust::find_offline(&world.limits, &store, &repository, "x")
    };
    assert_eq!(find(Expiry::AsOfSigning).unwrap(), Some(online));
    let error = find(Expiry::Enforced(time("2026-12-01T00:00:00Z"))).unwrap_err();
    assert!(matches!(error, Error::Delegated { .. }), "{error}");
}

/// Publishes `count` roots, each with a root key of its own, expired in 2027 but for the last.
fn rotate(world: &mut World, count: u8) {
    let mut old = ROOT_KEY;
    for number in 0..count {
        let new = Signer(100 + number);
        world.repository.replace_key(RoleName::Root, new);
        let expires =
            if number + 1 < count { "2027-01-01T00:00:00Z" } else { "2050-01-01T00:00:00Z" };
        let root = &mut world.repository.root;
        root["expires"] = json!(expires);
        crate::simulator::bump(root);
        let signed = envelope(root, vec![old.sign(root), new.sign(root)]);
        world.repository.roots.push(signed);
        old = new;
    }
}

#[tokio::test]
async fn a_host_that_was_off_for_years_follows_expired_roots_to_the_newest() {
    let mut world = expiring(RoleName::Snapshot).await;
    world.repository.replace_key(RoleName::Timestamp, Signer(31));
    rotate(&mut world, 100);
    world.now = time("2040-01-01T00:00:00Z");
    for role in &ALL[1..] {
        world.repository.signed_mut(*role)["expires"] = json!("2045-01-01T00:00:00Z");
    }
    world.repository.publish();
    let repository = world.refresh().await.unwrap();
    assert!(repository.damage().is_empty());
    world.assert_stored([101, 3, 3, 3]);
}

#[tokio::test]
async fn a_host_that_was_off_for_years_is_not_rolled_back() {
    let mut world = expiring(RoleName::Snapshot).await;
    rotate(&mut world, 3);
    world.now = time("2040-01-01T00:00:00Z");
    for role in &ALL[1..] {
        world.repository.signed_mut(*role)["expires"] = json!("2045-01-01T00:00:00Z");
    }
    world.repository.targets["version"] = json!(1);
    world.repository.publish_snapshot();
    let error = world.refresh().await.unwrap_err();
    assert!(
        matches!(error, Error::Rollback { role: RoleName::Targets, from: 2, to: 1 }),
        "{error}"
    );
}

#[tokio::test]
async fn an_expired_newest_root_is_refused_and_what_led_to_it_kept() {
    let mut world = expiring(RoleName::Snapshot).await;
    rotate(&mut world, 3);
    world.now = time("2051-01-01T00:00:00Z");
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Expired { role: RoleName::Root, .. }), "{error}");
    world.assert_stored([4, 2, 2, 2]);
    boot(&world).unwrap();
}

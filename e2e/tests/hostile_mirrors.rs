//! Several mirrors, of which some are bad; a medium in place of a server; credentials in addresses.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::hostile::{Fault, Hostile};
use e2e::world::{NEW, OLD, Part, World, text};
use gptprio::SetId;
use serde_json::Value;

/// Adds the mirrors to the configuration, whose first failure is an answer.
fn add_mirrors(world: &World, mirrors: &[&Hostile]) {
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let mut config = config.replace("retries = 2", "retries = 0");
    for mirror in mirrors {
        let (metadata, targets) = (mirror.url("metadata/"), mirror.url("targets/"));
        config.push_str(&format!(
            "[[mirror]]\nmetadata_base_url = '{metadata}'\ntargets_base_url = '{targets}'\n"
        ));
    }
    fs::write(world.path("updog.toml"), config).unwrap();
}

/// A world with a second server of the same repository.
fn with_mirror() -> (World, Hostile) {
    let world = World::of_images();
    let mirror = Hostile::serve(&world.path("repo")).unwrap();
    add_mirrors(&world, &[&mirror]);
    (world, mirror)
}

fn updates(world: &World) -> String {
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD));
    assert_eq!(world.next(), Some(SetId::B));
    update.stderr
}

/// The files of the metadata store.
fn store(world: &World) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(world.path("cache")).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-r", text(from), text(to)]).status().unwrap();
    assert!(copied.success());
}

#[test]
fn metadata_that_one_mirror_does_not_have_comes_from_the_next() {
    for fault in [Fault::Status(404), Fault::Status(500), Fault::Replace(b"{}".to_vec())] {
        let (world, mirror) = with_mirror();
        world.server.fault("timestamp.json", usize::MAX, fault.clone());
        let told = updates(&world);
        let left = format!("leaving the mirror {}", world.server.url("metadata/"));
        assert!(told.contains(&left), "{fault:?}: {told}");
        assert!(world.server.requests("targets/").is_empty(), "it is left for the whole run");
        assert!(!mirror.requests("root.img").is_empty());
    }
}

#[test]
fn a_bad_mirror_is_left_for_a_while_by_later_runs_too() {
    let (world, _mirror) = with_mirror();
    world.server.fault("timestamp.json", usize::MAX, Fault::Status(404));
    assert_eq!(world.updog(&["check-update"]).code, 0);
    world.server.behave();
    assert_eq!(world.updog(&["check-update"]).code, 0);
    assert!(world.server.requests("").is_empty());
}

#[test]
fn bad_mirrors_leave_the_store_as_it_was_and_are_named() {
    let (world, mirror) = with_mirror();
    assert_eq!(world.updog(&["check-update"]).code, 0);
    let before = store(&world);
    let timestamp = fs::read(world.path("repo/metadata/timestamp.json")).unwrap();
    let mut timestamp: Value = serde_json::from_slice(&timestamp).unwrap();
    timestamp["signed"]["version"] = 9.into();
    let forged = timestamp.to_string().into_bytes();
    world.server.fault("timestamp.json", usize::MAX, Fault::Replace(forged));
    mirror.fault("timestamp.json", usize::MAX, Fault::Status(500));
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 4, "what the first one said: {}", check.stderr);
    for part in
        [&world.server.url("metadata/"), &mirror.url("metadata/"), "valid signatures", "500"]
    {
        assert!(check.stderr.contains(part), "{part}: {}", check.stderr);
    }
    assert_eq!(store(&world), before);
    mirror.behave();
    assert_eq!(world.updog(&["check-update"]).code, 0);
    assert_eq!(store(&world), before);
}

#[test]
fn a_mirror_that_lags_behind_is_passed_over() {
    let world = World::unpublished();
    copy(&world.path("repo"), &world.path("lagging"));
    world.publish(NEW, &[]);
    assert_eq!(world.updog(&["check-update"]).code, 0);
    let before = store(&world);
    let mirror = world.server.clone();
    let lagging = Hostile::serve(&world.path("lagging")).unwrap();
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let config = config.replace(&mirror.url(""), &lagging.url(""));
    fs::write(world.path("updog.toml"), config).unwrap();
    add_mirrors(&world, &[&mirror]);
    let told = updates(&world);
    assert!(told.contains("went back from version"), "{told}");
    let after = store(&world);
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
}

#[test]
fn an_image_that_one_mirror_spoils_is_begun_again_at_the_next() {
    let faults = |world: &World| {
        let image = fs::read(world.target(Part::Root)).unwrap();
        let mut flipped = image.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let mut broken = image.clone();
        broken[image.len() / 2..].fill(0xEE);
        [
            Fault::Status(404),
            Fault::Replace(flipped),
            Fault::Replace(broken),
            Fault::CutAfter(image.len() / 2),
            Fault::Extra(100),
            Fault::Drip(Duration::from_millis(100)),
        ]
    };
    for index in 0..6 {
        let (world, mirror) = with_mirror();
        let fault = faults(&world)[index].clone();
        if matches!(fault, Fault::Drip(_)) {
            world.wait_for(4);
        }
        world.server.fault("root.img", usize::MAX, fault.clone());
        let told = updates(&world);
        assert!(told.contains("leaving the mirror"), "{index}: {told}");
        assert_eq!(world.server.requests("root.img").len(), 1, "{index}");
        let offsets: Vec<_> = mirror.requests("root.img").iter().map(|one| one.offset).collect();
        assert_eq!(offsets, [0], "{index}");
    }
}

#[test]
fn what_was_read_back_of_a_spoilt_image_does_not_count_after_it_was_begun_again() {
    let world = World::large();
    let mirror = Hostile::serve(&world.path("repo")).unwrap();
    add_mirrors(&world, &[&mirror]);
    let mut image = fs::read(world.target(Part::Root)).unwrap();
    let early = image.len() / 8;
    image[early] ^= 1;
    world.server.fault("root.img", 1, Fault::Replace(image));
    let told = updates(&world);
    assert!(told.contains("leaving the mirror"), "{told}");
}

#[test]
fn an_image_that_every_mirror_spoils_leaves_a_set_that_cannot_boot() {
    let (world, mirror) = with_mirror();
    let mut image = fs::read(world.target(Part::Root)).unwrap();
    *image.last_mut().unwrap() ^= 1;
    for server in [&world.server, &mirror] {
        server.fault("root.img", usize::MAX, Fault::Replace(image.clone()));
    }
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 4, "{}", update.stderr);
    assert!(update.stderr.contains("no mirror could be used"), "{}", update.stderr);
    assert_eq!(world.next(), Some(SetId::A));
    assert_eq!(world.sets().bits(SetId::B).unwrap().priority.value(), 0);
    assert!(!world.path("state/staged.json").exists());
}

#[test]
fn an_update_from_a_mounted_medium_needs_no_server() {
    let world = World::of_images();
    let medium = format!("file://{}", text(&world.path("repo")));
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let server = world.server.url("");
    let config = config.replace(&server, &format!("{medium}/"));
    fs::write(world.path("updog.toml"), config).unwrap();
    updates(&world);
    assert!(world.server.requests("").is_empty());
}

#[test]
fn a_medium_that_was_taken_away_is_a_failure_and_one_that_lies_is_refused() {
    let world = World::of_images();
    let medium = world.path("medium");
    copy(&world.path("repo"), &medium);
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let config = config.replace(&world.server.url(""), &format!("file://{}/", text(&medium)));
    fs::write(world.path("updog.toml"), config).unwrap();
    fs::write(medium.join("metadata/timestamp.json"), "{}").unwrap();
    assert_eq!(world.updog(&["check-update"]).code, 4);
    fs::remove_dir_all(&medium).unwrap();
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 1, "{}", check.stderr);
    assert!(check.stderr.contains("cannot read") && check.stderr.contains("medium/metadata"));
}

#[test]
fn credentials_of_addresses_and_proxies_are_never_printed() {
    let world = World::of_images();
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let secret = |config: &str| config.replace("http://127", "http://me:secret@127");
    let nowhere = "https_proxy = 'http://me:secret@127.0.0.1:9'\n";
    let refusing = format!("https_proxy = '{}'\n", secret(&world.server.url("")));
    for (more, fault) in [
        (nowhere, Fault::Status(200)),
        ("", Fault::Status(401)),
        (&refusing, Fault::Status(407)),
        ("", Fault::Redirect("http://me:secret@updates.invalid/".to_owned())),
        ("https_prox = 'http://me:secret@proxy'\n", Fault::Status(200)),
    ] {
        world.server.behave();
        world.server.fault("", usize::MAX, fault.clone());
        fs::write(world.path("updog.toml"), secret(&config) + more).unwrap();
        let check = world.updog(&["check-update"]);
        assert_ne!(check.code, 0, "{fault:?}");
        let told = check.stdout + &check.stderr;
        assert!(!told.contains("secret") && !told.contains("me:"), "{fault:?}: {told}");
    }
}

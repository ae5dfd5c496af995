//! What is damaged is told, and stays as it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use migrator::{Access, Error, Folder};

use crate::world::{COUNTS, Scripts, World};

fn world() -> World {
    World::at("1.5.2", Scripts::default().with("1.5.2", "1.6.0", COUNTS))
}

fn relink(path: &Path, to: &str) {
    fs::remove_file(path).unwrap();
    symlink(to, path).unwrap();
}

/// Damages a data store, and expects that nothing is done, and that the message has these words.
fn refused(damage: impl FnOnce(&World), words: &str) {
    let mut world = world();
    damage(&world);
    let before = world.snapshot();
    let error = world.migrate("1.6.0").unwrap_err();
    let text = cli::chain(&error);
    assert!(text.contains(words), "{text}");
    assert_eq!(world.snapshot(), before, "{text}");
}

#[test]
fn links_that_lead_elsewhere_nowhere_or_in_circles_are_refused() {
    let relinked =
        |link: &'static str, to: &'static str| move |world: &World| relink(&world.path(link), to);
    refused(relinked("current", "v1.5"), "no major version");
    refused(relinked("current", "current"), "current");
    refused(relinked("current", "v2"), "v2 is damaged: the link is missing");
    refused(relinked("current", "/etc"), "out of the folder");
    refused(relinked("v1", "v1"), "another version's link");
    refused(relinked("v1", "v2.5"), "another version's link");
    refused(relinked("v1", "../v1.5"), "out of the folder");
    refused(relinked("v1.5", "v1"), "another version's link");
    refused(relinked("v1.5", "v1.6.0"), "another version's link");
    refused(relinked("v1.5.2", "v1.5.3"), "no store's name");
    refused(relinked("v1.5.2", "v1.5.3_0123456789abcdef"), "does not exist");
}

#[test]
fn what_is_no_link_or_no_store_is_refused() {
    refused(
        |world| {
            fs::remove_file(world.path("v1")).unwrap();
            fs::create_dir(world.path("v1")).unwrap();
        },
        "v1 is damaged: it is no link",
    );
    refused(
        |world| {
            fs::remove_dir_all(world.path("v1.5.2_0123456789abcdef")).unwrap();
            fs::write(world.path("v1.5.2_0123456789abcdef"), "").unwrap();
        },
        "no folder",
    );
}

#[test]
fn a_half_copied_store_and_unknown_files_are_refused() {
    let store = |world: &World| world.path("v1.5.2_0123456789abcdef");
    refused(|world| fs::remove_dir_all(store(world).join("live")).unwrap(), "no live settings");
    refused(|world| fs::write(store(world).join("format"), "2").unwrap(), "format");
    refused(|world| fs::write(store(world).join("live/ran"), "").unwrap(), "live/ran");
    refused(|world| fs::write(store(world).join("live/a~"), "1").unwrap(), "a~");
    refused(|world| symlink("/etc", store(world).join("live/etc")).unwrap(), "live/etc");
}

#[test]
fn one_value_that_is_no_json_is_refused_and_named() {
    let cases = [
        ("\"wor", "EOF"),
        ("1 2", "trailing"),
        ("{\"a\": }", "expected value"),
        ("\0\0\0\0", "expected value"),
        (&*"[".repeat(100_000), "EOF"),
    ];
    let name = "v1.5.2_0123456789abcdef/live/settings/host/name";
    for (value, words) in cases {
        refused(|world| fs::write(world.path(name), value).unwrap(), words);
        refused(|world| fs::write(world.path(name), value).unwrap(), "live/settings/host/name");
    }
    refused(|world| fs::write(world.path(name), [0xFF]).unwrap(), "its value is no text");
}

#[test]
fn a_copy_that_a_cut_left_half_made_is_no_store_and_goes() {
    let mut world = world();
    let half = world.path("v1.6.0_fedcba9876543210");
    for (folder, file) in [(half.clone(), "live"), (world.path(".migrator-work/0"), "live")] {
        fs::create_dir_all(folder.join(file)).unwrap();
        fs::write(folder.join(file).join("ran"), "\"").unwrap();
    }
    world.migrate("1.6.0").unwrap();
    assert_eq!(world.now().0, "v1.6.0");
    assert!(!half.exists() && !world.path(".migrator-work").exists());
}

#[test]
fn something_in_the_place_of_a_new_link_is_no_reason_to_lose_the_old_store() {
    refused_late("v1.6.0");
    refused_late("v1.6");
}

/// A folder stands where a link is to go.
fn refused_late(name: &str) {
    let mut world = world();
    fs::create_dir(world.path(name)).unwrap();
    let error = world.migrate("1.6.0").unwrap_err();
    assert!(matches!(error, Error::Flip { .. }), "{error}");
    assert_eq!(world.now(), ("v1.5.2".into(), String::new()));
    fs::remove_dir(world.path(name)).unwrap();
    world.migrate("1.6.0").unwrap();
    assert_eq!(world.now().0, "v1.6.0");
}

#[test]
fn nothing_is_taken_away_while_the_store_that_counts_is_not_whole() {
    let mut world = world();
    let other = world.path("v1.5.1_0123456789abcdef");
    fs::create_dir_all(other.join("live")).unwrap();
    fs::write(world.path("v1.5.2_0123456789abcdef/live/ran"), "").unwrap();
    world.migrate("1.5.2").unwrap();
    assert!(other.exists());
    assert!(world.log[0].contains("stays") && world.log[0].contains("live/ran"), "{:?}", world.log);
}

#[test]
fn what_has_no_name_of_ours_stays() {
    let mut world = world();
    for name in ["lost+found", "v1.5.2_short", "notes"] {
        fs::create_dir(world.path(name)).unwrap();
    }
    symlink("/etc", world.path("v7")).unwrap();
    world.migrate("1.6.0").unwrap();
    world.migrate("1.6.0").unwrap();
    for name in ["lost+found", "v1.5.2_short", "notes", "v7"] {
        assert!(fs::symlink_metadata(world.path(name)).is_ok(), "{name}");
    }
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let mut world = world();
    let lock = Folder::open(world.root(), Access::Write).unwrap();
    assert!(matches!(world.migrate("1.6.0"), Err(Error::Busy { .. })));
    drop(lock);
    world.migrate("1.6.0").unwrap();
}

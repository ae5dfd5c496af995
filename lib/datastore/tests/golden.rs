//! The tree in `fixtures/datastore`, which a shell made, and what is no store.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use datastore::{Area, Contents, Error, Json, Key, Store};
use tempfile::TempDir;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/datastore/v1.5.2_0123456789abcdef")
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn json(text: &str) -> Json {
    Json::parse(text.to_owned()).unwrap()
}

fn edit() -> Area {
    Area::Pending("edit".to_owned())
}

/// A store that is copied from the golden one, and then damaged.
fn damaged(damage: impl FnOnce(&Path)) -> (TempDir, Result<u64, Error>) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let original = Store::open(golden()).unwrap();
    let copy = Store::create(&store).unwrap();
    for (area, contents) in original.read_all().unwrap() {
        copy.write(&area, &contents).unwrap();
    }
    damage(&store);
    let count = Store::open(&store).and_then(|store| store.check()).map(|count| count.files);
    (folder, count)
}

#[test]
fn every_key_is_found_with_its_value_as_it_is_written() {
    let store = Store::open(golden()).unwrap();
    assert_eq!(store.areas().unwrap(), [Area::Live, edit()]);
    let live = store.read(&Area::Live).unwrap();
    let data = [
        ("os.load-limit", "1.50"),
        ("settings.host.name", "\"worker-7\""),
        ("settings.host.ntp-servers", "[\"10.0.0.1\", \"10.0.0.2\"]"),
        ("settings.labels.\"example.com/zone\"", "\"eu-1\""),
    ];
    let data: Vec<_> = data.into_iter().map(|(name, text)| (key(name), json(text))).collect();
    assert_eq!(live.data.into_iter().collect::<Vec<_>>(), data);
    assert_eq!(live.metadata[&key("settings.host.name")]["strength"], json("\"strong\""));
    assert_eq!(live.metadata.len(), 1);
    assert_eq!(
        store.keys(&edit()).unwrap().into_iter().collect::<Vec<_>>(),
        [key("settings.host.name")]
    );
    let value = store.value(&edit(), &key("settings.host.name")).unwrap();
    assert_eq!(value.unwrap().value(), "worker-8");
    for absent in ["settings.host", "settings.host.name.more", "none"] {
        assert_eq!(store.value(&Area::Live, &key(absent)).unwrap(), None, "{absent}");
    }
    assert_eq!(store.check().unwrap().files, 6);
}

#[test]
fn what_is_written_is_the_same_tree() {
    let (folder, count) = damaged(|_| ());
    assert_eq!(count.unwrap(), 6);
    let listed = |folder: &Path| {
        let run = std::process::Command::new("/bin/sh")
            .args(["-c", "cd \"$0\" && find . -type f -exec sha256sum {} + | sort"])
            .arg(folder)
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    assert_eq!(listed(&folder.path().join("store")), listed(&golden()));
}

#[test]
fn contents_are_renamed_and_removed_with_their_metadata() {
    let mut live: Contents = Store::open(golden()).unwrap().read(&Area::Live).unwrap();
    let (old, new) = (key("settings.host.name"), key("settings.network.hostname"));
    assert!(live.rename(&old, &new) && !live.rename(&old, &new));
    assert_eq!(live.metadata[&new]["strength"], json("\"strong\""));
    assert_eq!(live.remove(&new), Some(json("\"worker-7\"")));
    assert!(live.metadata.is_empty());
}

#[test]
fn whatever_is_no_store_is_refused_and_named() {
    let name = "live/settings/host/name";
    let refused = |damage: &dyn Fn(&Path), named: &str| {
        let (_folder, count) = damaged(damage);
        let error = count.unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    };
    refused(&|store| fs::remove_dir_all(store.join("live")).unwrap(), "no live settings");
    refused(&|store| fs::write(store.join("format"), "2").unwrap(), "format");
    refused(&|store| fs::create_dir(store.join("other")).unwrap(), "other");
    refused(&|store| fs::write(store.join("pending/file"), "1").unwrap(), "pending/file");
    refused(&|store| fs::write(store.join(name), "").unwrap(), name);
    refused(&|store| fs::write(store.join(name), "\"work").unwrap(), name);
    refused(&|store| fs::write(store.join(name), "1 2").unwrap(), name);
    refused(&|store| fs::write(store.join(name), [0xFF]).unwrap(), name);
    refused(&|store| fs::write(store.join("live/settings/a~"), "1").unwrap(), "a~");
    refused(&|store| fs::write(store.join("live/settings/a.b.c"), "1").unwrap(), "a.b.c");
    refused(&|store| fs::create_dir_all(store.join("live/a.b/c")).unwrap(), "a.b");
    refused(&|store| symlink("name", store.join("live/settings/host/link")).unwrap(), "link");
    refused(&|store| symlink("/etc", store.join("live/etc")).unwrap(), "live/etc");
}

#[test]
fn two_keys_cannot_be_a_folder_and_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store")).unwrap();
    let mut contents = Contents::default();
    contents.data.insert(key("a"), json("1"));
    contents.data.insert(key("a.b"), json("2"));
    assert!(store.write(&Area::Live, &contents).is_err());
}

//! The store: the very bytes, one writer, and what is asked for again.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use trust::{Error, Kind, RoleName, Store};

use crate::world::World;

const BELOW_ROOT: [RoleName; 3] = [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];

#[tokio::test]
async fn the_received_bytes_are_stored() {
    let world = World::refreshed().await;
    for role in BELOW_ROOT {
        assert_eq!(fs::read(world.path(role)).unwrap(), world.repository.bytes(role));
    }
    assert_eq!(fs::read(world.path(RoleName::Root)).unwrap(), world.shipped);
    assert_eq!(fs::read_dir(world.folder()).unwrap().count(), 4, "nothing is left over");
}

#[tokio::test]
async fn when_nothing_changed_only_the_next_root_and_the_timestamp_are_asked_for() {
    let mut world = World::refreshed().await;
    assert_eq!(world.requests().await, ["2.root.json", "timestamp.json"]);
    world.repository.publish_timestamp();
    assert_eq!(world.requests().await, ["2.root.json", "timestamp.json"]);
    world.repository.publish_snapshot();
    assert_eq!(world.requests().await, ["2.root.json", "timestamp.json", "2.snapshot.json"]);
}

#[tokio::test]
async fn when_nothing_changed_nothing_is_written() {
    let world = World::refreshed().await;
    let inodes = || BELOW_ROOT.map(|role| fs::metadata(world.path(role)).unwrap().ino());
    let before = inodes();
    world.refresh().await.unwrap();
    assert_eq!(inodes(), before);
}

#[tokio::test]
async fn a_link_in_the_way_is_replaced_and_not_followed() {
    let mut world = World::refreshed().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let victim = elsewhere.path().join("victim");
    let name = RoleName::Timestamp.file_name();
    let path = world.path(RoleName::Timestamp);
    fs::remove_file(&path).unwrap();
    for name in [format!(".{name}.new"), name.to_owned()] {
        symlink(&victim, world.folder().join(name)).unwrap();
    }
    let before = world.repository.bytes(RoleName::Timestamp).clone();
    fs::write(&victim, &before).unwrap();
    world.repository.publish_timestamp();
    world.refresh().await.unwrap();
    assert_eq!(fs::read(&victim).unwrap(), before);
    assert!(path.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(path).unwrap(), world.repository.bytes(RoleName::Timestamp));
}

#[tokio::test]
async fn a_second_writer_is_told_to_wait() {
    let world = World::refreshed().await;
    let first = Store::open(world.folder()).unwrap();
    for error in [world.refresh().await.unwrap_err(), world.offline().unwrap_err()] {
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Temporary);
    }
    drop(first);
    world.refresh().await.unwrap();
}

#[tokio::test]
async fn readers_do_not_shut_each_other_out_but_a_writer() {
    let world = World::refreshed().await;
    let reader = Store::open_shared(world.folder()).unwrap();
    world.offline().unwrap();
    assert!(matches!(world.refresh().await, Err(Error::Busy { .. })));
    drop(reader);
    world.refresh().await.unwrap();
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_a_reader() {
    let world = World::new();
    let absent = world.folder().join("absent");
    assert!(matches!(Store::open_shared(&absent), Err(Error::Store { .. })));
    assert!(!absent.exists());
}

#[tokio::test]
async fn offline_gives_what_the_last_refresh_gave() {
    let world = World::refreshed().await;
    let online = world.refresh().await.unwrap();
    let offline = world.offline().unwrap();
    assert_eq!(offline.versions(), online.versions());
    assert_eq!(offline.target("manifest.json"), online.target("manifest.json"));
}

#[tokio::test]
async fn offline_before_the_first_refresh_says_so() {
    let world = World::new();
    let error = world.offline().unwrap_err();
    assert!(matches!(error, Error::NotStored { role: RoleName::Timestamp, .. }), "{error}");
    assert_eq!(error.kind(), Kind::Failed);
}

#[tokio::test]
async fn a_flipped_bit_in_any_stored_file_is_found_offline() {
    for role in BELOW_ROOT {
        let world = World::refreshed().await;
        let mut bytes = fs::read(world.path(role)).unwrap();
        let at = bytes.windows(11).position(|window| window == b"\"version\": ").unwrap() + 11;
        bytes[at] = b'7';
        fs::write(world.path(role), bytes).unwrap();
        assert!(matches!(world.offline(), Err(Error::Threshold { .. })), "{role}");
    }
}

#[tokio::test]
async fn a_left_over_of_a_cut_write_is_in_nobodys_way() {
    let mut world = World::refreshed().await;
    fs::write(world.folder().join(".timestamp.json.new"), "{ \"sig").unwrap();
    world.repository.publish();
    world.refresh().await.unwrap();
    world.assert_stored([1, 2, 2, 2]);
    assert_eq!(fs::read_dir(world.folder()).unwrap().count(), 4);
}

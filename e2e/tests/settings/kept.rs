//! What was kept for the boot is tampered with, missing, or old.

use std::fs;
use std::io::Write;
use std::path::Path;

use e2e::world::{NEW, OLD, text};

use crate::world::{Host, TARGETS};

/// The boot fails with this code, names the file, and leaves the settings of before.
#[track_caller]
fn fails(host: &Host, code: i32, named: &str) {
    let run = host.boot(NEW);
    assert_eq!(run.code, code, "{}", run.stderr);
    assert!(run.stderr.contains(named), "{named} is not in: {}", run.stderr);
    assert!(host.setting("settings/host/name").is_some());
    let names = fs::read_dir(host.datastore()).unwrap().count();
    assert_eq!(names, 5, "four links and one store");
}

fn lz4(raw: &[u8]) -> Vec<u8> {
    let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
    encoder.write_all(raw).unwrap();
    encoder.finish().0
}

#[test]
fn a_migration_that_is_not_the_signed_one_never_runs() {
    for name in TARGETS {
        let host = Host::prepared();
        let path = host.kept(name);
        let good = fs::read(&path).unwrap();
        let witness = host.world.path("witness");
        let evil = format!("#!/bin/sh\ntouch {}\n", text(&witness));
        let mut same_length = lz4(evil.as_bytes());
        same_length.resize(good.len(), 0);
        for bytes in
            [lz4(evil.as_bytes()), evil.into_bytes(), same_length, good[1..].to_vec(), vec![]]
        {
            fs::write(&path, bytes).unwrap();
            fails(&host, 4, name);
        }
        fs::write(&path, [&good[..], b"x"].concat()).unwrap();
        fails(&host, 4, name);
        fs::remove_file(&path).unwrap();
        fails(&host, 1, name);
        assert!(!witness.exists());
        fs::write(&path, good).unwrap();
        assert_eq!(host.boot(NEW).code, 0);
    }
}

#[test]
fn metadata_that_is_not_the_signed_one_is_refused() {
    let host = Host::prepared();
    let folder = host.world.path("migrations/current/metadata");
    for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "1.root.json" {
            continue; // The image has it.
        }
        let good = fs::read(&path).unwrap();
        fs::write(&path, String::from_utf8(good.clone()).unwrap().replace("\"20", "\"21")).unwrap();
        fails(&host, 4, &name);
        fs::remove_file(&path).unwrap();
        fails(&host, 1, &name);
        fs::write(&path, good).unwrap();
    }
    let manifest = host.kept("manifest.json");
    let good = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, good.replace("hostname", "ntp-serv")).unwrap();
    fails(&host, 4, "manifest.json");
}

#[test]
fn the_root_of_the_image_decides() {
    let host = Host::prepared();
    let root = host.world.path("root.json");
    let good = fs::read(&root).unwrap();
    let other = Host::prepared();
    fs::copy(other.world.path("root.json"), &root).unwrap();
    fails(&host, 4, "timestamp.json");
    fs::remove_file(&root).unwrap();
    fails(&host, 1, "root.json");
    fs::write(&root, good).unwrap();
    assert_eq!(host.boot(NEW).code, 0);
}

#[test]
fn what_was_valid_when_it_was_signed_moves_the_settings_however_late() {
    let host = Host::prepared();
    // A repository of weeks ago, as it is: its files in the place of what was kept.
    let then = ["--now", "2020-01-01T00:00:00Z"];
    let migrations = host.world.path("migrations-of");
    host.world.init(&then);
    host.world.publish(NEW, &[&then[..], &["--migrations", text(&migrations)]].concat());
    let kept = |name: &str| host.world.path("migrations/current").join(name);
    for part in ["metadata", "targets"] {
        fs::remove_dir_all(kept(part)).unwrap();
        copy(&host.world.path("repo").join(part), &kept(part));
    }
    assert_eq!(host.boot(NEW).code, 0);
    assert!(host.setting("settings/network/hostname").is_some());
}

#[test]
fn a_clock_that_is_not_set_yet_or_wrong_is_not_asked() {
    let host = Host::prepared();
    assert_eq!(host.boot_at("@1970-01-01 00:00:10", NEW).code, 0);
    assert_eq!(host.setting("settings/network/hostname").as_deref(), Some("\"worker-7\""));
    assert_eq!(host.boot_at("@2099-01-01 00:00:00", OLD).code, 0);
    assert_eq!(host.setting("settings/host/name").as_deref(), Some("\"worker-7\""));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

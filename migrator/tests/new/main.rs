//! `migrator new` as a program: what it writes compiles and passes its test, and nothing is written over.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How long compilers may take, in seconds, on a machine that does much else.
const LIMIT: &str = "1800";

fn new(dir: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_migrator"));
    command.arg("new").args(more).arg("--dir").arg(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_written_compiles_and_passes_its_test() {
    let folder = tempfile::tempdir().unwrap();
    // A name that is a keyword, and begins with a digit: the crate's is another.
    for name in ["2-fn", "migration"] {
        let helpers = format!("{ROOT}/migrator/helpers");
        let made =
            new(folder.path(), &[name, "--release", "v1.6.0", "--migration-crate", &helpers]);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        assert!(text(&made.stdout).contains(&format!("migrate_v1.6.0_{name}")));
        let crate_folder = folder.path().join(name);
        // The same versions as ours: those are here without a network.
        fs::copy(format!("{ROOT}/Cargo.lock"), crate_folder.join("Cargo.lock")).unwrap();
        let tested = cargo_test(&crate_folder);
        let told = text(&tested.stdout) + &text(&tested.stderr);
        assert_eq!(tested.status.code(), Some(0), "{told}");
        assert!(told.contains("settings_go_there_and_back ... ok"), "{told}");
    }
}

/// Tests a crate without a network; what it depends on is compiled once for all.
fn cargo_test(folder: &Path) -> Output {
    let mut command = Command::new("timeout");
    command.args([LIMIT, env!("CARGO"), "test", "--offline"]).current_dir(folder);
    command.env("CARGO_TARGET_DIR", format!("{ROOT}/target/new-migration"));
    // Nobody looks into these programs.
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_TEST_DEBUG", "0");
    command.output().unwrap()
}

#[test]
fn nothing_is_written_where_something_is() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("a");
    fs::create_dir(&place).unwrap();
    let refused = new(folder.path(), &["a"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(text(&refused.stderr).contains("is there already"));
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
}

#[test]
fn a_name_or_a_crate_that_cannot_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "a/b", "../a", "A", "a_b", "a b"] {
        assert_eq!(new(folder.path(), &[name]).status.code(), Some(2), "{name}");
    }
    let failed = new(folder.path(), &["a", "--migration-crate", "/nowhere"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("cannot use /nowhere as the crate `migration`"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left half-written");
}

#[test]
fn the_release_is_a_registry_s_unless_a_folder_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let made = new(folder.path(), &["a", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(report["publish_as"], "migrate_vVERSION_a");
    for file in report["files"].as_array().unwrap() {
        let written = fs::read_to_string(folder.path().join("a").join(file.as_str().unwrap()));
        assert!(!written.unwrap().contains("{{"), "{file} is filled in");
    }
    let manifest = fs::read_to_string(folder.path().join("a/Cargo.toml")).unwrap();
    assert!(manifest.contains(r#"migration = { version = "0.1" }"#), "{manifest}");
}

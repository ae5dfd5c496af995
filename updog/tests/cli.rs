//! What a script sees of `updog` before any disk or network comes into play: exit codes and messages.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = r#"
    metadata_base_url = "http://127.0.0.1:9/metadata/"
    targets_base_url = "http://127.0.0.1:9/targets/"
    seed = 1
    retries = 0
    os_release_path = "os-release"
    root_path = "root.json"
    state_dir = "state"
    metadata_cache = "cache"
"#;

fn updog(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_updog")).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs `updog` with the configuration `text` in a folder of its own.
fn with_config(folder: &Path, text: &str, arguments: &[&str]) -> Output {
    let config = folder.join("updog.toml");
    fs::write(&config, text).unwrap();
    let mut all = vec!["--config", config.to_str().unwrap()];
    all.extend(arguments);
    updog(&all)
}

#[test]
fn help_names_every_subcommand_and_the_exit_codes() {
    let output = updog(&["--help"]);
    assert_eq!(code(&output), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    for word in [
        "status",
        "check-update",
        "whats",
        "prepare",
        "update-image",
        "update-apply",
        "update-revert",
    ] {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    assert!(text.contains("3 nothing to do"), "{text}");
}

#[test]
fn wrong_usage_is_code_2() {
    for arguments in
        [&["frobnicate"][..], &[], &["--active", "C", "status"], &["update", "-i", "one"]]
    {
        assert_eq!(code(&updog(arguments)), 2, "{arguments:?}");
    }
}

#[test]
fn a_missing_configuration_is_named_with_what_to_do() {
    let output = updog(&["--config", "/nowhere/updog.toml", "status"]);
    assert_eq!(code(&output), 2);
    let text = stderr(&output);
    assert!(text.contains("/nowhere/updog.toml") && text.contains("next:"), "{text}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_no_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = updog(&["--config", folder.path().to_str().unwrap(), "status"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
}

#[test]
fn a_broken_configuration_names_file_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("seed = 1", "seed = 2048"),
        ("seed = 1", "seed = 99999999999"),
        ("seed = 1", "seed = \"one\""),
        ("seed = 1", "sed = 1"),
        ("\"http://127.0.0.1:9/metadata/\"", "\"ftp://127.0.0.1/\""),
        ("seed = 1", "seed = 1\nseed = 2"),
        ("seed = 1", "seed ="),
    ];
    for (good, bad) in cases {
        let text = CONFIG.replacen(good, bad, 1);
        let output = with_config(folder.path(), &text, &["check-update"]);
        assert_eq!(code(&output), 2, "{bad}: {}", stderr(&output));
        assert!(stderr(&output).contains("updog.toml"), "{bad}: {}", stderr(&output));
    }
}

#[test]
fn a_host_makes_its_seed_when_it_first_chooses_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = CONFIG.replace("seed = 1", "seed = \"auto\"");
    fs::write(folder.path().join("os-release"), "VARIANT_ID=demo\nVERSION_ID=1.0.0\n").unwrap();
    let record = folder.path().join("state/seed.json");
    let run = |command: &str| with_config(folder.path(), &text, &[command]);
    assert_ne!(code(&run("status")), 0, "there is no disk");
    assert!(!record.exists(), "who chooses nothing needs no seed");
    run("check-update");
    let seed = fs::read(&record).unwrap();
    run("check-update");
    assert_eq!(fs::read(&record).unwrap(), seed);
    fs::write(&record, "{}").unwrap();
    let output = run("check-update");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("seed.json is damaged"), "{}", stderr(&output));
    assert!(stderr(&output).contains("next: write"), "{}", stderr(&output));
    assert_eq!(fs::read(&record).unwrap(), b"{}");
}

#[test]
fn a_missing_disk_is_an_error_and_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("no-disk");
    let path = disk.to_str().unwrap();
    for command in ["status", "update-apply", "update-revert", "rollback"] {
        let output =
            with_config(folder.path(), CONFIG, &["--disk", path, "--active", "A", command]);
        assert_eq!(code(&output), 1, "{command}: {}", stderr(&output));
        assert!(stderr(&output).contains("no-disk"), "{command}: {}", stderr(&output));
        assert!(!disk.exists(), "{command} created {path}");
    }
}

#[test]
fn a_missing_root_is_named_before_any_request() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("os-release"), "VARIANT_ID=demo\nVERSION_ID=1.0.0\n").unwrap();
    let output = with_config(folder.path(), CONFIG, &["check-update"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("root.json"), "{}", stderr(&output));
}

//! Boots of the newer and of the older release.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use e2e::programs;
use e2e::world::{NEW, OLD, write};

use crate::world::{Host, TARGETS, json};

#[test]
fn settings_go_forward_with_an_update_and_back_with_a_rollback() {
    let host = Host::prepared();
    let before = host.setting("settings/host/name");
    let report = json(&host.migrator(&["--json", "--migrate-to-version", NEW]));
    assert_eq!((&report["outcome"], &report["from"]), (&"migrated".into(), &OLD.into()));
    assert_eq!((&report["direction"], &report["migrations"]), (&"forward".into(), &TARGETS.into()));
    assert_eq!(host.setting("settings/network/hostname"), before);
    assert_eq!(host.setting("settings/network/hostname.strength").as_deref(), Some("\"strong\""));
    assert_eq!(host.setting("settings/ntp/enabled").as_deref(), Some("true"));
    assert_eq!(host.setting("os/load-limit").as_deref(), Some("1.50"), "byte for byte");
    assert_eq!(host.setting("settings/host/name"), None);
    // Somebody changes a setting while the newer release runs.
    write(&host.datastore().join("current/live/settings/network/hostname"), "\"worker-9\"");

    let report = json(&host.migrator(&["--json", "--migrate-to-version", OLD]));
    assert_eq!(
        (&report["outcome"], &report["direction"]),
        (&"returned".into(), &"backward".into())
    );
    assert_eq!(host.setting("settings/host/name"), before, "as it was under the older release");
    assert_eq!(host.setting("settings/ntp/enabled"), None);
    // What was changed in between is not lost.
    let kept = json(&host.kept_aside("diff", &["--json"]));
    let change = &kept["kept"][0]["changes"][0];
    assert_eq!((&change["key"], &change["is"]), (&"settings.host.name".into(), &"worker-9".into()));
    let shown = host.kept_aside("diff", &[]).stdout;
    assert!(shown.contains("settings.host.name: \"worker-7\" -> \"worker-9\""), "{shown}");
    assert_eq!(host.kept_aside("carry", &[]).code, 0);
    assert_eq!(host.setting("settings/host/name").as_deref(), Some("\"worker-9\""));
    assert!(host.kept_aside("diff", &[]).stdout.contains("1 change is in the settings already"));
    assert_eq!(host.kept_aside("forget", &["--all"]).code, 0);
    assert_eq!(host.kept_aside("diff", &[]).stdout, "nothing is kept aside\n");
}

#[test]
fn an_older_release_that_never_ran_here_gets_the_settings_by_migrations_that_run_backward() {
    let host = Host::prepared();
    assert_eq!(host.boot(NEW).code, 0);
    for link in [&*format!("v{OLD}"), "v1.0"] {
        fs::remove_file(host.datastore().join(link)).unwrap();
    }
    write(&host.datastore().join("current/live/settings/network/hostname"), "\"worker-9\"");
    let report = json(&host.migrator(&["--json", "--migrate-to-version", OLD]));
    assert_eq!(
        (&report["outcome"], &report["direction"]),
        (&"migrated".into(), &"backward".into())
    );
    assert_eq!(report["migrations"], serde_json::json!([TARGETS[1], TARGETS[0]]));
    assert_eq!(host.setting("settings/host/name").as_deref(), Some("\"worker-9\""));
}

#[test]
fn a_rehearsal_shows_what_the_next_boot_would_do() {
    let host = Host::prepared();
    let run = host.migrator(&["--rehearse", "--migrate-to-version", NEW]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for line in [
        "  settings.host.name -> settings.network.hostname: \"worker-7\"",
        "  + settings.ntp.enabled: true",
        "rehearsal: nothing was changed",
    ] {
        assert!(run.stdout.lines().any(|other| other == line), "{line} is not in: {}", run.stdout);
    }
    assert!(host.setting("settings/host/name").is_some());
}

#[test]
fn the_same_boot_again_is_no_surprise() {
    let host = Host::prepared();
    assert_eq!(host.boot(NEW).code, 0);
    let current = fs::canonicalize(host.datastore().join("current")).unwrap();
    for _ in 0..2 {
        let again = json(&host.migrator(&["--json", "--migrate-to-version", NEW]));
        assert_eq!(again["outcome"], "same");
        assert_eq!(fs::canonicalize(host.datastore().join("current")).unwrap(), current);
    }
}

#[test]
fn what_runs_is_read_from_os_release() {
    let host = Host::prepared();
    host.world.os_release("small", NEW);
    let os_release = host.world.path("os-release");
    let from =
        ["--migrate-to-version-from-os-release", "--os-release-path", os_release.to_str().unwrap()];
    let report = json(&host.migrator(&[&from[..], &["--json", "--dry-run"]].concat()));
    assert_eq!((&report["to"], &report["dry_run"]), (&NEW.into(), &true.into()));
    assert!(host.setting("settings/host/name").is_some(), "nothing is changed");
    assert_eq!(host.migrator(&from).code, 0);
    assert!(host.setting("settings/network/hostname").is_some());
    write(&os_release, "VERSION_ID=12\n");
    assert_eq!(host.migrator(&from).code, 1);
}

#[test]
fn no_settings_yet_need_nothing_at_all() {
    let host = Host::prepared();
    fs::remove_dir_all(host.world.path("migrations")).unwrap();
    fs::remove_dir_all(host.datastore()).unwrap();
    let run = host.boot(NEW);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("there is no data store at "), "{}", run.stdout);
    assert!(!host.datastore().exists());
}

#[test]
fn exit_codes_tell_what_kind_of_failure_it_is() {
    let host = Host::prepared();
    assert_eq!(programs::run("migrator", &["--migrate-to-version", NEW]).code, 2);
    assert_eq!(host.boot("one").code, 2);
    let gap = host.boot("3.0.0");
    assert_eq!(gap.code, 4);
    assert!(gap.stderr.contains("no step between 1.1.0 and 3.0.0"), "{}", gap.stderr);
    let link = host.datastore().join("v1");
    fs::remove_file(&link).unwrap();
    symlink("v1.9", link).unwrap();
    let damaged = host.boot(NEW);
    assert_eq!(damaged.code, 1);
    assert!(damaged.stderr.contains("v1.9 is damaged"), "{}", damaged.stderr);
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let host = Host::prepared();
    let datastore = host.datastore();
    let mut flock = std::process::Command::new("flock");
    flock.arg(&datastore).args(["-c", "echo locked; cat"]);
    let mut holder = flock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut locked = [0; 7];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut locked).unwrap();
    assert_eq!(host.boot(NEW).code, 75);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(host.boot(NEW).code, 0);
}

//! How a boot fails, and what is said about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use e2e::programs::{self, Finished};
use e2e::world::{NEW, Part, write};
use gptprio::{BootBits, SetId};
use serde_json::Value;

use super::host::Host;

#[test]
fn a_kernel_image_that_was_not_loaded_is_recorded_and_the_set_given_up() {
    let host = Host::new();
    host.world.configure(&host.config("tries = 3\n"));
    host.start();
    host.must(&["health"]);
    host.must(&["update"]);
    // The selector spends a try of set B, cannot load it, and goes on to A in the same boot.
    host.start_with(|sets| {
        let (_, after) = gptprio::start(sets)?;
        let (choice, without) = gptprio::start(&after.with(SetId::B, BootBits::CLEAR))?;
        Some((choice, without.with(SetId::B, after.bits(SetId::B)?)))
    });
    assert_eq!((host.active.get(), host.world.next()), (SetId::A, Some(SetId::B)));
    host.selector_says_failed("its boot partition cannot be started: it is empty");
    host.must(&["health"]);
    let cause = "kernel image not loaded: its boot partition cannot be started: it is empty";
    assert_eq!(host.boot_of(NEW), ("failed".into(), cause.into()));
    assert_eq!(host.world.next(), Some(SetId::A), "what failed is not started again");
    let apply = host.updog(&["update-apply"]);
    assert_eq!(apply.code, 4, "nor made to by hand: {}", apply.stderr);
    assert!(apply.stderr.contains("clear-failure"), "{}", apply.stderr);
}

#[test]
fn a_set_that_left_no_word_is_looked_at_and_the_damage_named() {
    for (part, offset, wanted) in [
        (Part::Root, 5 * 4096 + 7, "block 5"),
        (Part::Boot, 8192, "the boot partition holds SHA-256"),
        (Part::Hash, 2 * 4096 + 9, "hash block 0 of level 0 (block 2"),
        (Part::Hash, 9, "hash partition"),
    ] {
        let host = Host::updated();
        host.flip(part, offset);
        assert_eq!(host.start(), SetId::A);
        host.must(&["health"]);
        let (outcome, cause) = host.boot_of(NEW);
        let cause = cause.as_str().unwrap();
        assert_eq!(outcome, "failed");
        assert!(cause.starts_with("corruption: ") && cause.contains(wanted), "{cause}");
    }
}

#[test]
fn a_set_that_is_whole_and_was_never_heard_of_never_reached_userland() {
    let host = Host::updated();
    assert_eq!(host.start(), SetId::A);
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("failed".into(), "never reached userland".into()));
}

#[test]
fn a_panic_of_which_the_kernel_left_a_record_is_told() {
    let host = Host::updated();
    let record = "<0>[ 1.1] Kernel panic - not syncing: Attempted to kill init!\n";
    write(&host.world.path("pstore/dmesg-efi-170000000001"), record);
    assert_eq!(host.start(), SetId::A);
    host.must(&["health"]);
    let cause = "kernel panic: Attempted to kill init!";
    assert_eq!(host.boot_of(NEW), ("failed".into(), cause.into()));
}

#[test]
fn checks_that_were_cut_off_are_a_time_out() {
    let host = Host::updated();
    host.check("10-hangs", "kill -9 $PPID");
    let arguments = host.world.updog_arguments(SetId::B, &["health"]);
    let killed = programs::command("updog").args(arguments).status().unwrap();
    assert_eq!(killed.code(), None);
    host.check("10-hangs", "exit 0");
    assert_eq!(host.boot_of(NEW).0, "unproven");
    assert_eq!(host.start(), SetId::A);
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("failed".into(), "time-out".into()));
}

#[test]
fn a_check_that_passes_too_late_has_failed() {
    let host = Host::updated();
    host.world.configure(&host.config("").replace("seconds = 30", "seconds = 1"));
    host.world.os_release("small", NEW);
    host.check("10-late", "sleep 3600");
    let health = host.updog(&["health"]);
    assert_eq!(health.code, 1, "{}", health.stderr);
    // It did not end within it, or on a slow machine was not even begun.
    assert!(health.stderr.contains("the time limit of 1 s"), "{}", health.stderr);
    assert!(host.restarted());
}

/// Runs `health --dry-run` of a host that needs `x.service`, with a `systemctl` that says this.
fn health_with(host: &Host, active: &str, show: &str) -> Finished {
    let section = "[health]\nunits = ['x.service']\nsettle_seconds = 1\n";
    host.world.configure(&host.config("").replace("[health]\n", section));
    host.world.os_release("small", NEW);
    let bin = host.world.path("bin");
    fs::create_dir_all(&bin).unwrap();
    let systemctl = bin.join("systemctl");
    let script = format!(
        "#!/bin/sh\nread up rest < /proc/uptime\ncase \"$1 $3 $4\" in\n\
         'is-active x.service ') echo {active};;\n'show -- x.service') {show};;\n\
         status*) printf 'x\\n\\nno disk\\n';;\nesac\n"
    );
    write(&systemctl, script);
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let arguments = host.world.updog_arguments(SetId::B, &["--json", "health", "--dry-run"]);
    programs::finished(programs::command("updog").args(arguments).env("PATH", path))
}

/// What `systemctl` shows of a run with this identity that began then, in microseconds.
fn shows(invocation: &str, since: &str) -> String {
    format!(
        "printf 'ActiveState=active\\nSubState=running\\nNRestarts=0\\nInvocationID=%032d\\n\
         ActiveEnterTimestampMonotonic=%s\\n' {invocation} {since}"
    )
}

#[test]
fn units_of_systemd_have_to_be_active() {
    let host = Host::updated();
    let well = health_with(&host, "active", &shows("1", "1"));
    assert_eq!(well.code, 0, "{}", well.stderr);
    let failed = health_with(&host, "failed", &shows("1", "1"));
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("unit x.service (failed)"), "{}", failed.stderr);
    let report: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(
        (&report["cause"], &report["detail"]),
        (&"unit x.service".into(), &"no disk\n\nfailed".into())
    );
}

#[test]
fn a_unit_that_is_started_again_and_again_has_failed_although_it_is_active() {
    let host = Host::updated();
    // Another process each time that it is asked for, which begins only later, so that no look finds it settled.
    let failed = health_with(&host, "active", &shows("$$", "${up%.*}${up#*.}00000"));
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    let report: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(report["cause"], "unit x.service");
    let detail = report["detail"].as_str().unwrap();
    assert_eq!(detail, "no disk\n\nwas started again while it was watched");
}

#[test]
fn a_flipped_bit_that_no_start_has_read_keeps_an_update_from_being_good() {
    for (part, offset, wanted) in [
        (Part::Root, 5 * 4096 + 7, "block 5"),
        (Part::Boot, 8192, "the boot partition holds SHA-256"),
        (Part::Hash, 2 * 4096 + 9, "hash block 0 of level 0 (block 2"),
    ] {
        let host = Host::updated();
        host.flip(part, offset);
        let health = host.updog(&["--json", "health"]);
        assert_eq!(health.code, 1, "{}", health.stderr);
        let report: Value = serde_json::from_str(&health.stdout).unwrap();
        let cause = report["cause"].as_str().unwrap();
        assert!(cause.starts_with("corruption: ") && cause.contains(wanted), "{cause}");
        assert!(host.restarted() && !host.world.sets().bits(SetId::B).unwrap().successful);
        assert_eq!(host.start(), SetId::A);
        host.must(&["health"]);
        assert_eq!(host.boot_of(NEW), ("failed".into(), cause.into()));
    }
}

#[test]
fn a_set_of_which_only_the_root_hash_is_known_is_read_back_as_well() {
    let host = Host::updated();
    let contents = host.recorded_root_hash();
    let says =
        |hash: &str| write(&host.world.path("cmdline"), format!("waystone.verity=1,7,{hash},ab\n"));
    says(&contents);
    fs::remove_file(host.ledger()).unwrap();
    host.flip(Part::Root, 5 * 4096 + 7);
    let health = host.updog(&["health", "--dry-run"]);
    assert!(health.stderr.contains("corruption: root partition: "), "{}", health.stderr);
    // The same version, put there by other means than those that are recorded.
    let host = Host::updated();
    write(&host.world.path("cmdline"), format!("waystone.verity=1,7,{},ab\n", "1".repeat(64)));
    let health = host.updog(&["health", "--dry-run"]);
    assert!(health.stderr.contains("corruption: hash partition: "), "{}", health.stderr);
}

#[test]
fn a_set_is_read_back_only_while_it_is_unproven_and_only_if_it_is_to_be() {
    let host = Host::updated();
    host.must(&["health"]);
    host.flip(Part::Root, 5 * 4096 + 7);
    assert!(!host.must(&["health"]).stderr.contains("reads set B back"));
    let host = Host::updated();
    host.flip(Part::Root, 5 * 4096 + 7);
    host.world.configure(&format!("{}verify_set = false\n", host.config("")));
    host.world.os_release("small", NEW);
    host.must(&["health"]);
}

#[test]
fn an_update_before_health_has_run_knows_what_has_failed() {
    let host = Host::updated();
    assert_eq!(host.start(), SetId::A);
    assert_eq!(host.boot_of(NEW).0, "waiting", "nothing is noted yet");
    let update = host.updog(&["update"]);
    assert_eq!(update.code, 3, "{}{}", update.stdout, update.stderr);
    assert!(update.stderr.contains("never reached userland"), "{}", update.stderr);
    assert_eq!(host.boot_of(NEW).0, "waiting", "an update notes no start");
}

//! How a boot fails, and what is said about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use e2e::programs;
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
    assert!(
        health.stderr.contains("did not end within the time limit of 1 s"),
        "{}",
        health.stderr
    );
    assert!(host.restarted());
}

#[test]
fn units_of_systemd_have_to_be_active() {
    let host = Host::updated();
    host.world
        .configure(&host.config("").replace("[health]\n", "[health]\nunits = ['x.service']\n"));
    host.world.os_release("small", NEW);
    let bin = host.world.path("bin");
    fs::create_dir(&bin).unwrap();
    let systemctl = bin.join("systemctl");
    let health = |answer: &str| {
        write(
            &systemctl,
            format!(
                "#!/bin/sh\ncase \"$1 $3\" in\n\
             'is-active x.service') echo {answer};;\nstatus*) printf 'x\\n\\nno disk\\n';;\nesac\n"
            ),
        );
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let arguments = host.world.updog_arguments(SetId::B, &["--json", "health", "--dry-run"]);
        programs::finished(programs::command("updog").args(arguments).env("PATH", path))
    };
    assert_eq!(health("active").code, 0);
    let failed = health("failed");
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("unit x.service (failed)"), "{}", failed.stderr);
    let report: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(
        (&report["cause"], &report["detail"]),
        (&"unit x.service".into(), &"no disk\n\nfailed".into())
    );
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

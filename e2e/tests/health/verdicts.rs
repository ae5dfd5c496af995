//! What is marked good, what gives way, what is remembered and not tried again.

use std::fs;
use std::thread;

use e2e::programs;
use e2e::world::{NEW, OLD, write};
use gptprio::{SetId, Tries};
use serde_json::Value;
use signpost::{Access, Disk};

use super::host::Host;

#[test]
fn a_boot_that_passes_its_checks_is_marked_good_and_gets_new_tries() {
    let host = Host::updated();
    host.check("10-fine", "exit 0");
    let health = host.must(&["--json", "health"]);
    let report: Value = serde_json::from_str(&health.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["version"]), (&"good".into(), &NEW.into()));
    let bits = host.world.sets().bits(SetId::B).unwrap();
    assert!(bits.successful && bits.tries == Tries::REARM);
    assert!(!host.restarted());
    let status = host.status();
    assert_eq!(status["failed_versions"], Value::Array(vec![]));
    assert_eq!(host.boot_of(NEW), ("good".into(), Value::Null));
    assert_eq!(host.boot_of(OLD).0, "good");
}

#[test]
fn an_update_that_fails_its_check_gives_way_and_is_not_taken_again() {
    let host = Host::updated();
    host.check("10-net", "echo no route to anywhere >&2; exit 7");
    let health = host.updog(&["health"]);
    assert_eq!(health.code, 1, "{}", health.stderr);
    assert!(health.stderr.contains("health check 10-net"), "{}", health.stderr);
    assert!(host.restarted() && !host.world.sets().bits(SetId::B).unwrap().successful);

    assert_eq!(host.start(), SetId::A);
    host.check("10-net", "exit 0");
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("failed".into(), "health check 10-net".into()));
    let status = host.must(&["status"]).stdout;
    assert!(status.contains("no route to anywhere"), "{status}");

    let check = host.updog(&["check-update"]);
    assert_eq!(check.code, 3, "{}", check.stderr);
    assert!(check.stdout.contains("health check 10-net"), "{}", check.stdout);
    assert_eq!(host.updog(&["update"]).code, 3);
    let forced = host.updog(&["update", "-i", NEW]);
    assert_eq!(forced.code, 4, "{}", forced.stderr);
    assert!(forced.stderr.contains("updog clear-failure 1.1.0"), "{}", forced.stderr);

    host.must(&["clear-failure", NEW]);
    assert_eq!(host.updog(&["clear-failure", "--all"]).code, 3);
    assert_eq!(host.must(&["check-update"]).code, 0);
    host.must(&["update"]);
    assert_eq!(host.start(), SetId::B);
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("good".into(), Value::Null));
}

#[test]
fn a_damaged_ledger_is_kept_aside_and_keeps_no_boot_from_being_good() {
    let host = Host::updated();
    write(&host.ledger(), "{\"format\":1,");
    assert!(host.must(&["status"]).stdout.contains("is damaged"));
    assert_eq!(host.updog(&["check-update"]).code, 1, "what has failed here is not known");
    let health = host.must(&["health"]);
    assert!(health.stderr.contains("boots.damaged-1.json"), "{}", health.stderr);
    assert_eq!(fs::read(host.world.path("state/boots.damaged-1.json")).unwrap(), b"{\"format\":1,");
    assert!(host.world.sets().bits(SetId::B).unwrap().successful);
    assert_eq!(host.boot_of(NEW), ("good".into(), Value::Null));
}

#[test]
fn a_good_set_that_breaks_gives_way_after_as_many_starts_as_it_had_tries() {
    let host = Host::updated();
    host.must(&["health"]);
    host.check("10-net", "exit 1");
    for _ in 0..3 {
        assert_eq!(host.start(), SetId::B);
        assert_eq!(host.updog(&["health"]).code, 1);
        assert!(host.restarted());
    }
    assert_eq!(host.start(), SetId::A);
    host.check("10-net", "exit 0");
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("failed".into(), "health check 10-net".into()));
    assert_eq!(host.updog(&["check-update"]).code, 3, "it broke here");
    assert_eq!(host.start(), SetId::A);
}

#[test]
fn a_good_set_that_panics_later_again_and_again_gives_way_and_the_panic_is_the_cause() {
    let host = Host::updated();
    host.must(&["health"]);
    // The clock of the machine is as wrong as it likes: the record is new all the same.
    for (boot, left) in [(1, 2), (2, 1), (3, 0)] {
        host.panics(boot, "dm-verity device corrupted");
        assert_eq!(host.start(), SetId::B);
        let health = host.must(&["health"]);
        assert!(
            health.stderr.contains(&format!("no new tries and has {left} left")),
            "{}",
            health.stderr
        );
        assert_eq!(host.world.sets().bits(SetId::B).unwrap().tries.value(), left);
        let status = host.must(&["status"]).stdout;
        assert!(status.contains("1.1.0 in set B: good, but ended in a panic before"), "{status}");
    }
    host.panics(4, "dm-verity device corrupted");
    assert_eq!(host.start(), SetId::A);
    host.must(&["health"]);
    let cause = "kernel panic: dm-verity device corrupted";
    assert_eq!(host.boot_of(NEW), ("failed".into(), cause.into()));
    assert_eq!(host.boot_of(OLD), ("good".into(), Value::Null));
    assert_eq!(host.updog(&["check-update"]).code, 3, "it broke here");
    assert_eq!(host.world.sets().bits(SetId::A).unwrap().tries, Tries::REARM);
}

#[test]
fn a_boot_that_cannot_be_marked_says_so_and_can_be_marked_later() {
    let host = Host::updated();
    host.world.configure(&format!("{}verify_set = false\n", host.config("")));
    host.world.os_release("small", NEW);
    let (disk, saved) = (host.world.disk(), host.world.path("saved.img"));
    let (disk_text, saved_text) = (disk.display(), saved.display());
    // The disk is gone when the checks are done.
    host.check("10-disk", &format!("mv '{disk_text}' '{saved_text}'; : > '{disk_text}'"));
    let health = host.updog(&["health"]);
    assert_ne!(health.code, 0, "{}", health.stderr);
    fs::rename(&saved, &disk).unwrap();
    let (outcome, cause) = host.boot_of(NEW);
    assert!(
        outcome == "unproven" && cause.as_str().unwrap().starts_with("cannot mark: "),
        "{cause}"
    );
    assert!(!host.restarted(), "the boot is well");
    host.check("10-disk", "exit 0");
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("good".into(), Value::Null));
}

#[test]
fn a_rollback_is_no_failure() {
    let host = Host::updated();
    host.must(&["health"]);
    host.must(&["rollback"]);
    assert_eq!(host.start(), SetId::A);
    host.must(&["health"]);
    assert_eq!(host.boot_of(NEW), ("good".into(), Value::Null));
    host.must(&["rollback"]);
    assert_eq!(host.start(), SetId::B);
    host.must(&["health"]);
    assert_eq!(host.boot_of(OLD), ("good".into(), Value::Null));
    assert_eq!(host.status()["failed_versions"], Value::Array(vec![]));
}

#[test]
fn a_host_without_another_set_stays_up_and_says_why() {
    let host = Host::new();
    host.start();
    host.check("10-net", "echo cable >&2; exit 1");
    let health = host.updog(&["--json", "health"]);
    assert_eq!(health.code, 1, "{}", health.stderr);
    let report: Value = serde_json::from_str(&health.stdout).unwrap();
    assert_eq!(report["verdict"], "stay-up");
    assert_eq!(report["cause"], "health check 10-net");
    assert!(!host.restarted(), "it would only come back to the same set");
    assert_eq!(host.boot_of(OLD), ("failed".into(), "health check 10-net".into()));
}

#[test]
fn a_dry_run_says_the_same_and_notes_nothing() {
    let host = Host::updated();
    let before = (fs::read(host.world.disk()).unwrap(), fs::read(host.ledger()).unwrap());
    assert_eq!(host.updog(&["health", "--dry-run"]).code, 0);
    host.check("10-net", "exit 1");
    assert_eq!(host.updog(&["health", "--dry-run"]).code, 1);
    assert!(!host.restarted());
    assert!(before == (fs::read(host.world.disk()).unwrap(), fs::read(host.ledger()).unwrap()));
}

#[test]
fn a_played_machine_whose_health_cannot_be_looked_at_is_left_alone() {
    let host = Host::updated();
    host.selector_says_failed("x");
    let before = (fs::read(host.world.disk()).unwrap(), fs::read(host.ledger()).unwrap());
    fs::remove_file(host.world.path("os-release")).unwrap();
    let health = host.updog(&["health"]);
    assert!(health.code == 1 && health.stderr.contains("os-release"), "{}", health.stderr);
    host.world.configure("[health]\ntime_limit_second = 3");
    let health = host.updog(&["health"]);
    assert!(health.code == 2 && health.stderr.contains("time_limit_second"), "{}", health.stderr);
    assert!(!health.stderr.contains("is not good"), "{}", health.stderr);
    assert!(!host.restarted());
    assert!(before == (fs::read(host.world.disk()).unwrap(), fs::read(host.ledger()).unwrap()));
}

#[test]
fn a_ledger_that_cannot_be_written_keeps_no_boot_from_being_good() {
    let host = Host::new();
    host.start();
    write(&host.world.path("state"), "no folder");
    let health = host.must(&["health"]);
    assert!(health.stderr.contains("nothing is noted"), "{}", health.stderr);
    assert!(host.world.sets().bits(SetId::A).unwrap().tries == Tries::REARM);
}

#[test]
fn health_waits_for_whoever_changes_the_disk() {
    let host = Host::new();
    host.start();
    let asked = host.world.path("asked");
    host.check("10-busy", &format!("touch '{}'", asked.display()));
    let disk = Disk::open(&host.world.disk(), Access::Write).unwrap();
    let arguments = host.world.updog_arguments(SetId::A, &["health"]);
    let mut health = programs::command("updog").args(arguments).spawn().unwrap();
    while !asked.exists() {
        thread::yield_now();
    }
    // Long enough for one that does not wait to be gone.
    (0..5).for_each(|_| drop(host.status()));
    assert!(health.try_wait().unwrap().is_none(), "it does not wait");
    assert_eq!(host.world.sets().bits(SetId::A).unwrap().tries, Tries::ZERO);
    drop(disk);
    assert!(health.wait().unwrap().success());
    assert_eq!(host.world.sets().bits(SetId::A).unwrap().tries, Tries::REARM);
}

//! A host whose boots are judged: what is marked good, what gives way, what is remembered and not tried again.
//!
//! The machine is played: a start is what `gptprio` says about the disk, a new boot is a new name for it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use e2e::programs::{self, Finished};
use e2e::world::{NEW, OLD, World, write};
use gptprio::{SetId, Sets, Tries};
use serde_json::Value;
use signpost::{Access, Disk};

const HEALTH: &str = "restart_command = ['touch', 'RESTARTED']\n[health]\nchecks_dirs = ['checks']\n\
    time_limit_seconds = 30\nwatchdog = 'none'\nboot_id_path = 'boot-id'\nefivars_dir = 'efivars'\n\
    command_line_path = 'cmdline'\npstore_dirs = ['pstore']\n";

/// A host that is started again and again.
struct Host {
    world: World,
    boots: Cell<u32>,
    active: Cell<SetId>,
}

impl Host {
    fn new() -> Self {
        let world = World::new();
        for folder in ["checks", "efivars", "pstore"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        let restarted = world.path("restarted");
        world.configure(&HEALTH.replace("RESTARTED", restarted.to_str().unwrap()));
        Self { world, boots: Cell::new(0), active: Cell::new(SetId::A) }
    }

    /// Starts what the boot bits say, and spends a try, as the boot selector does.
    fn start(&self) -> SetId {
        self.start_with(gptprio::start)
    }

    fn start_with(&self, rule: impl Fn(&Sets) -> Option<(gptprio::Choice, Sets)>) -> SetId {
        let mut disk = Disk::open(&self.world.disk(), Access::Write).unwrap();
        let state = disk.state(self.active.get());
        let (choice, sets) = rule(&state.sets).unwrap();
        disk.store(&gptprio::State { sets, ..state }).unwrap();
        self.active.set(choice.set);
        self.boots.set(self.boots.get() + 1);
        write(&self.world.path("boot-id"), format!("boot-{}\n", self.boots.get()));
        let _ = fs::remove_file(self.world.path("restarted"));
        let version = disk.release(choice.set).unwrap().version;
        self.world.os_release("small", &version);
        choice.set
    }

    fn updog(&self, arguments: &[&str]) -> Finished {
        programs::run("updog", &self.world.updog_arguments(self.active.get(), arguments))
    }

    fn must(&self, arguments: &[&str]) -> Finished {
        let run = self.updog(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
        run
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.must(&["--json", "status"]).stdout).unwrap()
    }

    /// The last attempt of a version: outcome and cause.
    fn boot_of(&self, version: &str) -> (String, Value) {
        let status = self.status();
        let boots = status["boots"].as_array().unwrap().iter();
        let boot = boots.rev().find(|boot| boot["version"] == version).expect("it is noted");
        (boot["outcome"].as_str().unwrap().to_owned(), boot["cause"].clone())
    }

    fn check(&self, name: &str, script: &str) {
        let path = self.world.path("checks").join(name);
        write(&path, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn restarted(&self) -> bool {
        self.world.path("restarted").exists()
    }

    fn ledger(&self) -> PathBuf {
        self.world.path("state/boots.json")
    }

    /// Boots the old release, installs the newer one and starts it.
    fn updated() -> Self {
        let host = Self::new();
        host.start();
        host.must(&["health"]);
        host.must(&["update"]);
        assert_eq!(host.boot_of(NEW).0, "waiting");
        assert_eq!(host.start(), SetId::B);
        host
    }
}

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

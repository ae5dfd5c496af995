//! A host whose boots are judged: what is marked good, what gives way, what is remembered and not tried again.
//!
//! The machine is played: a start is what `gptprio` says about the disk, a new boot is a new name for it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;

use e2e::programs::{self, Finished};
use e2e::world::{NEW, OLD, Part, World, write};
use gptprio::{BootBits, SetId, Sets, Tries};
use handover::Variable;
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
        let host = Self { world, boots: Cell::new(0), active: Cell::new(SetId::A) };
        host.world.configure(&host.config(""));
        host
    }

    /// The configuration, with more lines before its section.
    fn config(&self, more: &str) -> String {
        let restarted = self.world.path("restarted");
        format!("{more}{}", HEALTH.replace("RESTARTED", restarted.to_str().unwrap()))
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

    /// What the boot selector says in this boot: that the other set did not start.
    fn selector_says_failed(&self, why: &str) {
        let set = self.active.get();
        let text = format!(
            "\x06\0\0\0set={set}\nrule=fallback\npriority=1\ntries=0\nsuccessful=yes\nspent=no\n\
             counted=yes\ntable=good\nreason=x\nfailed={} {why}\n",
            set.other()
        );
        write(&self.world.path("efivars").join(Variable::BootReason.file_name()), text);
    }

    /// Flips a bit of a part of set B.
    fn flip(&self, part: Part, offset: u64) {
        let start = self.world.range(SetId::B, part).start;
        let disk = File::options().read(true).write(true).open(self.world.disk()).unwrap();
        let mut byte = [0];
        disk.read_exact_at(&mut byte, start + offset).unwrap();
        disk.write_all_at(&[byte[0] ^ 1], start + offset).unwrap();
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

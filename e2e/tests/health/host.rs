//! A host that is started again and again. The machine is played: a start is what `gptprio` says about the disk, a new boot is a
//! new name for it.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use e2e::programs::{self, Finished};
use e2e::world::{NEW, Part, World, write};
use gptprio::{SetId, Sets};
use handover::Variable;
use serde_json::Value;
use signpost::{Access, Disk};

const HEALTH: &str = "restart_command = ['touch', 'RESTARTED']\n[health]\nchecks_dirs = ['checks']\n\
    time_limit_seconds = 30\nwatchdog = 'none'\nboot_id_path = 'boot-id'\nefivars_dir = 'efivars'\n\
    command_line_path = 'cmdline'\npstore_dirs = ['pstore']\n";

/// A host that is started again and again.
pub(crate) struct Host {
    pub(crate) world: World,
    boots: Cell<u32>,
    pub(crate) active: Cell<SetId>,
}

impl Host {
    pub(crate) fn new() -> Self {
        let world = World::new();
        for folder in ["checks", "efivars", "pstore"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        let host = Self { world, boots: Cell::new(0), active: Cell::new(SetId::A) };
        host.world.configure(&host.config(""));
        host
    }

    /// The configuration, with more lines before its section.
    pub(crate) fn config(&self, more: &str) -> String {
        let restarted = self.world.path("restarted");
        format!("{more}{}", HEALTH.replace("RESTARTED", restarted.to_str().unwrap()))
    }

    /// Starts what the boot bits say, and spends a try, as the boot selector does.
    pub(crate) fn start(&self) -> SetId {
        self.start_with(gptprio::start)
    }

    pub(crate) fn start_with(
        &self,
        rule: impl Fn(&Sets) -> Option<(gptprio::Choice, Sets)>,
    ) -> SetId {
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

    pub(crate) fn updog(&self, arguments: &[&str]) -> Finished {
        programs::run("updog", &self.world.updog_arguments(self.active.get(), arguments))
    }

    pub(crate) fn must(&self, arguments: &[&str]) -> Finished {
        let run = self.updog(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
        run
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.must(&["--json", "status"]).stdout).unwrap()
    }

    /// The last attempt of a version: outcome and cause.
    pub(crate) fn boot_of(&self, version: &str) -> (String, Value) {
        let status = self.status();
        let boots = status["boots"].as_array().unwrap().iter();
        let boot = boots.rev().find(|boot| boot["version"] == version).expect("it is noted");
        (boot["outcome"].as_str().unwrap().to_owned(), boot["cause"].clone())
    }

    pub(crate) fn check(&self, name: &str, script: &str) {
        let path = self.world.path("checks").join(name);
        write(&path, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn restarted(&self) -> bool {
        self.world.path("restarted").exists()
    }

    /// What the boot selector says in this boot: that the other set did not start.
    pub(crate) fn selector_says_failed(&self, why: &str) {
        let set = self.active.get();
        let text = format!(
            "\x06\0\0\0set={set}\nrule=fallback\npriority=1\ntries=0\nsuccessful=yes\nspent=no\n\
             counted=yes\ntable=good\nreason=x\nfailed={} {why}\n",
            set.other()
        );
        write(&self.world.path("efivars").join(Variable::BootReason.file_name()), text);
    }

    /// The kernel panics and leaves a record, dated long ago.
    pub(crate) fn panics(&self, number: u32, why: &str) {
        let path = self.world.path(&format!("pstore/dmesg-efi-{number}"));
        write(&path, format!("<0>[ {number}.1] Kernel panic - not syncing: {why}\n"));
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }

    /// Flips a bit of a part of set B.
    pub(crate) fn flip(&self, part: Part, offset: u64) {
        let start = self.world.range(SetId::B, part).start;
        let disk = File::options().read(true).write(true).open(self.world.disk()).unwrap();
        let mut byte = [0];
        disk.read_exact_at(&mut byte, start + offset).unwrap();
        disk.write_all_at(&[byte[0] ^ 1], start + offset).unwrap();
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.world.path("state/boots.json")
    }

    /// The root hash of what was installed last.
    pub(crate) fn recorded_root_hash(&self) -> String {
        let ledger: Value = serde_json::from_slice(&fs::read(self.ledger()).unwrap()).unwrap();
        let last = ledger["attempts"].as_array().unwrap().last().unwrap();
        last["root_hash"].as_str().unwrap().to_owned()
    }

    /// Boots the old release, installs the newer one and starts it.
    pub(crate) fn updated() -> Self {
        let host = Self::new();
        host.start();
        host.must(&["health"]);
        host.must(&["update"]);
        assert_eq!(host.boot_of(NEW).0, "waiting");
        assert_eq!(host.start(), SetId::B);
        host
    }
}

//! A host with settings, whose next release has two real migrations.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use e2e::programs::{self, Finished};
use e2e::world::{NEW, OLD, World, text, write};
use serde_json::Value;

/// Names of the migrations' targets.
pub(crate) const TARGETS: [&str; 2] =
    ["migrate_v1.1.0_hostname.lz4", "migrate_v1.1.0_ntp-servers.lz4"];

pub(crate) struct Host {
    pub(crate) world: World,
}

impl Host {
    /// A host of the older release, which has prepared for the newer one.
    pub(crate) fn prepared() -> Self {
        let world = World::unpublished();
        let folder = world.path("migrations-of");
        fs::create_dir_all(&folder).unwrap();
        let files = [
            ("hostname", "migrate_v1.1.0_hostname"),
            ("ntp-servers", "migrate_v1.1.0_ntp-servers"),
        ];
        for (program, file) in files {
            fs::copy(built().join(program), folder.join(file)).unwrap();
        }
        let names = files.map(|(_, file)| file);
        let listing = format!("[[migrations]]\nfrom = '{OLD}'\nto = '{NEW}'\nfiles = {names:?}\n");
        write(&folder.join("migrations.toml"), listing);
        world.publish(NEW, &["--migrations", text(&folder)]);
        assert_eq!(world.updog(&["prepare"]).code, 0);
        let host = Self { world };
        host.settle();
        host
    }

    /// The settings of the golden store, as those of the older release.
    fn settle(&self) {
        let store = format!("v{OLD}_0123456789abcdef");
        let golden =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/datastore/v1.5.2_0123456789abcdef");
        fs::create_dir(self.datastore()).unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(golden).arg(self.datastore().join(&store));
        assert_eq!(programs::finished(&mut copy).code, 0);
        for (link, to) in [
            (&*format!("v{OLD}"), &*store),
            ("v1.0", &format!("v{OLD}")),
            ("v1", "v1.0"),
            ("current", "v1"),
        ] {
            symlink(to, self.datastore().join(link)).unwrap();
        }
    }

    pub(crate) fn datastore(&self) -> PathBuf {
        self.world.path("datastore")
    }

    /// Runs `migrator` as a boot of this version does.
    pub(crate) fn boot(&self, version: &str) -> Finished {
        self.migrator(&["--migrate-to-version", version])
    }

    /// Runs `migrator` with what `updog` has kept.
    pub(crate) fn migrator(&self, more: &[&str]) -> Finished {
        programs::finished(&mut self.command(more))
    }

    /// Boots as [`Self::boot`] does, with a clock that shows this time.
    pub(crate) fn boot_at(&self, time: &str, version: &str) -> Finished {
        let boot = self.command(&["--migrate-to-version", version]);
        let mut faked = Command::new("faketime");
        // The clock that only ever runs forward is not set by anybody.
        faked.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").args(["-f", time]);
        programs::finished(faked.arg(boot.get_program()).args(boot.get_args()))
    }

    fn command(&self, more: &[&str]) -> Command {
        let path = |name: &str| self.world.path(name);
        let mut command = programs::command("migrator");
        command
            .arg("--datastore-path")
            .arg(self.datastore().join("current"))
            .arg("--migration-directory")
            .arg(path("migrations/current/targets"))
            .arg("--metadata-directory")
            .arg(path("migrations/current/metadata"))
            .arg("--root-path")
            .arg(path("root.json"))
            .args(more);
        command
    }

    /// Runs `migrator` about what is kept aside.
    pub(crate) fn kept_aside(&self, subcommand: &str, more: &[&str]) -> Finished {
        let mut command = programs::command("migrator");
        command.arg(subcommand).arg("--datastore-path").arg(self.datastore().join("current"));
        programs::finished(command.args(more))
    }

    /// The file of a kept target.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        let folder = self.world.path("migrations/current/targets");
        let mut paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.find(|path| text(path).ends_with(&format!(".{name}"))).unwrap()
    }

    /// The text of a setting that is live.
    pub(crate) fn setting(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.datastore().join("current/live").join(path)).ok()
    }
}

/// The report that was printed.
pub(crate) fn json(run: &Finished) -> Value {
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The folder with the migrations' programs, which are built once a process unless they are where all programs are.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(programs) = std::env::var_os("WAYSTONE_PROGRAMS") {
            return programs.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--bins", "--package", "migrations"]);
        assert!(build.status().unwrap().success());
        // target/debug/deps/this-test → target/debug
        std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
    })
}

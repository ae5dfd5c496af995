//! Releases of the tiny system: good ones, and bad ones of several kinds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::case::Failure;
use super::host_files::settings;

/// What a release is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// It does what it is to do.
    Good,
    /// Its kernel finds no first program, and panics.
    Panics,
    /// The first program of its initial RAM filesystem finds none in the root.
    NoFirstProgram,
    /// Its userland stops before anybody looked at its health.
    Hangs,
    /// Its health check fails.
    FailsCheck,
    /// Its health check passes, long after the time for it is over.
    PassesLate,
    /// Its configuration makes no sense.
    BadSettings,
    /// Its health check fails, the command that is to restart it does nothing, and its health leaves the watchdog alone.
    CannotRestart,
    /// The program that looks at its health is stopped by its own check.
    StopsHealth,
    /// Each boot carries the settings, and its health check asks whether it could.
    Carries,
}

/// What the check of a release does, and how its programs are set.
const CHECK: &str = "usr/lib/guest/check";
const SETTINGS: &str = "etc/updog.toml";

/// The steps that a release brings along.
const STEPS: &str = "usr/lib/guest/steps";

/// What a boot does to have the settings of its own version.
pub(super) const CARRY: &str = "migrator --datastore-path /var/lib/waystone/datastore/current --root-path /usr/share/updog/root.json \
     --metadata-directory /var/lib/waystone-migrations/current/metadata --migration-directory /var/lib/waystone-migrations/current/targets \
     --migrate-to-version-from-os-release";

/// What the failing check says.
pub(super) const COMPLAINT: &str = "the service does not answer";

/// A release that was built.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// The folder with its images and its build report.
    pub(super) parts: PathBuf,
}

impl Flavour {
    /// What is added to the kernel's command line.
    pub(super) fn command_line(self) -> &'static str {
        match self {
            Self::Panics => " rdinit=/nothing",
            Self::NoFirstProgram => " init=/sbin/nothing",
            // Long enough for a slow computer to get as far as the hanging step.
            Self::Hangs | Self::StopsHealth => " waystone.watchdog=10",
            _ => "",
        }
    }

    /// The files of the root that are others than a good release has, and what is in them.
    pub(super) fn files(self) -> Vec<(&'static str, String)> {
        let check = |text: &str| (CHECK, format!("{text}\n"));
        match self {
            Self::Good | Self::Panics | Self::NoFirstProgram => Vec::new(),
            Self::Hangs => vec![(STEPS, "hang\n".to_owned())],
            Self::FailsCheck => vec![check(&format!("fail {COMPLAINT}"))],
            Self::PassesLate => vec![check("late 600")],
            Self::BadSettings => vec![(SETTINGS, "seed = 'many'\n".to_owned())],
            Self::CannotRestart => {
                // The section of health is the last one.
                vec![check("stuck"), (SETTINGS, format!("{}watchdog = 'none'\n", settings()))]
            }
            Self::StopsHealth => vec![check("stop")],
            Self::Carries => vec![(STEPS, format!("{CARRY}\n")), check("carried")],
        }
    }
}

impl Release {
    /// The root hash.
    ///
    /// # Errors
    ///
    /// Fails if the build report does not name it.
    pub(super) fn root_hash(&self) -> Result<String, Failure> {
        self.fact("/verity/root_hash")
    }

    /// A text of the build report.
    ///
    /// # Errors
    ///
    /// Fails if there is none.
    pub(super) fn fact(&self, pointer: &str) -> Result<String, Failure> {
        let report: Value = serde_json::from_slice(&read(&self.parts.join("build-report.json"))?)
            .unwrap_or_default();
        let fact = report.pointer(pointer).and_then(Value::as_str);
        fact.map(str::to_owned).ok_or_else(|| Failure::new(&format!("no {pointer} in the report")))
    }

    /// An image by the name of its file.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub(super) fn image(&self, name: &str) -> Result<Vec<u8>, Failure> {
        read(&self.parts.join(name))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|cause| Failure::io("read", path, &cause))
}

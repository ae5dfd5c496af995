//! Ways in which a release can be bad.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::Result;
use crate::partition::Partitions;
use crate::place;

/// What is wrong with the release that nobody tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Broken {
    /// The container runtime does not take its new configuration
    Unit,
    /// A health check that the release itself brings says no
    Health,
    /// The kernel panics while the system starts
    Panic,
    /// The system never gets as far as its health checks: the watchdog has to end it
    Hang,
    /// A bit of the root image flips on the disk, after it was installed and checked
    Corrupt,
    /// A migration that is published with it works before the restart only
    Settings,
}

impl Broken {
    /// In the summary and beside the step that builds it.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Unit => "its container runtime does not take its new configuration",
            Self::Health => "a health check that it brings says no",
            Self::Panic => "its kernel panics while the system starts",
            Self::Hang => "it hangs before its health is looked at",
            Self::Corrupt => "a bit of it flips on the disk, after it was installed and checked",
            Self::Settings => {
                "a migration of it works before the restart only, and not in the boot"
            }
        }
    }

    /// Files that make the release bad.
    pub(super) fn files(self) -> Option<PathBuf> {
        let name = match self {
            Self::Unit => "unit",
            Self::Health => "health",
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::Corrupt | Self::Settings => return None,
        };
        Some(place::fixture("host/broken").join(name))
    }

    /// Migrations that make the release bad, with their list.
    pub(super) fn migrations(self) -> Option<PathBuf> {
        (self == Self::Settings).then(|| place::fixture("host/broken/settings"))
    }

    /// Does to the installed release what files cannot.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be changed.
    pub(super) fn spoil(self, disk: &Path, set: char) -> Result<()> {
        match self {
            // The filesystem's first block, which every start reads.
            Self::Corrupt => Partitions::of(disk)?.flip(disk, set, "root", 1024),
            _ => Ok(()),
        }
    }

    /// What the machine says while it fails.
    pub(super) fn failing(self, version: &str, set: char) -> Vec<String> {
        let judged = |cause: &str| vec![format!("{version} in set {set} is not good: {cause}")];
        match self {
            Self::Unit => judged(self.cause()),
            Self::Health => judged(self.cause()),
            Self::Settings => judged(self.cause()),
            Self::Panic => vec!["Kernel panic - not syncing: sysrq triggered crash".to_owned()],
            Self::Hang => vec!["Software Watchdog Timer expired".to_owned()],
            Self::Corrupt => {
                vec!["Kernel panic - not syncing: dm-verity device corrupted".to_owned()]
            }
        }
    }

    /// The cause that the host tells afterwards.
    pub(super) fn cause(self) -> &'static str {
        match self {
            Self::Unit => "unit containerd.service",
            Self::Health => "health check 50-settings",
            Self::Panic => "kernel panic",
            Self::Hang => "time-out: hung before its health was looked at",
            Self::Corrupt => "corruption",
            Self::Settings => "unit migrator.service",
        }
    }
}

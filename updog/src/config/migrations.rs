//! `[migrations]`: how an update's settings are tried out before the restart.

use std::path::PathBuf;

use serde::Deserialize;

use super::Check;

/// What is told of the settings, checked.
#[derive(Clone, Debug)]
pub struct MigrationSettings {
    /// Folder of the data store.
    pub datastore: PathBuf,
    /// The migrator.
    pub program: PathBuf,
    /// Whether an update's migrations are tried out on a copy.
    pub rehearse: bool,
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMigrations {
    datastore: Option<PathBuf>,
    program: Option<PathBuf>,
    rehearse: Option<bool>,
}

impl Check<'_> {
    /// Checks the section.
    pub(super) fn migrations(&self, raw: RawMigrations) -> MigrationSettings {
        MigrationSettings {
            datastore: self.place(raw.datastore, "/var/lib/waystone/datastore"),
            program: self.place(raw.program, "/usr/bin/migrator"),
            rehearse: raw.rehearse.unwrap_or(true),
        }
    }
}

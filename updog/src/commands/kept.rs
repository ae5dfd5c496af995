//! `verify-kept`: what is kept for the next boot, verified as the next boot will. Never touches the network.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use cli::Outcome;
use semver::Version;
use serde::Serialize;

use super::Context;
use crate::error::Error;
use crate::kept::{self, Kept};

/// What is kept.
#[derive(Debug, Serialize)]
struct Report {
    /// The version that ran when it was kept.
    from: Version,
    /// The version that boots next.
    version: Version,
    /// Names of the migrations on the way, in the order of a step up.
    migrations: Vec<String>,
    /// What a migrator is given as its metadata.
    metadata_directory: PathBuf,
    /// What a migrator is given as its migrations.
    migration_directory: PathBuf,
    /// When the first part of the metadata expires; at boot that does not matter any more.
    expires: Option<DateTime<Utc>>,
}

pub(super) fn verify(context: &Context) -> Result<Outcome, Error> {
    let paths = &context.settings.paths;
    let root =
        fs::read(&paths.root).map_err(|source| Error::Root { path: paths.root.clone(), source })?;
    let Some(kept) = kept::load(&paths.migrations, &root)? else {
        context.output.note("nothing is kept for the next boot");
        return Ok(Outcome::NothingToDo);
    };
    context.output.show(&Report::of(kept))?;
    Ok(Outcome::Done)
}

impl Report {
    fn of(kept: Kept) -> Self {
        Self {
            migrations: kept.migrations.iter().map(|target| target.name().to_owned()).collect(),
            metadata_directory: kept.metadata_directory(),
            migration_directory: kept.migration_directory(),
            expires: kept.repository.expiries().first().map(|(_, at)| *at),
            from: kept.record.from,
            version: kept.record.version,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} -> {}: whole, and as signed", self.from, self.version)?;
        self.migrations.iter().try_for_each(|name| write!(out, "\n  migration {name}"))?;
        write!(out, "\n  metadata in {}", self.metadata_directory.display())?;
        write!(out, "\n  migrations in {}", self.migration_directory.display())
    }
}

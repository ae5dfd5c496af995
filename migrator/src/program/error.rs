//! What the program says when it does not do what it was asked to.

use std::io;
use std::path::PathBuf;

use cli::{Classify, Kind};
use thiserror::Error;

/// Why the program did not do what it was asked to.
#[derive(Debug, Error)]
pub(crate) enum ProgramError {
    /// Something about the data store, or what was kept for this boot.
    #[error(transparent)]
    Migrate(#[from] migrator::Error),
    /// What runs here cannot be read.
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// What runs here does not say its version.
    #[error("{}: {problem}", path.display())]
    OsRelease { path: PathBuf, problem: String },
    /// The reader of our output has gone.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl Classify for ProgramError {
    fn kind(&self) -> Kind {
        match self {
            Self::Migrate(error) => error.kind(),
            Self::Read { .. } | Self::OsRelease { .. } | Self::Output(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Migrate(error) => error.hint(),
            Self::Read { .. } | Self::OsRelease { .. } => {
                Some("say the version with --migrate-to-version".to_owned())
            }
            Self::Output(_) => None,
        }
    }
}

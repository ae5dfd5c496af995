//! What the program says when it does not do what it was asked to.

use std::io;
use std::path::PathBuf;

use cli::{Classify, Kind};
use thiserror::Error;

/// Why the program did not do what it was asked to.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// Something about the data store, or what was kept for this boot.
    #[error(transparent)]
    Migrate(#[from] crate::Error),
    /// What runs here cannot be read.
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// What runs here does not say its version.
    #[error("{}: {problem}", path.display())]
    OsRelease { path: PathBuf, problem: String },
    /// A new migration would lie where something is already.
    #[error("{} is there already", path.display())]
    Exists { path: PathBuf },
    /// A new migration cannot be written.
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The crate `migration` is not where it was said to be.
    #[error("cannot use {} as the crate `migration`", path.display())]
    Crate { path: PathBuf, source: io::Error },
    /// Nothing of this name is kept aside.
    #[error("{file} is not kept aside")]
    NotKept { file: String },
    /// The reader of our output has gone.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl Classify for ProgramError {
    fn kind(&self) -> Kind {
        match self {
            Self::Migrate(error) => error.kind(),
            Self::Exists { .. } | Self::NotKept { .. } => Kind::Refused,
            Self::Read { .. }
            | Self::OsRelease { .. }
            | Self::Write { .. }
            | Self::Crate { .. }
            | Self::Output(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Migrate(error) => error.hint(),
            Self::Read { .. } | Self::OsRelease { .. } => {
                Some("say the version with --migrate-to-version".to_owned())
            }
            Self::NotKept { .. } => Some("`migrator diff` shows the names".to_owned()),
            Self::Exists { .. } => Some("choose another name, or another --dir".to_owned()),
            Self::Crate { .. } => {
                Some("--migration-crate is the folder with its Cargo.toml".to_owned())
            }
            Self::Write { .. } | Self::Output(_) => None,
        }
    }
}

//! Why settings are not carried over.

use std::io;
use std::path::{Path, PathBuf};

use cli::{Classify, Kind};
use manifest::NoPath;
use thiserror::Error;

/// The outcome of work on a data store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why settings are not carried over. In every case but [`Error::Flip`] the store of before is the one that counts, as it was.
#[derive(Debug, Error)]
pub enum Error {
    /// The file system failed.
    #[error("cannot {action} {}", path.display())]
    Files {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process uses the data store.
    #[error("{} is in use by another process", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The links do not lead to a store.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// The link or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The store that counts is not whole, or not of the layout that is known.
    #[error("the settings cannot be used")]
    Store(#[source] datastore::Error),
    /// A file that was kept for this boot is not there.
    #[error("{}, which was kept for this boot, is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file that was kept for this boot is not what was signed.
    #[error("{}, which was kept for this boot, does not verify", path.display())]
    Unverified {
        /// The file.
        path: PathBuf,
        /// What does not agree.
        source: trust::Error,
    },
    /// The signed metadata does not list a target.
    #[error("the signed metadata does not list {name}")]
    NoTarget {
        /// Its name.
        name: String,
    },
    /// The name of a target is no plain file name.
    #[error("the target {name:?} has no plain file name")]
    Name {
        /// Its name.
        name: String,
    },
    /// The signed manifest cannot be read.
    #[error("the signed manifest cannot be read")]
    Manifest(#[source] manifest::Error),
    /// A step is missing.
    #[error(transparent)]
    Chain(#[from] NoPath),
    /// A migration cannot be unpacked.
    #[error("migration {name} cannot be unpacked")]
    Unpack {
        /// Its name.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// A migration is larger than any.
    #[error("migration {name} has more than {limit} bytes")]
    Large {
        /// Its name.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A migration cannot be started.
    #[error("migration {name} cannot be run")]
    Start {
        /// Its name.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// A migration did not succeed.
    #[error("migration {name} failed: {ended}")]
    Failed {
        /// Its name.
        name: String,
        /// How it ended.
        ended: String,
    },
    /// A migration says that it succeeded, and left no whole store.
    #[error("migration {name} left no whole data store")]
    Left {
        /// Its name.
        name: String,
        /// What is wrong with what it left.
        source: datastore::Error,
    },
    /// The links could not all be replaced, or not flushed. `current` leads to the store of before or to that of after; both are whole.
    #[error("cannot make {store} current")]
    Flip {
        /// The new store.
        store: String,
        /// The cause.
        source: Box<Self>,
    },
    /// Settings are something else by now than what a change that is kept aside was made to.
    #[error("these settings have been changed in another way since: {}", keys.join(", "))]
    Conflict {
        /// The settings.
        keys: Vec<String>,
    },
    /// Whoever looked on ended the run.
    #[error("the run was ended from outside")]
    Cut(#[source] io::Error),
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Busy { .. } => Kind::Temporary,
            Self::Store(error) if error.is_of_files() => Kind::Failed,
            Self::Store(_)
            | Self::Unverified { .. }
            | Self::NoTarget { .. }
            | Self::Name { .. }
            | Self::Manifest(_)
            | Self::Chain(_)
            | Self::Unpack { .. }
            | Self::Conflict { .. }
            | Self::Large { .. } => Kind::Refused,
            Self::Flip { source, .. } => source.kind(),
            Self::Files { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::Start { .. }
            | Self::Failed { .. }
            | Self::Left { .. }
            | Self::Cut(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Busy { .. } => "run the same command again later",
            Self::Missing { .. } | Self::Unverified { .. } => {
                "the other set still runs with these settings: go back to it and run `updog prepare`, which fetches it again"
            }
            Self::Chain(_) => {
                "publish the missing migrations with `repo-tools release add --migrations`"
            }
            Self::Failed { .. } | Self::Left { .. } | Self::Start { .. } => {
                "nothing has changed: the settings are as they were before"
            }
            Self::Conflict { .. } => {
                "see `migrator diff`; carry other settings by naming them, or these all the same with --force"
            }
            Self::Flip { .. } => "run the same command again, which finishes it",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Names what was tried on which path.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Files { action, path, source }
}

pub(crate) fn damaged(path: &Path, problem: impl ToString) -> Error {
    Error::Damaged { path: path.to_owned(), problem: problem.to_string() }
}

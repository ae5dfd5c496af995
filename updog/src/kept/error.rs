//! Why nothing can be kept, or what is kept cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use cli::Kind;
use thiserror::Error;

/// Why nothing can be kept, or what is kept cannot be used.
#[derive(Debug, Error)]
pub enum KeptError {
    /// A file or folder cannot be used.
    #[error("cannot keep {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {path}, which is kept for the next boot")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("{path} is in use by another process")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// Something is missing or makes no sense: it was whole once.
    #[error("{path}, which is kept for the next boot, is damaged: {problem}")]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something is not what was verified.
    #[error("{path}, which is kept for the next boot, does not verify")]
    Unverified {
        /// The file or folder.
        path: PathBuf,
        /// What does not agree.
        source: trust::Error,
    },
    /// The name of a target is no plain file name.
    #[error("the target {name:?} has no plain file name")]
    Name {
        /// Its name.
        name: String,
    },
}

impl KeptError {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Write { .. } | Self::Read { .. } | Self::Damaged { .. } => Kind::Failed,
            Self::Busy { .. } => Kind::Temporary,
            Self::Unverified { .. } | Self::Name { .. } => Kind::Refused,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Write { .. } => {
                Some("make room or mend the folder, then run the same command again")
            }
            Self::Damaged { .. } | Self::Unverified { .. } | Self::Read { .. } => {
                Some("run `updog prepare`, which fetches it again")
            }
            Self::Busy { .. } => Some("run the same command again later"),
            Self::Name { .. } => None,
        }
    }
}

pub(super) fn writing(path: &Path) -> impl FnOnce(io::Error) -> KeptError {
    let path = path.to_owned();
    move |source| KeptError::Write { path, source }
}

pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> KeptError {
    let path = path.to_owned();
    move |source| KeptError::Read { path, source }
}

pub(super) fn damaged(path: &Path, problem: impl ToString) -> KeptError {
    KeptError::Damaged { path: path.to_owned(), problem: problem.to_string() }
}

pub(super) fn unverified(path: &Path) -> impl FnOnce(trust::Error) -> KeptError {
    let path = path.to_owned();
    move |source| KeptError::Unverified { path, source }
}

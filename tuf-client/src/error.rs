//! Why the client did not do what it was asked to.

use std::io;
use std::path::{Path, PathBuf};

use cli::{Classify, Kind};

/// An error of this program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Trust(#[from] trust::Error),
    #[error("cannot use {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot set up HTTP")]
    Http(#[source] reqwest::Error),
    #[error("cannot fetch {what}")]
    Fetch { what: String, source: reqwest::Error },
    #[error("{0} gives no address")]
    Address(String),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("the repository has no target {0:?}")]
    NoTarget(String),
    #[error("--{0} is missing")]
    Usage(&'static str),
}

impl Error {
    /// A fault of a file or folder.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        Kind::Failed
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Trust(error) => error.hint(),
            _ => None,
        }
    }
}

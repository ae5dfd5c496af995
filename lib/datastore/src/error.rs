//! Why a store cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::NoKey;

/// The outcome of work on a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store cannot be used.
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
    /// A folder is no store, or one of another layout.
    #[error("{} is no data store of the known layout: {problem}", path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A value is not JSON, as after a write that was cut.
    #[error("{} holds no JSON value", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A value is longer than any setting.
    #[error("{} is longer than {limit} bytes", path.display())]
    Long {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Bytes are no stream of settings, or not a whole one.
    #[error("no whole stream of settings: {problem} (at byte {at})")]
    Stream {
        /// Where in it.
        at: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A name is no key.
    #[error(transparent)]
    Key(#[from] NoKey),
}

impl Error {
    /// Whether the file system failed, and not what lies in it is wrong.
    pub fn is_of_files(&self) -> bool {
        matches!(self, Self::Files { .. })
    }
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Files { action, path, source }
}

pub(crate) fn layout(path: &Path, problem: impl ToString) -> Error {
    Error::Layout { path: path.to_owned(), problem: problem.to_string() }
}

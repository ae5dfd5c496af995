//! Where metadata comes from.

use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use bytes::Bytes;

/// A repository's metadata, by file name.
pub trait MetadataSource: Sync {
    /// Fetches a file such as `2.root.json` or `timestamp.json`, of at most `limit` bytes.
    ///
    /// A delegated role's file has the role's name in it, which may hold anything: it is one name, not a path, and
    /// [`escape`](crate::escape) makes one segment of an address or one file name of it.
    ///
    /// Only an answer that says 'not found' is [`Fetched::Absent`]; everything else that is not the
    /// file is an error. A source stops reading beyond `limit` and returns [`SourceError::TooLong`].
    fn fetch(
        &self,
        name: &str,
        limit: u64,
    ) -> impl Future<Output = Result<Fetched, SourceError>> + Send;
}

/// The answer of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file.
    Bytes(Bytes),
    /// The source says that it has no such file.
    Absent,
}

/// Why a source did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file goes on beyond the limit.
    #[error("{name} is longer than the {limit} bytes that are read at most")]
    TooLong {
        /// File name.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The source failed.
    #[error("cannot fetch {name}")]
    Failed {
        /// File name, or the place it was fetched from.
        name: String,
        /// Whether the same call may work later.
        temporary: bool,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SourceError {
    /// A failure that will not pass by itself.
    pub fn failed(
        name: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { name: name.into(), temporary: false, source: source.into() }
    }

    /// A failure that may pass by itself.
    pub fn temporary(
        name: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { name: name.into(), temporary: true, source: source.into() }
    }

    /// Whether the same call may work later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Failed { temporary: true, .. })
    }
}

/// Metadata in a folder: a mounted medium, or the repository that is being written.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    folder: PathBuf,
}

impl DirectorySource {
    /// Reads from `folder`, which holds `timestamp.json` and the other files.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn read(&self, name: &str, limit: u64) -> Result<Fetched, SourceError> {
        let path = self.folder.join(crate::escape(name));
        let failed = |error| SourceError::failed(path.display().to_string(), error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Fetched::Absent),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(read).unwrap_or(u64::MAX) > limit {
            return Err(SourceError::TooLong { name: name.to_owned(), limit });
        }
        Ok(Fetched::Bytes(bytes.into()))
    }
}

impl MetadataSource for DirectorySource {
    async fn fetch(&self, name: &str, limit: u64) -> Result<Fetched, SourceError> {
        self.read(name, limit)
    }
}

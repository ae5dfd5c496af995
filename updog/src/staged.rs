//! What was written to the inactive set: remembered so that it can be checked again before it is activated.
//!
//! One small file in the state folder, replaced whole (temporary file, flush, rename, flush of the folder). It
//! is removed before the set is touched and written after the set was checked, so it never describes a
//! set that is being changed. A damaged record is an error, not an absent one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gptprio::SetId;
use manifest::Contents;
use semver::Version;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files::{flush, replace};

/// Name of the record in the state folder.
pub(crate) const FILE: &str = "staged.json";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// A release that lies, whole, in the inactive set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staged {
    /// Version of this record's format.
    format: u32,
    /// The set.
    pub set: SetId,
    /// Version of the release.
    pub version: Version,
    /// Variant of the release.
    pub variant: String,
    /// Architecture of the release.
    pub arch: String,
    /// What the set holds.
    pub contents: Contents,
}

/// Why the record cannot be read or replaced.
#[derive(Debug, Error)]
pub enum StagedError {
    /// The file or its folder cannot be used.
    #[error("cannot use the record {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is there and makes no sense.
    #[error("the record {path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file is of another version of this program.
    #[error("the record {path} has format {format}, this program knows {FORMAT}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

impl Staged {
    /// A record of what lies in `set`.
    pub fn new(
        set: SetId,
        version: Version,
        variant: String,
        arch: String,
        contents: Contents,
    ) -> Self {
        Self { format: FORMAT, set, version, variant, arch, contents }
    }

    /// The record in the state folder, if there is one.
    ///
    /// # Errors
    ///
    /// Fails when there is one that cannot be read or makes no sense.
    pub fn read(state: &Path) -> Result<Option<Self>, StagedError> {
        let path = state.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StagedError::File { path, source }),
        };
        Self::parse(&bytes, &path).map(Some)
    }

    /// The record that these bytes are, which came from `path`.
    ///
    /// # Errors
    ///
    /// Refuses bytes that make no sense, and another format.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, StagedError> {
        match serde_json::from_slice::<Self>(bytes) {
            Ok(staged) if staged.format == FORMAT => Ok(staged),
            Ok(Self { format, .. }) => Err(StagedError::Format { path: path.to_owned(), format }),
            Err(source) => Err(StagedError::Damaged { path: path.to_owned(), source }),
        }
    }

    /// Replaces the record, durably.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be made or written; the old record is then still there.
    pub fn write(&self, state: &Path) -> Result<(), StagedError> {
        let path = state.join(FILE);
        replace(state, &path, &serde_json::to_vec_pretty(self).unwrap_or_default())
            .map_err(|source| StagedError::File { path, source })
    }

    /// Removes the record, durably; it is fine if there is none.
    ///
    /// # Errors
    ///
    /// Fails when there is one that cannot be removed.
    pub fn remove(state: &Path) -> Result<(), StagedError> {
        let path = state.join(FILE);
        let removed = match fs::remove_file(&path) {
            Ok(()) => flush(state),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|source| StagedError::File { path, source })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use manifest::{Content, Digest};

    use super::*;

    fn staged() -> Staged {
        let digest = Digest::new([0xab; 32]);
        let [boot, root, hash] = [1, 4096, 8192].map(|length| Content::new(length, digest));
        let contents = Contents::new(digest, boot, root, hash);
        let version = Version::new(1, 1, 0);
        Staged::new(SetId::B, version, "demo".to_owned(), "x86_64".to_owned(), contents)
    }

    #[test]
    fn a_record_reads_back_and_can_be_removed_twice() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(Staged::read(&state).unwrap(), None);
        staged().write(&state).unwrap();
        assert_eq!(Staged::read(&state).unwrap(), Some(staged()));
        Staged::remove(&state).unwrap();
        Staged::remove(&state).unwrap();
        assert_eq!(Staged::read(&state).unwrap(), None);
    }

    #[test]
    fn a_damaged_record_is_not_an_absent_one() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", "{\"format\":1", "[]"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let error = Staged::read(folder.path()).unwrap_err();
            assert!(matches!(error, StagedError::Damaged { .. }), "{text:?}");
        }
        let mut newer = staged();
        newer.format = 2;
        newer.write(folder.path()).unwrap();
        assert!(matches!(Staged::read(folder.path()), Err(StagedError::Format { .. })));
    }
}

//! A repository at hand: a folder, or a tar file that is read in place.
//!
//! Nothing leads out of a folder, whatever lies in it. Both have `metadata/` and `targets/`, as `repo-tools mirror` writes them and as a repository has them. A tar file is opened
//! once and its members are looked up once, so that one that is replaced meanwhile is not half of each. Nothing is unpacked
//! and nothing is written.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use cli::Kind;
use thiserror::Error;
use tokio::sync::mpsc::Sender;
use trust::{Fetched, SourceError};

use super::tar::{self, Member, TarError};
use crate::http::pieces;
use crate::within;

/// How much of a target is read at a time, in bytes.
const PIECE: u64 = 256 << 10;

/// Why a bundle does not give what it should.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The bundle, or a file of it, cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is neither a folder nor a tar file that we take.
    #[error("{path} is no bundle that can be used")]
    Tar {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TarError,
    },
    /// Something that is neither file nor folder.
    #[error("{path} is no plain file")]
    NoFile {
        /// What it is.
        path: PathBuf,
    },
    /// The bundle was made without it.
    #[error("the bundle {path} does not hold {name}")]
    Absent {
        /// The bundle.
        path: PathBuf,
        /// Name of the file in it.
        name: String,
    },
    /// A file is not as long as the signed metadata says.
    #[error("the bundle {path} holds {name} with {got} bytes, where {expected} are signed for")]
    Length {
        /// The bundle.
        path: PathBuf,
        /// Name of the file in it.
        name: String,
        /// Its length.
        got: u64,
        /// The length that is signed.
        expected: u64,
    },
    /// A name from the repository would lead elsewhere.
    #[error("{name:?} is no file of a bundle")]
    Name {
        /// The name.
        name: String,
    },
    /// The receiving side gave up; it holds the reason.
    #[error("the receiver stopped")]
    Stopped,
}

impl BundleError {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Read { .. } | Self::NoFile { .. } | Self::Absent { .. } => Kind::Failed,
            Self::Tar { source: TarError::Read(_) | TarError::Truncated { .. }, .. } => {
                Kind::Failed
            }
            Self::Tar { .. } | Self::Length { .. } | Self::Name { .. } => Kind::Refused,
            Self::Stopped => Kind::Bug,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Absent { .. } => Some(
                "make the bundle again with this release, or name one that it holds with --image",
            ),
            Self::Tar { source: TarError::Truncated { .. }, .. } | Self::Length { .. } => Some(
                "copy the bundle again, and wait until the medium has it all before it is taken off",
            ),
            Self::Tar { .. } => {
                Some("give a folder or a tar file that `repo-tools mirror` made, not compressed")
            }
            _ => None,
        }
    }
}

/// A repository at hand.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(File),
    Tar(Arc<File>, HashMap<String, Member>),
}

impl Bundle {
    /// The bundle at `path`: a folder, or a tar file.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read, and refuses a tar file that could be read in two ways or ends early.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let read = |source| BundleError::Read { path: path.to_owned(), source };
        let kind = fs::metadata(path).map_err(read)?;
        let place = if kind.is_dir() {
            Place::Folder(File::open(path).map_err(read)?)
        } else if kind.is_file() {
            let file = File::open(path).map_err(read)?;
            let length = file.metadata().map_err(read)?.len();
            let members = tar::members(&file, length);
            let members =
                members.map_err(|source| BundleError::Tar { path: path.to_owned(), source })?;
            Place::Tar(Arc::new(file), members)
        } else {
            return Err(BundleError::NoFile { path: path.to_owned() });
        };
        Ok(Self { path: path.to_owned(), place })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A metadata file, for `trust` to verify.
    pub(super) fn metadata(&self, name: &str, limit: u64) -> Result<Fetched, SourceError> {
        let path = format!("metadata/{}", trust::escape(name));
        let failed = |error| SourceError::failed(name, error);
        let Some(reading) = self.find(&path).map_err(failed)? else { return Ok(Fetched::Absent) };
        if reading.length > limit {
            return Err(SourceError::TooLong { name: name.to_owned(), limit });
        }
        reading.piece(0, reading.length).map(Fetched::Bytes).map_err(failed)
    }

    /// A target of this length.
    pub(super) fn target(&self, path: &str, expected: u64) -> Result<Reading, BundleError> {
        let name = format!("targets/{path}");
        let absent = || BundleError::Absent { path: self.path.clone(), name: name.clone() };
        let reading = self.find(&name)?.ok_or_else(absent)?;
        match reading.length {
            got if got == expected => Ok(reading),
            got => Err(BundleError::Length { path: self.path.clone(), name, got, expected }),
        }
    }

    /// A file of the bundle, if it is there.
    fn find(&self, name: &str) -> Result<Option<Reading>, BundleError> {
        if !tar::is_plain(name) {
            return Err(BundleError::Name { name: name.to_owned() });
        }
        match &self.place {
            Place::Folder(folder) => open(folder, name, self.path.join(name)),
            Place::Tar(file, members) => Ok(members.get(name).map(|member| Reading {
                file: Arc::clone(file),
                path: self.path.clone(),
                start: member.start,
                length: member.length,
            })),
        }
    }
}

/// A file of a folder.
fn open(folder: &File, name: &str, path: PathBuf) -> Result<Option<Reading>, BundleError> {
    let read = |source| BundleError::Read { path: path.clone(), source };
    let file = match within::open(folder, name) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read(error)),
    };
    let length = file.metadata().map_err(read)?.len();
    Ok(Some(Reading { file: Arc::new(file), path, start: 0, length }))
}

/// A file of a bundle, to be read.
#[derive(Debug)]
pub struct Reading {
    file: Arc<File>,
    /// What is read, for messages.
    path: PathBuf,
    /// Where it begins, in bytes.
    start: u64,
    /// In bytes.
    length: u64,
}

impl Reading {
    pub(super) async fn stream(
        &self,
        sink: &Sender<Bytes>,
        mut inspect: impl FnMut(&[u8]),
    ) -> Result<(), BundleError> {
        let mut done = 0;
        while done < self.length {
            let length = PIECE.min(self.length - done);
            let piece = self.piece(done, length)?;
            inspect(&piece);
            sink.send(piece).await.map_err(|_| BundleError::Stopped)?;
            done += length;
        }
        Ok(())
    }

    /// Sends the bytes of `ranges`, which rise within the length, one behind the other.
    pub(super) async fn ranges(
        &self,
        ranges: &[Range<u64>],
        sink: &Sender<Bytes>,
        mut arrived: impl FnMut(u64),
    ) -> Result<(), BundleError> {
        for part in pieces(ranges, PIECE) {
            let length = part.end - part.start;
            let piece = self.piece(part.start, length)?;
            arrived(length);
            sink.send(piece).await.map_err(|_| BundleError::Stopped)?;
        }
        Ok(())
    }

    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn piece(&self, offset: u64, length: u64) -> Result<Bytes, BundleError> {
        let read = |source| BundleError::Read { path: self.path.clone(), source };
        let length = usize::try_from(length).map_err(|error| read(io::Error::other(error)))?;
        let mut piece = vec![0; length];
        self.file.read_exact_at(&mut piece, self.start + offset).map_err(read)?;
        Ok(piece.into())
    }
}

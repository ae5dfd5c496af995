//! The folder in which trusted metadata outlives a run, as the very bytes that were received.
//!
//! `root.json` is the newest trusted root; `timestamp.json`, `snapshot.json` and `targets.json` are what
//! was trusted last; `role.NAME.json` is what a delegated role said last, with the name escaped. Each is written to a temporary file, flushed, renamed, and the folder is flushed, so
//! that after a power cut a name holds the old bytes or the new ones.
//!
//! A root that withdraws keys takes three steps, so that a cut between them can be finished later: the
//! marker `withdrawn` (the root's version), the root, the removal of what does not verify under it, then
//! the marker goes. A marker above the stored root's version was cut before the root was written and
//! means nothing. Without a marker, what does not verify is damaged.
//!
//! Absent means that the file system says 'not found'. A file that is there and cannot be used is damaged,
//! which is not the same: see [`Known`](crate::Known).

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::folder;
use crate::known::Stored;
use crate::{
    Error, Known, Limits, Result, Role, RoleName, Root, Rotation, Sha256, Verified, escape,
};

const MARKER: &str = "withdrawn";
/// More digits than any version has.
const MARKER_LIMIT: u64 = 64;
/// Leaves room in the 255 bytes that file systems allow, also for a temporary name.
const LONGEST_NAME: usize = 200;

/// Trusted metadata on disk; one writer, or any number of readers, at a time.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The folder itself: holds the lock, and flushes renames.
    handle: File,
}

/// A stored file that was damaged and could be done without, to be shown to whoever looks after the host: its disk may be failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, in words.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} was damaged and is whole again: {}", self.path.display(), self.reason)
    }
}

impl Store {
    /// Opens the store in `folder` for writing; makes the folder, and those above it, if it is absent.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if another process has it open, [`Error::Store`] if the file system fails.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        folder::make(&folder).map_err(fault("make", &folder))?;
        let store = Self::over(folder)?;
        store.lock(store.handle.try_lock())?;
        Ok(store)
    }

    /// Opens the store in `folder` for reading only, as [`offline`](crate::offline) needs it.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if a writer has it open, [`Error::Store`] if it cannot be read.
    pub fn open_shared(folder: impl Into<PathBuf>) -> Result<Self> {
        let store = Self::over(folder.into())?;
        store.lock(store.handle.try_lock_shared())?;
        Ok(store)
    }

    fn over(folder: PathBuf) -> Result<Self> {
        let handle = File::open(&folder).map_err(fault("open", &folder))?;
        Ok(Self { folder, handle })
    }

    fn lock(&self, outcome: Result<(), TryLockError>) -> Result<()> {
        outcome.map_err(|error| match error {
            TryLockError::WouldBlock => Error::Busy { path: self.folder.clone() },
            TryLockError::Error(error) => fault("lock", &self.folder)(error),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The stored bytes of `role`, which were trusted once; whoever uses them verifies them again.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if the file is longer than `limits` allow, [`Error::Store`] if it cannot be
    /// read.
    pub fn read(&self, role: RoleName, limits: &Limits) -> Result<Option<Bytes>> {
        self.read_file(role.file_name(), limits.of(role))
    }

    /// The stored bytes of a delegated role; damaged counts as absent, since the snapshot remembers the version.
    pub(crate) fn read_delegated(&self, role: &str, limits: &Limits) -> Result<Option<Bytes>> {
        match self.read_file(&delegated(role), limits.targets) {
            Err(Error::Damaged { .. }) => Ok(None),
            other => other,
        }
    }

    /// Keeps what a delegated role said.
    pub(crate) fn keep_delegated(&self, role: &str, bytes: &Bytes) -> Result<()> {
        self.replace(&delegated(role), bytes)
    }

    pub(crate) fn read_below_root(&self, limits: &Limits) -> Result<Stored> {
        let file = |role| match self.read(role, limits) {
            Ok(bytes) => Ok(bytes.map(Ok)),
            Err(Error::Damaged { reason, .. }) => Ok(Some(Err(reason))),
            Err(fault) => Err(fault),
        };
        Ok(Stored {
            timestamp: file(RoleName::Timestamp)?,
            snapshot: file(RoleName::Snapshot)?,
            targets: file(RoleName::Targets)?,
        })
    }

    /// Keeps `bytes` as the newest of `role`; the same bytes again are not written.
    pub(crate) fn keep(&self, role: RoleName, bytes: &Bytes, limits: &Limits) -> Result<()> {
        let stored = self.read(role, limits);
        if stored.is_ok_and(|stored| stored.as_ref() == Some(bytes)) {
            return Ok(());
        }
        self.replace(role.file_name(), bytes)
    }

    /// Keeps a newer root, and forgets what keys vouched for that it withdraws.
    pub(crate) fn keep_root(
        &self,
        root: &Verified<Root>,
        rotation: Rotation,
        limits: &Limits,
    ) -> Result<()> {
        if rotation == Rotation::Withdrawn {
            self.replace(MARKER, root.version().to_string().as_bytes())?;
        }
        self.replace(RoleName::Root.file_name(), root.bytes())?;
        self.finish_withdrawal(root, limits)
    }

    /// Finishes a withdrawal of keys that was cut off, given the stored root.
    pub(crate) fn finish_withdrawal(&self, root: &Root, limits: &Limits) -> Result<()> {
        let Some(withdrawn) = self.marker()? else { return Ok(()) };
        if withdrawn <= root.version() {
            for role in Known::unusable(self.read_below_root(limits)?, root) {
                self.remove(role.file_name())?;
            }
            self.flush()?;
        }
        self.remove(MARKER)?;
        self.flush()
    }

    /// Whether stored metadata may be signed by keys that the stored root withdrew.
    pub(crate) fn is_withdrawn(&self, root_version: u64) -> Result<bool> {
        Ok(self.marker()?.is_some_and(|withdrawn| withdrawn <= root_version))
    }

    fn marker(&self) -> Result<Option<u64>> {
        let Some(bytes) = self.read_file(MARKER, MARKER_LIMIT)? else { return Ok(None) };
        let version = str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        version.map(Some).ok_or_else(|| Error::Damaged {
            path: self.folder.join(MARKER),
            reason: "it holds no version".to_owned(),
        })
    }

    fn read_file(&self, name: &str, limit: u64) -> Result<Option<Bytes>> {
        let path = self.folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault("open", &path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fault("read", &path))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(Error::Damaged {
                path,
                reason: format!("it is longer than {limit} bytes"),
            });
        }
        Ok(Some(bytes.into()))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        // The one writer has the lock: a fixed name cannot collide, and a left-over gives way. What a link there leads to does not.
        let unnamed = format!(".{name}.new");
        self.remove(&unnamed)?;
        let temporary = self.folder.join(unnamed);
        let mut file = File::create_new(&temporary).map_err(fault("create", &temporary))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault("write", &temporary))?;
        fs::rename(&temporary, &path).map_err(fault("replace", &path))?;
        self.flush()
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(fault("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    fn flush(&self) -> Result<()> {
        self.handle.sync_all().map_err(fault("flush", &self.folder))
    }
}

/// The file of a delegated role. A name that is too long for a file system is stood in for by its digest.
fn delegated(role: &str) -> String {
    let name = escape(role);
    if name.len() > LONGEST_NAME {
        return format!("role.{}.json", Sha256::of(role.as_bytes()));
    }
    format!("role.{name}.json")
}

fn fault(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Store { action, path, source }
}

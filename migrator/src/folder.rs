//! The folder that holds links and stores: found, locked and flushed.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf, absolute};

use rustix::fs::syncfs;

use crate::error::failed;
use crate::name::{CURRENT, StoreName};
use crate::{Error, Result};

/// What a folder is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looking, beside others that do.
    Read,
    /// Changing, alone.
    Write,
}

/// The folder of a data store, opened and locked as long as this lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the lock, and flushes. Opened before anything is written, so that it hears of every write that fails later.
    handle: File,
}

impl Folder {
    /// Opens the folder of the data store at `path`, which names the folder, its link `current`, or a store in it; nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when another process has it, [`Error::Files`] when it cannot be opened.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>> {
        // Migrations run in another folder, and are given paths below this one.
        let path = absolute(place(path)).map_err(failed("find", path))?;
        let handle = match File::open(&path) {
            Ok(handle) => handle,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", &path)(error)),
        };
        let locked = match access {
            Access::Read => handle.try_lock_shared(),
            Access::Write => handle.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Some(Self { path, handle })),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path }),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a name in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Flushes the names in it.
    pub(crate) fn flush(&self) -> Result<()> {
        self.handle.sync_all().map_err(failed("flush", &self.path))
    }

    /// Flushes everything on its file system: each file and folder below it, whoever wrote it.
    pub(crate) fn flush_all(&self) -> Result<()> {
        syncfs(&self.handle)
            .map_err(|error| failed("flush the file system of", &self.path)(error.into()))
    }
}

/// The folder that is meant.
fn place(path: &Path) -> PathBuf {
    let above = || match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let is_inner = name.is_some_and(|name| name == CURRENT || StoreName::parse(name).is_some());
    // A data store may lie in a folder that is called so, and then has its own link.
    let has_link = fs::symlink_metadata(path.join(CURRENT)).is_ok_and(|kind| kind.is_symlink());
    if is_inner && !has_link { above() } else { path.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_data_store_is_named_by_its_folder_its_link_or_its_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = "v1.5.2_0123456789abcdef";
        for name in ["", "current", store] {
            assert_eq!(place(&folder.path().join(name)), folder.path().join(""), "{name}");
        }
        assert_eq!(place(Path::new("current")), Path::new("."));
        assert_eq!(place(Path::new("/var/lib/datastore")), Path::new("/var/lib/datastore"));
    }

    #[test]
    fn one_changes_or_many_look() {
        let folder = tempfile::tempdir().unwrap();
        let open = |access| Folder::open(folder.path(), access);
        let reader = open(Access::Read).unwrap();
        assert!(matches!(open(Access::Write), Err(Error::Busy { .. })));
        drop((open(Access::Read).unwrap(), reader));
        let _writer = open(Access::Write).unwrap();
        assert!(matches!(open(Access::Read), Err(Error::Busy { .. })));
    }

    #[test]
    fn only_not_found_means_absent() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Folder::open(&folder.path().join("none"), Access::Write).unwrap().is_none());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Folder::open(&folder.path().join("file/below"), Access::Write).is_err());
    }
}

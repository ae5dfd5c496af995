//! How one file is written: temporary file, flush, rename, flush of the folder.
//!
//! After a cut, a name holds its old bytes or its new ones. What a cut leaves over is a file that
//! starts with [`TEMPORARY`], which no client asks for and the next run replaces.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// How temporary names start.
pub(crate) const TEMPORARY: &str = ".new-";

/// A change of the file system that is complete and visible to readers, or cut at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A temporary file holds all its bytes, flushed.
    Wrote(&'a Path),
    /// It got its name.
    Renamed(&'a Path),
    /// Its folder is flushed.
    Flushed(&'a Path),
}

/// Looks on after each step. Tests read the repository there, or cut the run by an error.
pub trait Observer {
    /// Called after `step`.
    ///
    /// # Errors
    ///
    /// An error ends the run at this point.
    fn after(&mut self, step: Step<'_>) -> io::Result<()>;
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn after(&mut self, _: Step<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// A file that has no name yet.
#[derive(Debug)]
pub(crate) struct Unnamed {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Unnamed {
    /// Starts a file that will be `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!("{TEMPORARY}{name}"));
        let file = create_anew(&temporary).map_err(writing(&temporary))?;
        Ok(Self { file, temporary, path: path.to_owned() })
    }

    /// Where the bytes go.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Removes it again.
    pub(crate) fn discard(self) {
        // A left-over does no harm: nobody asks for it, and the next run replaces it.
        let _ = fs::remove_file(&self.temporary);
    }

    /// Flushes it and gives it its name.
    pub(crate) fn name(self, observer: &mut dyn Observer) -> Result<()> {
        self.file.sync_all().map_err(writing(&self.temporary))?;
        observer.after(Step::Wrote(&self.temporary)).map_err(writing(&self.path))?;
        fs::rename(&self.temporary, &self.path).map_err(writing(&self.path))?;
        observer.after(Step::Renamed(&self.path)).map_err(writing(&self.path))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        flush(folder)?;
        observer.after(Step::Flushed(folder)).map_err(writing(&self.path))
    }
}

/// A new file in the place of what a cut run left; never what a link there leads to.
fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => File::create_new(path),
    }
}

/// Writes `bytes` as `path`.
pub(crate) fn replace(path: &Path, bytes: &[u8], observer: &mut dyn Observer) -> Result<()> {
    let mut unnamed = Unnamed::create(path)?;
    unnamed.file().write_all(bytes).map_err(writing(path))?;
    unnamed.name(observer)
}

/// Makes a folder and those above it, durably.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(writing(path))?;
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), flush)
}

/// Flushes a folder's names.
pub(crate) fn flush(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(writing(folder))
}

/// The whole of a file, or nothing if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(reading(path)(error)),
    }
}

/// A text that somebody wrote.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(reading(path))
}

/// Names of the files in a folder, in order.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(reading(folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(reading(folder))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path, source }
}

pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Write { path, source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_in_the_way_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "untouched").unwrap();
        for name in [".new-file", "file"] {
            symlink(path("victim"), path(name)).unwrap();
        }
        replace(&path("file"), b"new", &mut Unobserved).unwrap();
        assert_eq!(fs::read(path("victim")).unwrap(), b"untouched");
        assert_eq!(fs::read(path("file")).unwrap(), b"new");
        assert!(path("file").symlink_metadata().unwrap().is_file());
        assert_eq!(names(folder.path()).unwrap(), ["file", "victim"]);
    }

    #[test]
    fn what_a_cut_run_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".new-file"), "longer than what is new").unwrap();
        replace(&folder.path().join("file"), b"new", &mut Unobserved).unwrap();
        assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"new");
    }
}

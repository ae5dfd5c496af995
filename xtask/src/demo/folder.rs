//! The folder that one run of the demo works in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::Error;
use crate::place;

/// A file that says that a demo made the folder, so that the next one may empty it.
const MARK: &str = "made-by-cargo-xtask-demo";

/// The folder of one run.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Takes the folder that was asked for, or the one in the target folder. Work of an earlier run is removed.
    ///
    /// # Errors
    ///
    /// Refuses a folder that holds something else, and one with less room than so many bytes.
    pub(super) fn take(wanted: Option<&Path>, room: u64) -> Result<Self> {
        let path = wanted.map_or_else(|| place::target().join("demo"), Path::to_owned);
        let path = std::path::absolute(&path).map_err(Error::file("find", &path))?;
        empty(&path)?;
        place::make_folder(&path)?;
        place::write(&path.join(MARK), "")?;
        check_room(&path, room)?;
        Ok(Self { path, keep: wanted.is_some() })
    }

    /// Takes the folder of an earlier run with what is in it.
    ///
    /// # Errors
    ///
    /// Refuses a folder that no demo made.
    pub(super) fn again(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).map_err(Error::file("find", path))?;
        if path.join(MARK).exists() {
            return Ok(Self { path, keep: true });
        }
        let path = path.display();
        Err(Error::Usage(format!("no earlier demo is in {path}: run one with --dir {path}")))
    }

    /// Something in the folder.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where everything is, or how to keep it.
    pub(super) fn kept(&self) -> String {
        if !self.keep {
            return "Run it with --dir DIR to keep everything for a look.".to_owned();
        }
        let path = self.path.display();
        format!("Everything is in {path}; commands.log has every command with its output.")
    }

    /// Removes the folder, unless it is to be kept.
    pub(super) fn leave(self) -> Result<()> {
        if self.keep { Ok(()) } else { place::remove_folder(&self.path) }
    }
}

/// Removes an earlier demo; anything else that is there is refused.
fn empty(path: &Path) -> Result<()> {
    let is_empty = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Error::file("list", path)(error)),
    };
    if is_empty || path.join(MARK).exists() {
        return place::remove_folder(path);
    }
    let path = path.display();
    Err(Error::Usage(format!(
        "{path} is not empty, and no earlier demo made it: name another folder"
    )))
}

fn check_room(path: &Path, needed: u64) -> Result<()> {
    let room =
        rustix::fs::statvfs(path).map_err(|error| Error::file("look at", path)(error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free >= needed {
        return Ok(());
    }
    let (free, needed) = (cli::ByteCount(free), cli::ByteCount(needed));
    Err(Error::Untrue(format!(
        "the demo needs {needed} of room in {}, there is {free}",
        path.display()
    )))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_demo_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        empty(&path).unwrap();
        fs::create_dir(&path).unwrap();
        empty(&path).unwrap();
        fs::create_dir(&path).unwrap();
        place::write(&path.join("thesis.tex"), "mine").unwrap();
        assert!(matches!(empty(&path), Err(Error::Usage(_))));
        assert!(path.join("thesis.tex").exists());
        place::write(&path.join(MARK), "").unwrap();
        empty(&path).unwrap();
        assert!(!path.exists());
    }
}

//! The output folder of a build.
//!
//! Everything is made in a folder beside it that nobody else can enter, and renamed into place at the end: a reader
//! sees the old build or the new one. A folder with files that no build makes is not touched.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cli::Kind;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::error::{FileError, OnFile};

/// Files that a build makes.
pub const FILES: [&str; 7] = [
    "boot.img",
    "root.img",
    "hash.img",
    "boot.img.lz4",
    "root.img.lz4",
    "hash.img.lz4",
    "build-report.json",
];

/// Why an output folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is something else than a folder.
    #[error("{} is not a folder", .0.display())]
    NotFolder(PathBuf),
    /// It has a file that no build makes.
    #[error("{} has a file that no build makes: {name}", folder.display())]
    Foreign {
        /// The output folder.
        folder: PathBuf,
        /// The file.
        name: String,
    },
}

impl OutputError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::Failed,
            Self::NotFolder(_) | Self::Foreign { .. } => Kind::Refused,
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Foreign { .. } => {
                Some("name an empty folder, or one of an earlier build".to_owned())
            }
            _ => None,
        }
    }
}

/// An output folder in the making.
#[derive(Debug)]
pub struct Output {
    target: PathBuf,
    partial: TempDir,
}

impl Output {
    /// Looks whether a build may be put to `target`, without changing anything.
    ///
    /// # Errors
    ///
    /// Refuses what is no folder, and a folder with files that no build makes.
    pub fn check(target: &Path) -> Result<(), OutputError> {
        let entries = match fs::read_dir(target) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(OutputError::NotFolder(target.to_owned()));
            }
            Err(error) => return Err(FileError::new("read", target, error).into()),
        };
        for entry in entries {
            let name = entry.on("read", target)?.file_name().to_string_lossy().into_owned();
            if !FILES.contains(&name.as_str()) {
                return Err(OutputError::Foreign { folder: target.to_owned(), name });
            }
        }
        Ok(())
    }

    /// Makes the folder to build in, beside `target`.
    ///
    /// # Errors
    ///
    /// As [`Output::check`], and when the folder cannot be made.
    pub fn prepare(target: &Path) -> Result<Self, OutputError> {
        Self::check(target)?;
        let target = std::path::absolute(target).on("find", target)?;
        // A link to a folder is kept, and the folder behind it replaced.
        let target = target.canonicalize().unwrap_or(target);
        let beside = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(beside).on("create", beside)?;
        let partial = tempfile::Builder::new().prefix(".image-builder-").tempdir_in(beside);
        let partial = partial.on("create a folder in", beside)?;
        let output = Self { target, partial };
        for folder in [output.images(), output.work()] {
            fs::create_dir(&folder).on("create", &folder)?;
        }
        Ok(output)
    }

    /// Where the files go.
    pub fn images(&self) -> PathBuf {
        self.partial.path().join("images")
    }

    /// A folder for whatever is needed on the way.
    pub fn work(&self) -> PathBuf {
        self.partial.path().join("work")
    }

    /// Puts the files into place and removes what was there.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be renamed; what was there then stays.
    pub fn publish(self) -> Result<(), OutputError> {
        let (images, target) = (self.images(), &self.target);
        let exchange = renameat_with(CWD, &images, CWD, target, RenameFlags::EXCHANGE);
        match exchange.map_err(std::io::Error::from) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(fs::rename(&images, target).on("rename the build to", target)?)
            }
            // A filesystem that cannot exchange: for a moment nothing is there.
            Err(_) => {
                let old = self.partial.path().join("old");
                fs::rename(target, &old).on("rename", target)?;
                Ok(fs::rename(&images, target).on("rename the build to", target)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_build_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/out");
        for text in ["old", "new"] {
            let output = Output::prepare(&target).unwrap();
            fs::write(output.images().join("boot.img"), text).unwrap();
            output.publish().unwrap();
            assert_eq!(fs::read_to_string(target.join("boot.img")).unwrap(), text);
        }
        assert_eq!(names(&folder.path().join("deep")), ["out"], "nothing is left beside it");
    }

    #[test]
    fn a_build_that_was_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Output::prepare(&folder.path().join("out")).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn folders_with_files_of_others_are_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        let error = Output::prepare(folder.path()).unwrap_err();
        assert!(matches!(error, OutputError::Foreign { ref name, .. } if name == "thesis.tex"));
        let file = folder.path().join("thesis.tex");
        assert!(matches!(Output::prepare(&file), Err(OutputError::NotFolder(_))));
    }
}

//! Contents of files, left where they are until they are asked for.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{FileError, OnFile};

/// Where the content of a file lies.
#[derive(Clone, Debug)]
pub enum Content {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// A part of an open file, such as an archive.
    Part {
        /// The file.
        backing: Arc<Backing>,
        /// Where it begins.
        offset: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// A file of its own.
    Path {
        /// The file.
        path: PathBuf,
        /// Its length in bytes when it was found.
        length: u64,
    },
}

/// An open file that contents lie in.
#[derive(Debug)]
pub struct Backing {
    file: File,
    path: PathBuf,
}

impl Backing {
    /// An open file, and the path to name it by.
    pub fn new(file: File, path: &Path) -> Self {
        Self { file, path: path.to_owned() }
    }
}

impl Content {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Part { length, .. } | Self::Path { length, .. } => *length,
        }
    }

    /// A reader that gives exactly [`Content::length`] bytes, or fails.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Read + '_>, FileError> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Self::Part { backing, offset, length } => {
                Box::new(Part { file: &backing.file, next: *offset, left: *length })
            }
            Self::Path { path, length } => {
                Box::new(Exactly { file: File::open(path).on("read", path)?, left: *length })
            }
        })
    }

    /// Everything, in memory.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read.
    pub fn read(&self) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes).on("read", self.path())?;
        Ok(bytes)
    }

    /// The file that it lies in.
    pub fn path(&self) -> &Path {
        match self {
            Self::Bytes(_) => Path::new("memory"),
            Self::Part { backing, .. } => &backing.path,
            Self::Path { path, .. } => path,
        }
    }
}

/// A part of a file that others read too.
struct Part<'a> {
    file: &'a File,
    next: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = wanted(buffer.len(), self.left);
        let count = self.file.read_at(&mut buffer[..wanted], self.next)?;
        self.left = remaining(self.left, wanted, count)?;
        self.next += u64::try_from(count).map_err(io::Error::other)?;
        Ok(count)
    }
}

/// A file that must not have changed its length.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = wanted(buffer.len(), self.left);
        let count = self.file.read(&mut buffer[..wanted])?;
        self.left = remaining(self.left, wanted, count)?;
        Ok(count)
    }
}

fn wanted(room: usize, left: u64) -> usize {
    usize::try_from(left).map_or(room, |left| room.min(left))
}

/// What is left after `count` of `wanted` bytes came; none although some were wanted is an early end.
fn remaining(left: u64, wanted: usize, count: usize) -> io::Result<u64> {
    if count == 0 && wanted > 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(left - u64::try_from(count).map_err(io::Error::other)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn a_part_gives_its_bytes_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        fs::write(&path, b"0123456789").unwrap();
        let backing = Arc::new(Backing::new(File::open(&path).unwrap(), &path));
        let part = |offset, length| Content::Part { backing: backing.clone(), offset, length };
        assert_eq!(part(2, 3).read().unwrap(), b"234");
        assert_eq!(part(10, 0).read().unwrap(), b"");
        assert!(part(8, 3).read().is_err(), "the file ends before");
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"abc").unwrap();
        assert!(Content::Path { path: path.clone(), length: 4 }.read().is_err());
        assert_eq!(Content::Path { path, length: 2 }.read().unwrap(), b"ab");
    }
}

//! A case: what is tried, and whether it held.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::TestDisk;

/// Something that is tried in the machine, with a bench of some kind.
#[derive(Clone, Copy, Debug)]
pub struct Case<B = Bench> {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is to hold.
    pub holds: &'static str,
    /// Tries it.
    pub run: fn(&B) -> Result<(), Failure>,
}

/// Why a case did not hold.
#[derive(Clone, Debug)]
pub struct Failure(String);

impl Failure {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn io(what: &str, path: &Path, cause: &io::Error) -> Self {
        Self(format!("cannot {what} {}: {cause}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<signpost::Error> for Failure {
    fn from(error: signpost::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a case works with: the programs, and a folder of its own for disks and logs.
#[derive(Clone, Debug)]
pub struct Bench {
    pub(super) selector: Vec<u8>,
    pub(super) stand_in: Vec<u8>,
    pub(super) folder: PathBuf,
}

impl Bench {
    /// Takes the programs from `programs`, a folder of cargo's for `x86_64-unknown-uefi`, and makes the folder anew.
    ///
    /// # Errors
    ///
    /// Fails if a program is not built, or the folder cannot be made.
    pub fn new(programs: &Path, folder: &Path) -> Result<Self, Failure> {
        let read = |name: &str| {
            let path = programs.join(name);
            fs::read(&path).map_err(|cause| Failure::io("read", &path, &cause))
        };
        make_anew(folder)?;
        Ok(Self {
            selector: read("boot-selector.efi")?,
            stand_in: read("examples/announce.efi")?,
            folder: folder.to_owned(),
        })
    }

    /// A new disk with the selector on it.
    pub(super) fn disk(&self) -> Result<TestDisk, Failure> {
        self.disk_of(512)
    }

    /// A new disk with blocks of this many bytes.
    pub(super) fn disk_of(&self, block_size: u64) -> Result<TestDisk, Failure> {
        TestDisk::new(&self.folder.join("disk.img"), block_size, &self.selector)
    }
}

/// Where a case works that makes everything itself.
#[derive(Clone, Debug)]
pub struct Places {
    /// Cargo's target folder.
    pub target: PathBuf,
    /// A folder of the case's own.
    pub folder: PathBuf,
}

/// Makes a folder, without what was in it.
pub(super) fn make_anew(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::io("clear", folder, &cause));
        }
        _ => {}
    }
    fs::create_dir_all(folder).map_err(|cause| Failure::io("make", folder, &cause))
}

/// Fails with a text that says what was expected, unless it holds.
pub(super) fn ensure(holds: bool, expected: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure(expected())) }
}

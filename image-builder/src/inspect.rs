//! Telling what a file or a folder is.
//!
//! By content, never by name: boot images and other EFI programs, hash images, erofs and ext4 filesystems, disks, lz4
//! frames, output folders of builds. What is told is what the file says of itself; nothing is verified.

mod disk;
mod filesystem;
mod folder;
mod frame;
mod program;
mod show;
mod tree;

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;
use verity::ReadAt;

use crate::Error;
use crate::tree_file::open;

pub use disk::{DiskFacts, PartitionFacts};
pub use filesystem::FilesystemFacts;
pub use folder::{ArtifactFacts, BuildFacts};
pub use frame::FrameFacts;
pub use program::{ProgramFacts, SectionFacts};
pub use tree::TreeFacts;

/// Bytes from the start that kinds are told by.
const START: usize = 8192;

/// Why a file cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It is of no kind that is known here.
    #[error(
        "{} is none of: EFI program, hash image, erofs or ext4 filesystem, disk, lz4 frame, folder of a build",
        .0.display()
    )]
    Unknown(PathBuf),
    /// It begins like one kind, but is damaged.
    #[error("{} begins like {kind}, but cannot be read as one: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it begins like.
        kind: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// What a file or a folder is.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Facts {
    /// An EFI program; a boot image if it has a kernel in it.
    EfiProgram(ProgramFacts),
    /// A hash image.
    HashImage(TreeFacts),
    /// A filesystem.
    Filesystem(FilesystemFacts),
    /// A disk with a partition table.
    Disk(DiskFacts),
    /// An lz4 frame.
    Lz4Frame(FrameFacts),
    /// The output folder of a build.
    Build(Box<BuildFacts>),
}

/// Tells what a file, a block device or a folder is.
///
/// # Errors
///
/// Fails when it cannot be read, is of no known kind, or is damaged.
pub fn inspect(path: &Path) -> Result<Facts, Error> {
    if path.is_dir() {
        return folder::facts(path).map(|facts| Facts::Build(facts.into()));
    }
    let subject = Subject::open(path)?;
    let facts = subject.facts()?;
    facts.ok_or_else(|| InspectError::Unknown(path.to_owned()).into())
}

/// A file to be told.
struct Subject<'a> {
    path: &'a Path,
    file: File,
    length: u64,
    /// The first bytes, followed by zeros if there are fewer.
    start: Vec<u8>,
}

impl<'a> Subject<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let (file, length) = open(path)?;
        let mut subject = Self { path, file, length, start: vec![0; START] };
        let known = usize::try_from(length).unwrap_or(START).min(START);
        let mut start = vec![0; known];
        subject.read(&mut start, 0)?;
        subject.start[..known].copy_from_slice(&start);
        Ok(subject)
    }

    fn facts(&self) -> Result<Option<Facts>, Error> {
        Ok(Some(match self.start.as_slice() {
            [b'M', b'Z', ..] => Facts::EfiProgram(program::facts(self)?),
            [b'v', b'e', b'r', b'i', b't', b'y', 0, 0, ..] => Facts::HashImage(tree::facts(self)?),
            [0x04, 0x22, 0x4d, 0x18, ..] => Facts::Lz4Frame(frame::facts(self)?),
            _ if self.has(512, b"EFI PART") || self.has(4096, b"EFI PART") => {
                Facts::Disk(disk::facts(self)?)
            }
            _ => return Ok(filesystem::facts(self).map(Facts::Filesystem)),
        }))
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        use crate::error::OnFile;
        Ok(ReadAt::read_exact_at(&self.file, buffer, offset).on("read", self.path)?)
    }

    fn has(&self, offset: usize, bytes: &[u8]) -> bool {
        self.start[offset..].starts_with(bytes)
    }

    fn damaged(&self, kind: &'static str, why: impl ToString) -> Error {
        InspectError::Damaged { path: self.path.to_owned(), kind, why: why.to_string() }.into()
    }
}

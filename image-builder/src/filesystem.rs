//! Root images: filesystems made of trees, the same bytes on every run.
//!
//! No name of the tree reaches the building machine but as an argument of a script (ext4). All files get the time of the build; identities come from names.

mod erofs;
mod ext4;
mod ext4_script;
mod ext4_size;

use std::path::Path;

use uuid::Uuid;

use crate::error::FileError;
use crate::rootfs::{InodeKind, RootPath, Tree};
use crate::spec::FilesystemKind;
use crate::tool::ToolError;

pub use erofs::ErofsError;
pub(crate) use ext4::{EmptyExt4, format_empty as format_empty_ext4};

/// Why a filesystem could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FilesystemError {
    /// A program failed or is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something that erofs cannot hold.
    #[error("{path} cannot go into erofs")]
    Erofs {
        /// The file.
        path: RootPath,
        /// Why.
        source: ErofsError,
    },
    /// A name that the program which fills ext4 cannot be given.
    #[error(
        "{0} cannot go into ext4: its name has a control character or is no UTF-8 (erofs takes it)"
    )]
    Name(RootPath),
    /// The program that fills ext4 said something.
    #[error("debugfs could not fill the filesystem: {0}")]
    Fill(String),
}

/// What a filesystem depends on besides its tree.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// UUID of the filesystem.
    pub uuid: Uuid,
    /// Time of all files and of the filesystem, in seconds since 1970.
    pub timestamp: u32,
}

/// Makes the filesystem `image` of a tree; `work` is an empty folder that nobody else can enter.
///
/// `progress` is called with the number of bytes of content that were read since its last call.
///
/// # Errors
///
/// Fails when a program is missing or fails, and when contents cannot be read.
pub fn make(
    kind: FilesystemKind,
    tree: &Tree,
    identity: &Identity,
    image: &Path,
    work: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FilesystemError> {
    match kind {
        FilesystemKind::Erofs => erofs::make(tree, identity, image, progress),
        FilesystemKind::Ext4 => ext4::make(tree, identity, image, work, progress),
    }
}

/// Bytes of all contents, each file in whole blocks: no image of the tree is smaller.
pub fn least_size(tree: &Tree) -> u64 {
    each_inode(tree)
        .map(|(_, inode)| match &inode.kind {
            InodeKind::File(content) => content.length().div_ceil(4096).saturating_mul(4096),
            _ => 0,
        })
        .fold(0, u64::saturating_add)
}

/// Bytes of all contents.
pub fn content_size(tree: &Tree) -> u64 {
    each_inode(tree)
        .map(|(_, inode)| match &inode.kind {
            InodeKind::File(content) => content.length(),
            _ => 0,
        })
        .fold(0, u64::saturating_add)
}

/// Every inode once, with its first path.
fn each_inode(tree: &Tree) -> impl Iterator<Item = (&RootPath, &crate::rootfs::Inode)> {
    let mut seen = std::collections::HashSet::new();
    tree.entries()
        .filter(move |(_, number, _)| seen.insert(*number))
        .map(|(path, _, inode)| (path, inode))
}

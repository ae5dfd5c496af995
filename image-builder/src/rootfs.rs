//! The root filesystem that goes in, as a tree in memory: names, owners, modes, attributes, and where the
//! contents lie.
//!
//! Whatever the source (a folder, a tar archive, an OCI layout), its entries first become a [`Tree`]. Nothing is
//! put on the disk of the building machine by a name from outside: a name that is absolute, has `..`, or leads
//! through a symbolic link is refused here.

mod content;
mod directory;
mod lookup;
mod oci;
mod os_release;
mod path;
mod release;
mod tarball;
mod tree;
mod unpacked;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cli::Kind;

use crate::error::{FileError, OnFile};
use crate::spec::Arch;

pub use content::{Backing, Content};
pub use lookup::LookupError;
pub use oci::OciError;
pub use os_release::OsRelease;
pub use path::{PathError, RootPath};
pub use tree::{Device, Inode, InodeKind, Metadata, Tree, TreeError};

/// Why a root filesystem cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is neither a folder nor an archive.
    #[error("{} is neither a folder, a tar archive nor an OCI layout", .0.display())]
    Unknown(PathBuf),
    /// An entry cannot be taken.
    #[error("cannot take '{entry}' of {}", source_path.display())]
    Entry {
        /// The root filesystem.
        source_path: PathBuf,
        /// Name of the entry.
        entry: String,
        /// Why.
        source: EntryError,
    },
    /// The OCI layout cannot be taken.
    #[error("cannot take the OCI layout {}", path.display())]
    Oci {
        /// The layout.
        path: PathBuf,
        /// Why.
        source: Box<OciError>,
    },
    /// A file named in the spec is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The os-release is another one.
    #[error("os-release says {key}={found}, and {wanted} is being built")]
    OsRelease {
        /// The field.
        key: &'static str,
        /// What it says; empty if absent.
        found: String,
        /// What it ought to say.
        wanted: String,
    },
}

/// Why one entry cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Its name.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Its place.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Its kind.
    #[error("{0} cannot go into an image")]
    Kind(&'static str),
    /// A folder with another filesystem in it.
    #[error("it is a mount point: unmount it, or copy the folder without it")]
    MountPoint,
    /// The archive ends in it.
    #[error("the archive ends in the middle of it")]
    Truncated,
    /// The archive is damaged there.
    #[error("the archive cannot be read there")]
    Archive(#[source] std::io::Error),
}

impl RootfsError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) | Self::Lookup(_) => Kind::Usage,
            Self::File(_) | Self::Oci { .. } => Kind::Failed,
            Self::Entry { source: EntryError::Archive(_) | EntryError::Truncated, .. } => {
                Kind::Failed
            }
            Self::Entry { .. } | Self::OsRelease { .. } => Kind::Refused,
        }
    }
}

/// Reads the names of a root filesystem: of a folder, of a tar archive (plain, gzip or zstd), or of an OCI layout.
///
/// Of an OCI layout with several images, the one for `arch` is taken. Contents stay where they are until they are asked for; what is compressed is decompressed to files without a name
/// in `work`.
///
/// # Errors
///
/// Fails when it cannot be read, and refuses entries that do not belong into an image.
pub fn read(source: &Path, arch: Arch, work: &Path) -> Result<Tree, RootfsError> {
    let metadata = source.metadata().on("read", source)?;
    if !metadata.is_dir() {
        return tarball::read(source, work);
    }
    match source.join("oci-layout").symlink_metadata() {
        Ok(_) => oci::read(source, arch, work),
        Err(error) if error.kind() == ErrorKind::NotFound => directory::read(source),
        Err(error) => Err(FileError::new("read", source, error).into()),
    }
}

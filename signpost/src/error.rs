//! What can go wrong with a disk.

use std::io;
use std::path::PathBuf;

use cli::{Classify, Kind};
use gptdisk::{LayoutError, ReadError, WriteError};
use gptprio::SetId;
use thiserror::Error;

/// Why a disk could not be opened, read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk could not be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The disk.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Only block devices and plain files are disks.
    #[error("{} is {what}, not a disk or a disk image", path.display())]
    NotADisk {
        /// What was to be a disk.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A device has blocks of a size that is not supported.
    #[error("{} has blocks of {bytes} bytes; 512 and 4096 are supported", path.display())]
    BlockSize {
        /// The disk.
        path: PathBuf,
        /// Bytes a block.
        bytes: u32,
    },
    /// Somebody else is writing.
    #[error("{} is in use by another program that changes it", path.display())]
    Locked {
        /// The disk.
        path: PathBuf,
    },
    /// The lock could not be taken.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The disk.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No copy of the partition table is valid.
    #[error("cannot read the partition table of {}", path.display())]
    Table {
        /// The disk.
        path: PathBuf,
        /// What is wrong with each copy.
        source: ReadError<io::Error>,
    },
    /// The partitions do not make sets.
    #[error("cannot tell the sets of {} apart", path.display())]
    Layout {
        /// The disk.
        path: PathBuf,
        /// Which partition is missing or doubled.
        source: LayoutError,
    },
    /// The table could not be written.
    #[error("cannot change {}", path.display())]
    Write {
        /// The disk.
        path: PathBuf,
        /// Which copy, and what the disk said.
        source: WriteError<io::Error>,
    },
    /// The disk took what was written and gives something else back.
    #[error("{} does not give back the partition table that was written to it", path.display())]
    ReadBack {
        /// The disk.
        path: PathBuf,
    },
    /// There is no private partition.
    #[error("{} has no private partition to remember that a boot has succeeded", path.display())]
    NoPrivate {
        /// The disk.
        path: PathBuf,
    },
    /// A state is for a disk with other sets.
    #[error("the state is not for {}: they differ in whether there is a set {set}", path.display())]
    OtherSets {
        /// The disk.
        path: PathBuf,
        /// The set that only one of them has.
        set: SetId,
    },
    /// The disk was opened for reading only.
    #[error("{} was opened for reading only", path.display())]
    ReadOnly {
        /// The disk.
        path: PathBuf,
    },
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Open { .. } | Self::Lock { .. } | Self::Write { .. } | Self::ReadBack { .. } => {
                Kind::Failed
            }
            Self::NotADisk { .. }
            | Self::BlockSize { .. }
            | Self::Table { .. }
            | Self::Layout { .. }
            | Self::NoPrivate { .. } => Kind::Refused,
            Self::Locked { .. } => Kind::Temporary,
            Self::OtherSets { .. } | Self::ReadOnly { .. } => Kind::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the name of the disk; nothing was created"
            }
            Self::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "run it as root, or on an image file of your own"
            }
            Self::NotADisk { .. } => "name a whole disk such as /dev/vda, or an image file",
            Self::Locked { .. } => "wait for the other program to end, then try again",
            Self::Table { .. } => "nothing was changed; look at the disk with sgdisk --verify",
            Self::Layout { .. } => "nothing was changed; is it the disk that holds the sets",
            Self::Write { .. } => {
                "one copy of the table is whole; run rewrite-table once the disk works"
            }
            Self::ReadBack { .. } => "do not trust this disk; copy what is needed from it",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

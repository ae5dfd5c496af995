//! What can go wrong, and whose fault it is.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cli::{ByteCount, Classify, Kind};

use crate::disk::DiskError;
use crate::filesystem::FilesystemError;
use crate::initramfs::InitramfsError;
use crate::inspect::InspectError;
use crate::output::OutputError;
use crate::rootfs::RootfsError;
use crate::selinux::SelinuxError;
use crate::sign::SignError;
use crate::spec::SpecError;
use crate::tool::ToolError;
use crate::uki::UkiError;

/// Why something could not be built, checked or told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The spec is wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The root filesystem given cannot be used.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The root filesystem cannot be labelled.
    #[error("cannot label the root filesystem for SELinux")]
    Selinux(#[from] SelinuxError),
    /// A filesystem could not be made.
    #[error(transparent)]
    Filesystem(#[from] FilesystemError),
    /// The boot image could not be put together.
    #[error("cannot put the boot image together")]
    Uki(#[from] UkiError),
    /// The initial RAM filesystem could not be put together.
    #[error(transparent)]
    Initramfs(#[from] InitramfsError),
    /// A program failed or is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A program could not be signed.
    #[error("cannot sign for Secure Boot")]
    Sign(#[from] SignError),
    /// A hash tree could not be made, or does not hold.
    #[error(transparent)]
    Verity(#[from] verity::Error),
    /// Images are larger than their partitions.
    #[error("{0}")]
    DoesNotFit(Misfits),
    /// The output folder cannot be used.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The disk could not be made.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Standard output is closed.
    #[error("cannot print the result")]
    Print(#[source] io::Error),
    /// The file cannot be told.
    #[error(transparent)]
    Inspect(#[from] InspectError),
}

/// Images that are larger than their partitions, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfits(pub Vec<Misfit>);

/// An image that is larger than its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Name of the partition, as in the spec's `sizes`.
    pub part: &'static str,
    /// Bytes of the image, or how many it has at least.
    pub image: u64,
    /// Bytes of the partition.
    pub partition: u64,
}

impl fmt::Display for Misfits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, misfit) in self.0.iter().enumerate() {
            let Misfit { part, image, partition } = misfit;
            let over = ByteCount(image.saturating_sub(*partition));
            let (image, partition) = (ByteCount(*image), ByteCount(*partition));
            out.write_str(if index == 0 { "" } else { "; " })?;
            write!(
                out,
                "the {part} image is {over} too large: it needs {image}, its partition has {partition}"
            )?;
        }
        Ok(())
    }
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self { action, path: path.to_owned(), source }
    }
}

/// Says which file an I/O error is about.
pub(crate) trait OnFile<T> {
    /// Adds what was done ("read", "write") and to which file.
    fn on(self, action: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T> OnFile<T> for io::Result<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError::new(action, path, source))
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Spec(_) => Kind::Usage,
            Self::File(_) | Self::Uki(_) | Self::Inspect(_) | Self::Print(_) => Kind::Failed,
            Self::Filesystem(_) | Self::Tool(_) => Kind::Failed,
            Self::Initramfs(error) => error.kind(),
            Self::Sign(error) => error.kind(),
            Self::Verity(verity::Error::Length(_)) => Kind::Refused,
            Self::Verity(_) => Kind::Failed,
            Self::DoesNotFit(_) => Kind::Refused,
            Self::Rootfs(error) => error.kind(),
            Self::Selinux(error) => error.kind(),
            Self::Output(error) => error.kind(),
            Self::Disk(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::DoesNotFit(Misfits(misfits)) => {
                let part = misfits.first()?.part;
                Some(format!(
                    "raise '{part}' under [sizes] in the spec, or put less into the root filesystem"
                ))
            }
            Self::Tool(error) | Self::Filesystem(FilesystemError::Tool(error)) => error.hint(),
            Self::Output(error) => error.hint(),
            Self::Sign(error) => error.hint(),
            _ => None,
        }
    }
}

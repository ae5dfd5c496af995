//! What the firmware says when something goes wrong.

use thiserror::Error;
use uefi::Status;

/// Why the machine did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    /// The firmware said so.
    #[error("{0}")]
    Firmware(Status),
    /// The firmware said that a signature is missing, wrong or not of somebody it knows.
    #[error("Secure Boot does not allow it ({0})")]
    Forbidden(Status),
    /// The selector was not started from a partition of a disk.
    #[error("this program was not started from a partition of a disk")]
    NoDisk,
    /// The disk's blocks have a size that no partition table has.
    #[error("the disk has blocks of {0} bytes")]
    BlockSize(u32),
}

impl<T: core::fmt::Debug> From<uefi::Error<T>> for Fault {
    fn from(error: uefi::Error<T>) -> Self {
        Self::Firmware(error.status())
    }
}

impl Fault {
    /// The same, of an image that was to be loaded (UEFI 2.10, 7.4).
    pub(crate) fn of_image(self) -> Self {
        match self {
            Self::Firmware(status @ (Status::ACCESS_DENIED | Status::SECURITY_VIOLATION)) => {
                Self::Forbidden(status)
            }
            other => other,
        }
    }
}

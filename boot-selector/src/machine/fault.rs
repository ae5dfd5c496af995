//! What the firmware says when something goes wrong.

use thiserror::Error;
use uefi::Status;

/// Why the machine did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    /// The firmware said so.
    #[error("{0}")]
    Firmware(Status),
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

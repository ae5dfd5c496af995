//! What goes wrong, in words.

use core::fmt;

use gptdisk::{ReadError, WriteError};
use handover::Fault;
use thiserror::Error;

use crate::ImageDefect;

/// Why a set did not start.
#[derive(Debug, Error)]
pub enum Trouble<E: fmt::Display> {
    /// It has to prove itself, and its start could not be counted.
    #[error("its start cannot be counted: {0}")]
    Uncounted(WriteError<E>),
    /// The disk did not give the image.
    #[error("its kernel image cannot be read: {0}")]
    Unreadable(E),
    /// There is no image.
    #[error("its boot partition cannot be started: {0}")]
    Image(#[from] ImageDefect),
    /// There is no memory for the image.
    #[error("there is no memory for its kernel image: {0}")]
    Memory(E),
    /// The firmware does not take the image.
    #[error("the firmware refuses its kernel image: {0}")]
    Refused(E),
    /// The image ran and gave up.
    #[error("its kernel image gave up: {0}")]
    GaveUp(E),
    /// The image ran and came back without a word.
    #[error("its kernel image came back")]
    CameBack,
}

impl<E: fmt::Display> Trouble<E> {
    /// Whose fault it is. A disk that does not give the image back is as good as a damaged image.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Uncounted(_) | Self::Memory(_) => Fault::Machine,
            Self::Unreadable(_)
            | Self::Image(_)
            | Self::Refused(_)
            | Self::GaveUp(_)
            | Self::CameBack => Fault::Image,
        }
    }
}

/// Why nothing could be started.
#[derive(Debug, Error)]
pub enum Stop<E: fmt::Display> {
    /// There is no table.
    #[error("{0}")]
    NoTable(ReadError<E>),
    /// There is nothing to start.
    #[error("the disk has no boot partition")]
    NoSets,
    /// Everything was tried.
    #[error("no set could be started")]
    NothingLeft,
}

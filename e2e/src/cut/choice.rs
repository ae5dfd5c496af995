//! What of the changes that are not certain survives a crash.

use std::fmt;

/// The kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Names and lengths become certain in order.
    Journalling,
    /// Nothing does that was not flushed by itself.
    Lazy,
}

/// What survives of what was not flushed on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDisk {
    /// All of it.
    All,
    /// Nothing.
    Nothing,
    /// These of the sectors, by a bit each, and one that is torn after so many bytes.
    Some {
        /// Which.
        mask: u64,
        /// Which is torn, and where.
        torn: Option<(usize, usize)>,
    },
    /// As chance has it.
    Chance(Chance0),
}

/// What survives of what was not flushed of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InFiles {
    /// All of it.
    All,
    /// Nothing.
    Nothing,
    /// These of the changes, by a bit each; of bytes that survive, so many eighths.
    Some {
        /// By which rules.
        keeping: Keeping,
        /// Which.
        mask: u64,
        /// How much of the last of them that has bytes.
        eighths: usize,
    },
    /// As chance has it.
    Chance(Keeping, Chance0),
}

impl InFiles {
    /// By which rules it was chosen.
    pub(super) fn keeping(&self) -> Keeping {
        match self {
            Self::Some { keeping, .. } | Self::Chance(keeping, _) => *keeping,
            Self::All | Self::Nothing => Keeping::Lazy,
        }
    }
}

/// The seed of a choice.
pub type Chance0 = u64;

/// A choice of what survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Of the disk.
    pub disk: OnDisk,
    /// Of files.
    pub files: InFiles,
}

impl fmt::Display for Choice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { disk, files } = self;
        match disk {
            OnDisk::All => write!(out, "all of the disk")?,
            OnDisk::Nothing => write!(out, "nothing more of the disk")?,
            OnDisk::Some { mask, torn: None } => write!(out, "sectors {mask:b} of the disk")?,
            OnDisk::Some { mask, torn: Some((which, at)) } => {
                write!(out, "sectors {mask:b} of the disk, number {which} torn at {at}")?;
            }
            OnDisk::Chance(seed) => write!(out, "sectors by {seed:x}")?,
        }
        match files {
            InFiles::All => write!(out, ", all of the files"),
            InFiles::Nothing => write!(out, ", nothing more of the files"),
            InFiles::Some { keeping, mask, eighths } => {
                write!(out, ", changes {mask:b} of the files, {eighths}/8 ({keeping:?})")
            }
            InFiles::Chance(keeping, seed) => write!(out, ", files by {seed:x} ({keeping:?})"),
        }
    }
}

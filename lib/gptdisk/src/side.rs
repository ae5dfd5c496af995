//! Which of the two copies.

use core::fmt;

/// One of the two copies of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The copy at the start of the disk.
    Primary,
    /// The copy at its end.
    Backup,
}

impl Side {
    /// The other copy.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Primary => Self::Backup,
            Self::Backup => Self::Primary,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        })
    }
}

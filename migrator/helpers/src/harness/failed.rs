//! What a test shows when a migration is wrong.

use std::fmt;

/// A property that does not hold: what happened, in which store, to which changes.
///
/// Its `Debug` is its text, so that a test that returns it shows it in lines.
pub struct Failed(pub(super) String);

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl std::error::Error for Failed {}

impl From<crate::Error> for Failed {
    fn from(error: crate::Error) -> Self {
        Self(error.to_string())
    }
}

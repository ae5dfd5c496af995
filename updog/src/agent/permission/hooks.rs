//! Hooks: executables that may put a restart off. Zero goes, anything else waits, and so does one that takes too long.
//!
//! They lie in folders, and are run, by the rules of health's checks: in the order of their names, a later folder's in the place of an
//! earlier one's, until one wants to wait.

use std::path::PathBuf;
use std::time::Duration;

use crate::health::{Deadline, checks};

/// A hook that wants to wait.
pub(super) struct Wants {
    /// Its name.
    pub(super) hook: String,
    /// What it said, in one line.
    pub(super) why: String,
}

/// Runs them; the first that wants to wait. All of them together may take so long.
pub(super) fn run(folders: &[PathBuf], limit: Duration) -> Option<Wants> {
    let failed = checks::first_failed(folders, Deadline::after(limit), &|_| ())?;
    let lines = failed.said.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(Wants { hook: failed.name, why: lines.collect::<Vec<_>>().join("; ") })
}

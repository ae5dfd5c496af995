//! Hooks: executables that may put a restart off. Zero goes, anything else waits, and so does one that takes too long.
//!
//! They lie in folders, and are run, by the rules of health's checks: in the order of their names, a later folder's in the place of an
//! earlier one's, until one wants to wait.

use std::path::PathBuf;
use std::time::Duration;

use crate::boots::{Cause, Finding, in_one_line};
use crate::health::{Deadline, checks};

/// Longest name of a hook that is told, in bytes.
const MAX_NAME: usize = 128;

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
    // It goes to the journal, to systemd and onto a terminal.
    let name = in_one_line(&failed.name, MAX_NAME);
    let said = Finding::with(Cause::check(&name), &failed.said).detail.unwrap_or_default();
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(Wants { hook: name, why: lines.collect::<Vec<_>>().join("; ") })
}

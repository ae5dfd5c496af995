//! Hooks: executables that may put a restart off. Zero goes, anything else waits, and so does one that takes too long.
//!
//! They lie in folders, and are run, by the rules of health's checks: in the order of their names, a later folder's in the place of an
//! earlier one's, until one wants to wait.

use std::path::PathBuf;
use std::time::Duration;

use crate::health::{Deadline, checks};

/// Runs them; what the first that wants to wait says. Each may take so long.
pub(super) fn run(folders: &[PathBuf], limit: Duration) -> Option<String> {
    let finding = checks::run(folders, Deadline::after(limit), &|_| ())?;
    let name = finding.cause.as_str().trim_start_matches("health check ").to_owned();
    let said = finding.detail.unwrap_or_default();
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Some(format!("hook {name} says wait: {}", said.join("; ")))
}

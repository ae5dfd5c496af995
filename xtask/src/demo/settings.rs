//! The settings of the demo's host, and what becomes of them from release to release.
//!
//! They are looked at as the files that they are, with grep: `settings/host/name:"demo-7"`.

use std::path::{Path, PathBuf};

use crate::command::Run;
use crate::error::Error;
use crate::{Result, place};

/// What an installer has left, in the fixtures and on the disk.
const FIRST: &str = "host/first/usr/share/waystone-demo/datastore";

/// As the first release has them.
pub(super) const OLD: [&str; 2] =
    ["settings/host/name:\"demo-7\"", "settings/registry/mirror:\"registry.example:5000\""];

/// As the second has them: one has another name, one has become two.
pub(super) const NEW: [&str; 3] = [
    "settings/network/hostname:\"demo-7\"",
    "settings/registry/mirror-host:\"registry.example\"",
    "settings/registry/mirror-port:\"5000\"",
];

/// What somebody changes while the second release runs: the first of both.
const CHANGED: (&str, &str) = ("settings/network/hostname", "\"demo-9\"");

/// What a shell in the guest does to show them, to see that they have no old names any more, and to change one.
pub(super) const SHOW: &str =
    "cd /var/lib/waystone/datastore/current/live && grep -r . settings | sort";
pub(super) const NO_OLD_NAME: &str = "cd /var/lib/waystone/datastore/current/live/settings && test ! -e host -a ! -e registry/mirror";
pub(super) const CHANGE: &str = "cd /var/lib/waystone/datastore/current/live && \
     printf '\"demo-9\"' > settings/network/hostname";

/// What it does to see what was changed under the newer release, and what that says.
pub(super) const DIFF: &str = "migrator diff --datastore-path /var/lib/waystone/datastore";
pub(super) const DIFFERENCE: &str = "settings.host.name: \"demo-7\" -> \"demo-9\"";

/// A data store in a folder.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    /// Its folder.
    pub(super) store: &'a Path,
    /// Where command lines are recorded.
    pub(super) record: &'a Path,
}

impl Settings<'_> {
    /// Puts there what an installer leaves.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be copied.
    pub(super) fn install(&self) -> Result<()> {
        let copy = Run::new("cp").args(["--recursive", "--no-dereference"]);
        copy.arg(place::fixture(FIRST)).arg(self.store).record(self.record).run().map(drop)
    }

    /// Changes one, as somebody does while the second release runs.
    ///
    /// # Errors
    ///
    /// Fails when its file cannot be written.
    pub(super) fn change(&self) -> Result<()> {
        let (name, value) = CHANGED;
        place::write(&self.live().join(name), value)
    }

    /// What they are, a line each, in order.
    ///
    /// # Errors
    ///
    /// Fails when there are none.
    pub(super) fn lines(&self) -> Result<Vec<String>> {
        let grep = Run::new("grep").args(["--recursive", ".", "settings"]);
        let said = grep.current_dir(&self.live()).record(self.record).run()?.stdout;
        let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    }

    /// Gives them if there are so many, and these among them.
    ///
    /// # Errors
    ///
    /// Fails when they are not.
    pub(super) fn are(&self, expected: &[&str], count: usize) -> Result<Vec<String>> {
        let lines = self.lines()?;
        let all = expected.iter().all(|line| lines.iter().any(|other| other == line));
        if all && lines.len() == count {
            return Ok(lines);
        }
        Err(Error::Untrue(format!("the settings are {lines:?}, not {expected:?}")))
    }

    fn live(&self) -> PathBuf {
        self.store.join("current/live")
    }
}

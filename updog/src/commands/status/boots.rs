//! What was attempted on this host, as `status` shows it.

use std::fmt;

use chrono::{DateTime, Utc};
use gptprio::SetId;
use manifest::Digest;
use semver::Version;
use serde::Serialize;

use crate::boots::{Attempt, Cause, Outcome};

/// One installation and what came of it.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Boot {
    /// Its set.
    set: SetId,
    /// Its version.
    version: Version,
    /// Root hash of its root image, where that is known.
    root_hash: Option<Digest>,
    /// `waiting`, `unproven`, `good`, `failed` or `withdrawn`.
    outcome: Outcome,
    /// Starts that an update gave it.
    tries: Option<u8>,
    /// Starts that reached the checks.
    starts: u32,
    /// Starts that were marked good.
    good_starts: u32,
    /// When it was noted.
    noted: DateTime<Utc>,
    /// When its last start began.
    started: Option<DateTime<Utc>>,
    /// When it was good, failed or taken back, the last time.
    ended: Option<DateTime<Utc>>,
    /// Why its last start that was not good was not.
    cause: Option<Cause>,
    /// More about the cause.
    detail: Option<String>,
    /// How many starts one after the other, up to the one before the last, ended in a panic.
    panics: u32,
    /// Whether an operator has allowed the version again.
    cleared: bool,
}

/// A version that is not taken again.
#[derive(Debug, Serialize)]
pub(super) struct Failed {
    /// The version.
    version: Version,
    /// The set in which it failed.
    set: SetId,
    /// Why.
    cause: Option<Cause>,
    /// More about the cause.
    detail: Option<String>,
    /// When it was found to have failed.
    ended: Option<DateTime<Utc>>,
}

impl Boot {
    pub(in crate::commands) fn of(attempt: &Attempt) -> Self {
        let Attempt { set, root_hash, outcome, tries, starts, good_starts, .. } = *attempt;
        let Attempt { panics, noted, started, ended, cleared, .. } = *attempt;
        Self {
            set,
            version: attempt.version.clone(),
            root_hash,
            outcome,
            tries,
            starts,
            good_starts,
            noted,
            started,
            ended,
            cause: attempt.cause.clone(),
            detail: attempt.detail.clone(),
            panics,
            cleared,
        }
    }

    fn outcome(&self) -> &'static str {
        match self.outcome {
            Outcome::Waiting => "waits for its first start",
            Outcome::Unproven => "not proven yet",
            Outcome::Good => "good",
            Outcome::Failed if self.cleared => "failed, cleared",
            Outcome::Failed => "failed",
            Outcome::Withdrawn => "taken back",
        }
    }
}

impl Failed {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let Attempt { set, ended, .. } = *attempt;
        let (cause, detail) = (attempt.cause.clone(), attempt.detail.clone());
        Self { version: attempt.version.clone(), set, cause, detail, ended }
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.ended.or(self.started).unwrap_or(self.noted).format("%Y-%m-%d %H:%M");
        write!(out, "{last} {} in set {}: {}", self.version, self.set, self.outcome())?;
        match (&self.cause, self.outcome, self.panics) {
            (Some(cause), Outcome::Good, 1..) => {
                write!(out, ", but ended in a panic before and gets no new tries ({cause})")?;
            }
            (Some(cause), ..) => write!(out, ": {cause}")?,
            (None, ..) => {}
        }
        match (self.starts, self.good_starts) {
            (0, _) => Ok(()),
            (1, good) => write!(out, "; 1 start, {good} good"),
            (starts, good) => write!(out, "; {starts} starts, {good} good"),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.version;
        write!(out, "{version} failed here and is not taken again: ")?;
        match &self.cause {
            Some(cause) => write!(out, "{cause}")?,
            None => write!(out, "cause unknown")?,
        }
        let lines = self.detail.as_deref().unwrap_or_default().lines();
        lines.filter(|line| !line.is_empty()).try_for_each(|line| write!(out, "\n    {line}"))?;
        write!(out, "\n    `updog clear-failure {version}` allows it again")
    }
}

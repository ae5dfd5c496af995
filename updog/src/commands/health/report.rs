//! What `health` found and did, as it is printed.

use std::fmt;

use cli::Outcome;
use gptprio::SetId;
use semver::Version;
use serde::Serialize;

use crate::boots::{Cause, Finding};
use crate::error::Error;
use crate::health::verdict::Verdict;

/// What `health` found and did.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The set that runs.
    set: SetId,
    /// Its version.
    version: Version,
    /// What was decided: `good`, `restart` or `stay-up`.
    verdict: &'static str,
    /// Why the boot is not good.
    cause: Option<Cause>,
    /// More about the cause.
    detail: Option<String>,
    /// Whether nothing was written because this is a dry run.
    dry_run: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, version, verdict, .. } = self;
        if self.dry_run {
            write!(out, "dry run: ")?;
        }
        match &self.cause {
            None => write!(out, "{version} in set {set} is good"),
            Some(cause) => {
                let then = if *verdict == "restart" { "restart" } else { "the host stays up" };
                write!(out, "{version} in set {set} is not good: {cause}: {then}")
            }
        }
    }
}

impl Report {
    pub(super) fn new(
        set: SetId,
        version: Version,
        verdict: Verdict,
        finding: Option<Finding>,
        dry_run: bool,
    ) -> Self {
        let (cause, detail) = finding.map(|it| (Some(it.cause), it.detail)).unwrap_or_default();
        let verdict = match verdict {
            Verdict::Good => "good",
            Verdict::Restart => "restart",
            Verdict::StayUp => "stay-up",
        };
        Self { set, version, verdict, cause, detail, dry_run }
    }

    /// A boot that is not good is an error.
    pub(super) fn outcome(self) -> Result<Outcome, Error> {
        let Self { set, version, cause, detail, .. } = self;
        match cause {
            None => Ok(Outcome::Done),
            Some(cause) => {
                let finding = Finding { cause, detail }.to_string();
                Err(Error::Unhealthy { set, version, finding })
            }
        }
    }
}

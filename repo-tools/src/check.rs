//! `check`: everything that is wrong with a repository, at once, each with what to do.
//!
//! | what | severity |
//! |---|---|
//! | metadata that a client refuses: signatures, versions, digests, expiry | error |
//! | target files missing, or of wrong length or digest | error |
//! | manifest that cannot be read, or names targets that there are not | error |
//! | packs whose heads are not what the manifest says, or of other root hashes | error |
//! | frames that do not give the images of the manifest, or whose index says something else of them | error |
//! | releases that no migrations connect, while there are migrations; migrations that no host can unpack or start | error |
//! | packs from a release that was replaced since | warning |
//! | expiry soon; `root.json` not the newest root; names that some client takes for others | warning |
//! | releases that send hosts back | warning |
//! | files that nothing names; left-overs of a run that was cut | note |

mod frames;
mod manifest;
mod metadata;
mod migrations;
mod packs;
mod targets;

use std::fmt;

use ::manifest::Offset;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{Layout, Result};

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Clients accept it; it will go wrong, or is not what was meant.
    Warning,
    /// Clients refuse it.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and with what.
    pub what: String,
    /// What to do.
    pub next: String,
}

/// How to check.
#[derive(Clone, Copy, Debug)]
pub struct Checkup {
    /// The time at which clients look.
    pub now: DateTime<Utc>,
    /// What expires within this is a warning.
    pub soon: Offset,
    /// Does not read the target files, only their lengths, and the indexes of packs and frames; no migrations.
    pub quick: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// How many targets were looked at.
    pub targets: usize,
    /// How many bytes of them were read.
    pub bytes: u64,
}

/// Checks a repository.
///
/// # Errors
///
/// Fails only if there is no repository, or its files cannot be read; what is wrong with it is in the
/// result.
pub fn check(layout: &Layout, checkup: &Checkup) -> Result<Checked> {
    let mut report = Report::default();
    let repository = metadata::check(layout, checkup, &mut report)?;
    if let Some(targets) = &repository {
        targets::check(layout, targets, checkup, &mut report)?;
        manifest::check(layout, targets, checkup.quick, &mut report)?;
    }
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let Report { findings, targets, bytes } = report;
    Ok(Checked { findings, targets, bytes })
}

impl Checked {
    /// How many findings are errors.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// Findings as they are made.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
    targets: usize,
    bytes: u64,
}

impl Report {
    fn error(&mut self, what: impl Into<String>, next: impl Into<String>) {
        self.add(Severity::Error, what.into(), next.into());
    }

    fn warning(&mut self, what: impl Into<String>, next: impl Into<String>) {
        self.add(Severity::Warning, what.into(), next.into());
    }

    fn note(&mut self, what: impl Into<String>, next: impl Into<String>) {
        self.add(Severity::Note, what.into(), next.into());
    }

    fn add(&mut self, severity: Severity, what: String, next: String) {
        self.findings.push(Finding { severity, what, next });
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { severity, what, next } in &self.findings {
            let severity = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            writeln!(out, "{severity:<8} {what}\n         next: {next}")?;
        }
        let warnings =
            self.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
        write!(
            out,
            "{} targets, {} read: {} errors, {warnings} warnings",
            self.targets,
            cli::ByteCount(self.bytes),
            self.errors()
        )
    }
}

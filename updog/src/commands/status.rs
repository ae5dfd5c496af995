//! `status`: the sets, what boots next and what is staged. Never touches the network.

mod agent;
pub(super) mod boots;

use std::fmt;

use chrono::{DateTime, Utc};
use cli::Outcome;
use gptprio::{BootBits, SetId};
use semver::Version;
use serde::Serialize;
use signpost::Access;

use super::{Context, Place};
use crate::boots::{Ledger, LedgerError, file};
use crate::error::Error;
use crate::host;
use crate::staged::Staged;
use agent::Agent;
use boots::{Boot, Failed};

/// What `status` tells.
#[derive(Debug, Serialize)]
struct Status {
    /// Variant of the running system.
    variant: String,
    /// Version of the running system.
    version: Version,
    /// The set that runs.
    active: SetId,
    /// The set that boots next, if any can, and why.
    next: Option<Next>,
    /// The sets of the disk.
    sets: Vec<Set>,
    /// The release that was written to the inactive set and not restarted into yet.
    staged: Option<Release>,
    /// What was attempted on this host, the oldest first.
    boots: Vec<Boot>,
    /// The versions that have failed here and are not taken again.
    failed_versions: Vec<Failed>,
    /// Why nothing can be said about boots, if so.
    ledger_problem: Option<String>,
    /// Where the host is on its way to an update.
    agent: Agent,
}

/// What boots next.
#[derive(Debug, Serialize)]
struct Next {
    /// The set.
    set: SetId,
    /// Why this one.
    reason: String,
}

/// One set.
#[derive(Debug, Serialize)]
struct Set {
    /// Its name.
    set: SetId,
    /// What runs or lies here, where that is known.
    version: Option<String>,
    /// Its boot bits.
    #[serde(flatten)]
    bits: BootBits,
}

/// A release by its set.
#[derive(Debug, Serialize)]
struct Release {
    /// The set that holds it.
    set: SetId,
    /// Its version.
    version: Version,
}

pub(super) fn run(context: &Context, now: DateTime<Utc>) -> Result<Outcome, Error> {
    let place = context.place(Access::Read)?;
    let host = host::running(&context.settings)?;
    let staged = Staged::read(&context.settings.paths.state)?;
    // One that was restarted into and failed has no tries left, and waits for nothing.
    let staged = staged.filter(|one| one.set != place.active && place.inactive_has_tries());
    let ledger = file::read(&context.settings.paths.state);
    let status = Status::new(&place, host, staged, ledger, Agent::of(context, now));
    context.output.show(&status)?;
    Ok(Outcome::Done)
}

impl Status {
    fn new(
        place: &Place,
        host: host::Running,
        staged: Option<Staged>,
        ledger: Result<Ledger, LedgerError>,
        agent: Agent,
    ) -> Self {
        let active = place.active;
        let state = place.disk.state(active);
        // What runs is known from os-release, the other set from what its boot image says of itself.
        let version = |set| match set == active {
            true => Some(host.version.to_string()),
            false => place.disk.release(set).map(|release| release.version),
        };
        let set = |set: SetId| {
            let bits = state.sets.bits(set)?;
            Some(Set { set, version: version(set), bits })
        };
        let ledger_problem = ledger.as_ref().err().map(ToString::to_string);
        let ledger = ledger.unwrap_or_default();
        Self {
            boots: ledger.attempts.iter().map(Boot::of).collect(),
            failed_versions: ledger.failed_versions().into_iter().map(Failed::of).collect(),
            ledger_problem,
            agent,
            active,
            next: gptprio::choose(&state.sets)
                .map(|choice| Next { set: choice.set, reason: choice.to_string() }),
            sets: [SetId::A, SetId::B].into_iter().filter_map(set).collect(),
            staged: staged
                .as_ref()
                .map(|one| Release { set: one.set, version: one.version.clone() }),
            variant: host.variant,
            version: host.version,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "running {} {} from set {}", self.variant, self.version, self.active)?;
        for set in &self.sets {
            writeln!(out, "  {set}")?;
        }
        if let Some(staged) = &self.staged {
            writeln!(out, "staged {} in set {}", staged.version, staged.set)?;
        }
        self.boots.iter().try_for_each(|boot| writeln!(out, "  {boot}"))?;
        self.failed_versions.iter().try_for_each(|failed| writeln!(out, "{failed}"))?;
        if let Some(problem) = &self.ledger_problem {
            writeln!(out, "warning: {problem}")?;
        }
        write!(out, "{}", self.agent)?;
        match &self.next {
            Some(Next { set, reason }) => write!(out, "set {set} boots next: {reason}"),
            None => {
                write!(out, "no set can boot: run `signpost status` and mend it before a restart")
            }
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("unknown");
        let BootBits { priority, tries, successful, .. } = self.bits;
        let proven = if successful { "successful" } else { "not proven" };
        write!(out, "set {}: {version}, priority {priority}, tries {tries}, {proven}", self.set)
    }
}

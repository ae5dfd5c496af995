//! `check-update` and `whats`: what this host would install now, and why.

mod unchanged;

use std::fmt;

use chrono::{DateTime, Utc};
use cli::Outcome;
use manifest::{Considered, Decision, Host, Update};
use semver::Version;
use serde::Serialize;
use signpost::Access;

use super::{Context, choice, ledger};
use crate::agent::checked::Checked;
use crate::args::CheckArguments;
use crate::boots::file;
use crate::error::Error;
use crate::host;
use crate::session::Session;

pub(super) fn run(
    context: &Context,
    arguments: &CheckArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let mut host = host::read(&context.settings)?;
    host.ignore_waves |= arguments.ignore_waves;
    // A repository can be looked at from anywhere, and what has failed on a disk only where that is known.
    let ledger = match context.place(Access::Read) {
        Ok(place) => ledger::known(context, &place, &host.version, now)?,
        Err(_) => file::read(&context.settings.paths.state)?,
    };
    let failed: Vec<Version> =
        ledger.failed_versions().into_iter().map(|one| one.version.clone()).collect();
    if arguments.if_changed
        && let Some(checked) = unchanged::look(context, &host, &failed, now)
    {
        let is_chosen = checked.chosen.is_some();
        context.output.show(&Unchanged(checked))?;
        return Ok(if is_chosen { Outcome::Done } else { Outcome::NothingToDo });
    }
    let session =
        Session::open(&context.settings, context.from.as_deref(), &host, context.output, now)?;
    let decision = choice::choose(&session.manifest, &host, now, None, &ledger)?;
    if !arguments.ignore_waves && context.from.is_none() {
        note(context, &session, (&decision, failed), &host, now);
    }
    let fitting: Vec<_> = decision.for_host().collect();
    if arguments.all {
        context.output.show(&All { host: &host, releases: fitting })?;
    } else {
        context.output.show(&One { host: &host, chosen: decision.chosen, releases: fitting })?;
    }
    Ok(if decision.chosen.is_some() { Outcome::Done } else { Outcome::NothingToDo })
}

/// Notes what was found, for the agent and for `status`. Whoever may look need not have the right to write.
fn note(
    context: &Context,
    session: &Session,
    (decision, failed): (&Decision<'_>, Vec<Version>),
    host: &Host,
    now: DateTime<Utc>,
) {
    let expires = session.repository.expiries().first().map(|(_, at)| *at);
    let mut checked = Checked::new(decision, host, expires, now);
    checked.next_change = decision.next_change(now);
    checked.unchanged = unchanged::of(&session.mirrors, failed);
    if let Err(error) = checked.write(&context.settings.paths.state) {
        context.output.note(format_args!("warning: what was found is not noted: {error}"));
    }
}

/// Nothing was fetched: what was found before holds.
struct Unchanged(Checked);

impl Serialize for Unchanged {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Display for Unchanged {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.whole_at.format("%Y-%m-%d %H:%M UTC");
        match &self.0.chosen {
            Some(version) => write!(out, "nothing has changed since {since}: there is {version}"),
            None => write!(out, "nothing has changed since {since}: no update"),
        }
    }
}

/// Every release for this host; JSON is the list of the manifest's update objects.
struct All<'a> {
    host: &'a Host,
    releases: Vec<&'a Considered<'a>>,
}

impl Serialize for All<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.releases.iter().map(|one| one.update))
    }
}

impl fmt::Display for All<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Host { variant, arch, .. } = self.host;
        write!(out, "releases for {variant} on {arch}:")?;
        for one in &self.releases {
            write!(out, "\n  {one}")?;
        }
        Ok(())
    }
}

/// The one update; JSON is the manifest's update object, or null.
struct One<'a> {
    host: &'a Host,
    chosen: Option<&'a Update>,
    releases: Vec<&'a Considered<'a>>,
}

impl Serialize for One<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.chosen.serialize(serializer)
    }
}

impl fmt::Display for One<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(update) = self.chosen {
            let Host { variant, arch, version, .. } = self.host;
            return write!(out, "{variant} {arch}: {version} -> {}", update.version);
        }
        write!(out, "no update for {}", self.host.version)?;
        for one in &self.releases {
            write!(out, "\n  {one}")?;
        }
        Ok(())
    }
}

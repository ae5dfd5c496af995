//! Why this host was, or was not, offered a release, and what would change that. Pure.
//!
//! The verdict is the one that `check-update` and `update` come to. What would change it is found by asking the same code again under
//! another condition: at the time at which the wave comes, without waves, with the version asked for by name.

mod words;

use chrono::{DateTime, Utc};
use manifest::{Considered, Decision, Host, Manifest, Seed, Verdict, WavePlace, choose_but};
use semver::Version;
use serde::Serialize;

use crate::boots::{Attempt, Ledger};
use crate::plan;

/// How many releases are told of where none is named.
const NEWEST: usize = 5;

/// Where the releases are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The repository, in this run.
    Repository,
    /// What is kept for the next boot, without a network.
    Kept,
}

/// What is asked about, and what is known.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The releases.
    pub manifest: &'a Manifest,
    /// The host.
    pub host: &'a Host,
    /// What has failed on it.
    pub ledger: &'a Ledger,
    /// Where the releases are known from.
    pub origin: Origin,
    /// When the metadata were signed, where they say so.
    pub signed: Option<DateTime<Utc>>,
    /// The time of the decision.
    pub now: DateTime<Utc>,
}

/// Releases with what became of each.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Variant of the host.
    variant: String,
    /// Its architecture.
    arch: String,
    /// What it runs.
    running: Version,
    /// Its place in the waves.
    seed: Seed,
    /// Where the releases are known from.
    origin: Origin,
    /// When their metadata were signed.
    signed: Option<DateTime<Utc>>,
    /// The next time at which a release reaches this host.
    next_change: Option<DateTime<Utc>>,
    /// The releases, the newest first.
    releases: Vec<Release>,
}

/// One release.
#[derive(Debug, Serialize)]
struct Release {
    version: Version,
    variant: String,
    arch: String,
    /// What became of it.
    verdict: Verdict,
    /// Why, in words.
    reason: String,
    /// The highest version that its hosts may run.
    max_version: Version,
    /// From when on it is for this host's seed; null: at once, or never.
    ready_at: Option<DateTime<Utc>>,
    /// Whether that time is still to come.
    waiting: bool,
    /// The wave that brings it.
    wave: Option<WavePlace>,
    /// How it failed on this host.
    failed: Option<Failure>,
    /// Whether an operator took it back here, so that the agent does not take it by itself.
    declined: bool,
    /// Why the settings cannot follow, if so.
    migrations_problem: Option<String>,
    /// What would change the verdict, or what comes next.
    changes: Vec<String>,
}

/// How a release failed on this host.
#[derive(Debug, Serialize)]
struct Failure {
    /// Why, with the last that is known about it.
    cause: String,
    /// When.
    ended: Option<DateTime<Utc>>,
}

impl Facts<'_> {
    /// Explains `version`, or the newest releases for this host; nothing if there is no such release.
    pub fn explain(&self, version: Option<&Version>) -> Option<Explanation> {
        let decision = self.decide(self.host, self.now, None);
        let considered = &decision.considered;
        let releases: Vec<_> = match version {
            Some(version) => considered.iter().filter(|one| one.version == *version).collect(),
            None => {
                considered.iter().filter(|one| self.host.fits(one.update)).take(NEWEST).collect()
            }
        };
        if version.is_some() && releases.is_empty() {
            return None;
        }
        let fitting = releases.iter().any(|one| self.host.fits(one.update));
        let for_host = |one: &&&Considered<'_>| !fitting || self.host.fits(one.update);
        Some(Explanation {
            variant: self.host.variant.clone(),
            arch: self.host.arch.clone(),
            running: self.host.version.clone(),
            seed: self.host.seed,
            origin: self.origin,
            signed: self.signed,
            next_change: decision.next_change(self.now),
            releases: releases.iter().filter(for_host).map(|one| self.release(one)).collect(),
        })
    }

    fn release(&self, one: &Considered<'_>) -> Release {
        let update = one.update;
        let fits = self.host.fits(update);
        let wave = update.schedule().place_of(self.host.seed).filter(|_| fits);
        Release {
            version: one.version.clone(),
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            verdict: one.verdict,
            reason: one.reason.clone(),
            max_version: update.max_version.clone(),
            ready_at: one.ready_at,
            waiting: one.ready_at.is_some_and(|at| at > self.now),
            wave,
            failed: self.failed(&one.version).filter(|_| fits).map(Failure::of),
            declined: fits && self.declines(&one.version),
            migrations_problem: self.migrations_problem(&one.version).filter(|_| fits),
            changes: words::changes(self, one),
        }
    }

    fn failed(&self, version: &Version) -> Option<&Attempt> {
        self.ledger.failed_versions().into_iter().find(|failed| failed.version == *version)
    }

    /// Whether an operator took this back here.
    fn declines(&self, version: &Version) -> bool {
        self.ledger.declines(version, &self.host.version)
    }

    fn migrations_problem(&self, version: &Version) -> Option<String> {
        let missing = plan::migrations(self.manifest, &self.host.version, version).err()?;
        Some(missing.to_string())
    }

    /// What becomes of one release under another condition.
    fn verdict(
        &self,
        one: &Considered<'_>,
        host: &Host,
        now: DateTime<Utc>,
        force: bool,
    ) -> (Verdict, String) {
        let force = force.then_some(&one.version);
        let same = |other: &&Considered<'_>| std::ptr::eq(other.update, one.update);
        let decision = self.decide(host, now, force);
        let found = decision.considered.iter().find(same).expect("the manifest is the same");
        (found.verdict, found.reason.clone())
    }

    fn decide(&self, host: &Host, now: DateTime<Utc>, force: Option<&Version>) -> Decision<'_> {
        let cause = |version: &Version| self.failed(version).map(Attempt::cause_in_words);
        choose_but(self.manifest, host, now, force, &cause)
    }
}

impl Failure {
    fn of(attempt: &Attempt) -> Self {
        Self { cause: attempt.cause_in_words(), ended: attempt.ended }
    }
}

#[cfg(test)]
mod tests;

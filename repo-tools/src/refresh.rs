//! `refresh`: signs metadata again before it expires.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use trust::{Repository, RoleName, Versions};

use crate::files::Observer;
use crate::publish::{Author, Change};
use crate::verify::verify;
use crate::{Error, Result, time};

/// How much is signed again; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The timestamp.
    Timestamp,
    /// Snapshot and timestamp.
    Snapshot,
    /// Targets, snapshot and timestamp.
    Targets,
    /// All four.
    Root,
}

impl Depth {
    /// The roles that are signed.
    pub(crate) fn roles(self) -> impl Iterator<Item = RoleName> {
        let all = [
            (Self::Timestamp, RoleName::Timestamp),
            (Self::Snapshot, RoleName::Snapshot),
            (Self::Targets, RoleName::Targets),
            (Self::Root, RoleName::Root),
        ];
        all.into_iter().filter(move |(depth, _)| *depth <= self).map(|(_, role)| role)
    }

    fn of(role: RoleName) -> Self {
        match role {
            RoleName::Timestamp => Self::Timestamp,
            RoleName::Snapshot => Self::Snapshot,
            RoleName::Targets => Self::Targets,
            RoleName::Root => Self::Root,
        }
    }
}

/// What `refresh` signed.
#[derive(Clone, Debug, Serialize)]
pub struct Refreshed {
    /// The roles that were signed again.
    pub signed: Vec<String>,
    /// The versions of the four roles.
    pub versions: RoleVersions,
    /// When the first of them expires.
    pub refresh_before: String,
    /// The roles that expire before the timestamp does, since their keys are not at hand.
    pub expiring: Vec<String>,
}

/// Versions of the four roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RoleVersions {
    /// Of the root.
    pub root: u64,
    /// Of the targets metadata.
    pub targets: u64,
    /// Of the snapshot.
    pub snapshot: u64,
    /// Of the timestamp.
    pub timestamp: u64,
}

impl From<Versions> for RoleVersions {
    fn from(versions: Versions) -> Self {
        let Versions { root, timestamp, snapshot, targets } = versions;
        Self { root, targets, snapshot, timestamp }
    }
}

/// Signs the timestamp again, and, if their keys are at hand, what else would expire before the new
/// timestamp does; all down to `least` in any case.
///
/// # Errors
///
/// Fails when keys are missing, or the repository does not verify. The root is never signed
/// unless `least` says so: its keys are not where timestamps are signed.
pub fn refresh(author: &Author, least: Depth, observer: &mut dyn Observer) -> Result<Refreshed> {
    let change = Change::begin(author)?;
    let horizon = author.policy.timestamp.after(author.now).ok_or(Error::Calendar)?;
    let wanted = needed(&change.published.repository, horizon).max(least);
    // The machine that signs timestamps may have no other key.
    let depth = if change.can_sign(wanted).is_ok() { wanted } else { least };
    change.can_sign(depth)?;
    let versions = change.publish(depth, observer)?;
    let expiries = verify(&author.layout, author.now)?.expiries();
    let expiring = expiries.iter().filter(|(_, at)| is_before(*at, horizon));
    Ok(Refreshed {
        signed: depth.roles().map(|role| role.to_string()).collect(),
        versions: versions.into(),
        refresh_before: expiries.first().map(|(_, at)| time::stamp(*at)).unwrap_or_default(),
        expiring: expiring.map(|(role, _)| role.to_string()).collect(),
    })
}

/// The roles that expire before `horizon` have to be signed again.
fn needed(repository: &Repository, horizon: DateTime<Utc>) -> Depth {
    let expiring = repository.expiries().into_iter().filter(|(_, at)| is_before(*at, horizon));
    let depths = expiring.map(|(role, _)| Depth::of(role)).filter(|depth| *depth < Depth::Root);
    depths.max().unwrap_or(Depth::Timestamp)
}

/// Whether one time lies before another by whole seconds, which is all that metadata has.
fn is_before(at: DateTime<Utc>, horizon: DateTime<Utc>) -> bool {
    at.timestamp() < horizon.timestamp()
}

impl fmt::Display for Refreshed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "signed     {}", self.signed.join(", "))?;
        write!(out, "refresh    before {}", self.refresh_before)?;
        if self.expiring.is_empty() {
            return Ok(());
        }
        write!(out, "\nexpiring   {} (its keys are needed)", self.expiring.join(", "))
    }
}

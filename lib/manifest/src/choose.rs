//! Which release a host takes, and why not each of the others.
//!
//! Releases of the host's variant and architecture are looked at from the newest to the oldest. One is out when
//! it was recalled (`version` above its own `max_version`) or has not reached the host's seed. Of the rest:
//!
//! 1. a forced version is an exact match;
//! 2. a version lock other than `latest` is an exact match, unless the host runs that version already;
//! 3. else the first that is newer than what runs, or whose `max_version` is below what runs: that is how a
//!    host on a recalled release is sent back.
//!
//! A version that has failed on the host is out as well, until somebody who can tell says otherwise ([`choose_but()`]).
//!
//! [`choose()`] is a function of plain values, `now` among them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::model::{Manifest, Update};
use crate::seed::Seed;
use crate::waves::Ready;

/// What decides on the side of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `VARIANT_ID` of its os-release.
    pub variant: String,
    /// Its architecture, `x86_64` or `aarch64`.
    pub arch: String,
    /// The version that runs.
    pub version: Version,
    /// Its place in the order of a rollout.
    pub seed: Seed,
    /// Which versions it may go to.
    pub version_lock: VersionLock,
    /// Whether it takes a release before its wave.
    pub ignore_waves: bool,
}

/// Which versions a host may go to: `latest`, or exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionLock {
    /// Whatever is newest.
    #[default]
    Latest,
    /// This version and no other.
    Exact(Version),
}

/// The text is neither `latest` nor a version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("version lock '{0}' is neither 'latest' nor a version like 1.2.3")]
pub struct VersionLockError(String);

/// The release that the host takes, if any, and every release with its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'m> {
    /// The release to install.
    pub chosen: Option<&'m Update>,
    /// Every release of the manifest, those for this host first, from the newest to the oldest.
    pub considered: Vec<Considered<'m>>,
}

/// One release and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered<'m> {
    /// The release itself.
    #[serde(skip)]
    pub update: &'m Update,
    /// Its version.
    pub version: Version,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// From when on it is for the host's seed; `None` for one that is for everybody at once, or for another variant or architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<DateTime<Utc>>,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The host takes it.
    Chosen,
    /// For another variant or architecture.
    OtherHost,
    /// Above its own `max_version`.
    Recalled,
    /// Has failed on this host.
    FailedHere,
    /// Has not reached the host's seed yet.
    NotYet,
    /// Not the version that was asked for.
    NotForced,
    /// Not the version that the host is locked to.
    NotLocked,
    /// The host runs it.
    Running,
    /// Older than what the host runs.
    Older,
    /// A newer one was taken.
    Superseded,
}

/// Chooses the release for `host` at `now`. `force` names a version that is wanted whatever runs.
pub fn choose<'m>(
    manifest: &'m Manifest,
    host: &Host,
    now: DateTime<Utc>,
    force: Option<&Version>,
) -> Decision<'m> {
    choose_but(manifest, host, now, force, &|_| None)
}

/// Chooses as [`choose()`] does, of the versions that have not failed on this host: for one that has, `failed` says why. Not even
/// a forced one is taken.
pub fn choose_but<'m>(
    manifest: &'m Manifest,
    host: &Host,
    now: DateTime<Utc>,
    force: Option<&Version>,
    failed: &dyn Fn(&Version) -> Option<String>,
) -> Decision<'m> {
    let mut updates: Vec<&Update> = manifest.updates.iter().collect();
    updates.sort_by_key(|update| (!host.fits(update), std::cmp::Reverse(&update.version)));
    let rules = Rules { host, now, force, failed };
    let mut chosen: Option<&Update> = None;
    let considered = updates.into_iter().map(|update| {
        let (verdict, reason) = rules.judge(update, chosen);
        if verdict == Verdict::Chosen {
            chosen = Some(update);
        }
        let (version, ready_at) = (update.version.clone(), host.ready_at(update));
        Considered { update, version, verdict, reason, ready_at }
    });
    let considered = considered.collect();
    Decision { chosen, considered }
}

/// The facts on which a release is judged.
struct Rules<'a> {
    host: &'a Host,
    now: DateTime<Utc>,
    force: Option<&'a Version>,
    failed: &'a dyn Fn(&Version) -> Option<String>,
}

type Judgement = (Verdict, String);

impl Rules<'_> {
    fn judge(&self, update: &Update, chosen: Option<&Update>) -> Judgement {
        self.kept_out(update).unwrap_or_else(|| match (self.force, &self.host.version_lock) {
            (Some(forced), _) => self.forced(update, forced),
            (None, VersionLock::Exact(locked)) => self.locked(update, locked),
            (None, VersionLock::Latest) => self.latest(update, chosen),
        })
    }

    /// What keeps a release from any host, or from this one for now.
    fn kept_out(&self, update: &Update) -> Option<Judgement> {
        if !self.host.fits(update) {
            let reason = format!("is for {} {}", update.variant, update.arch);
            return Some((Verdict::OtherHost, reason));
        }
        if !update.is_offered() {
            let reason = format!("was recalled: highest version allowed is {}", update.max_version);
            return Some((Verdict::Recalled, reason));
        }
        if update.version != self.host.version
            && let Some(why) = (self.failed)(&update.version)
        {
            return Some((Verdict::FailedHere, format!("failed on this host: {why}")));
        }
        let ready = update.ready_at(self.host.seed);
        if self.host.ignore_waves || ready.is_reached(self.now) {
            return None;
        }
        Some((Verdict::NotYet, format!("reaches seed {} at {ready}", self.host.seed)))
    }

    fn forced(&self, update: &Update, forced: &Version) -> Judgement {
        if update.version == *forced {
            return (Verdict::Chosen, "is the version asked for".to_owned());
        }
        (Verdict::NotForced, format!("is not the version asked for, {forced}"))
    }

    fn locked(&self, update: &Update, locked: &Version) -> Judgement {
        if update.version != *locked {
            return (Verdict::NotLocked, format!("is not the version locked to, {locked}"));
        }
        if self.host.version == *locked {
            return (Verdict::Running, "is locked to and running".to_owned());
        }
        (Verdict::Chosen, "is the version locked to".to_owned())
    }

    fn latest(&self, update: &Update, chosen: Option<&Update>) -> Judgement {
        let running = &self.host.version;
        if let Some(newer) = chosen {
            return (
                Verdict::Superseded,
                format!("is older than {}, which is chosen", newer.version),
            );
        }
        if *running < update.version {
            return (Verdict::Chosen, format!("is newer than {running}, which runs"));
        }
        if *running > update.max_version {
            let reason = format!(
                "replaces {running}, which runs and was recalled: highest version allowed is {}",
                update.max_version
            );
            return (Verdict::Chosen, reason);
        }
        if *running == update.version {
            return (Verdict::Running, "is running".to_owned());
        }
        (Verdict::Older, format!("is older than {running}, which runs"))
    }
}

impl Host {
    /// Whether a release is for this variant and architecture.
    pub fn fits(&self, update: &Update) -> bool {
        update.variant == self.variant && update.arch == self.arch
    }

    /// From when on a release that fits is for this host's seed, if not at once.
    fn ready_at(&self, update: &Update) -> Option<DateTime<Utc>> {
        match update.ready_at(self.seed) {
            Ready::At(time) if self.fits(update) => Some(time),
            _ => None,
        }
    }
}

impl Decision<'_> {
    /// Whether any release is for this host's variant and architecture.
    pub fn any_fits(&self) -> bool {
        self.considered.iter().any(|one| one.verdict != Verdict::OtherHost)
    }

    /// The first time after `now` at which a release of this host reaches its seed that had not yet when this was decided. Until then
    /// the same manifest gives the same decision.
    pub fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let waiting = self.considered.iter().filter(|one| one.verdict == Verdict::NotYet);
        waiting.filter_map(|one| one.ready_at).filter(|time| *time > now).min()
    }

    /// The releases for this host's variant and architecture.
    pub fn for_host(&self) -> impl Iterator<Item = &Considered<'_>> {
        self.considered.iter().filter(|one| one.verdict != Verdict::OtherHost)
    }
}

impl fmt::Display for Considered<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.version, self.reason)
    }
}

impl FromStr for VersionLock {
    type Err = VersionLockError;

    fn from_str(text: &str) -> Result<Self, VersionLockError> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let plain = text.strip_prefix('v').unwrap_or(text);
        let version = Version::parse(plain).map_err(|_| VersionLockError(text.to_owned()))?;
        Ok(Self::Exact(version))
    }
}

impl fmt::Display for VersionLock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => out.write_str("latest"),
            Self::Exact(version) => version.fmt(out),
        }
    }
}

impl Serialize for VersionLock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionLock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

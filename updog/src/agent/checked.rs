//! What the last look at the repository found.
//!
//! One small file in the state folder, replaced whole by whoever looks: the agent, or a person by hand. It is a note, not evidence: before anything is
//! fetched or written, the repository is looked at and verified again. A damaged one is as good as none.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use manifest::{Decision, Host, Verdict};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::files::{read_small, replace};

/// Name of the file in the state folder.
pub const FILE: &str = "checked.json";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Longest note that is read, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

/// How many releases are noted.
const MAX_RELEASES: usize = 256;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    pub(crate) format: u32,
    /// When the repository was looked at the last time.
    pub at: DateTime<Utc>,
    /// When all of it was: a look may end at nothing having changed.
    pub whole_at: DateTime<Utc>,
    /// Which host it was found for.
    pub host: String,
    /// The release that this host was to take.
    pub chosen: Option<Version>,
    /// When the next release reaches this host, if one is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_change: Option<DateTime<Utc>>,
    /// When the metadata expires, whose signatures were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// The releases for this host, the newest first.
    pub releases: Vec<Release>,
    /// How the server names what it gave, so that it can be asked whether that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<Unchanged>,
}

/// A release and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// Whether a host that has taken it up goes on with it.
    pub stands: bool,
    /// Why it is taken, or is not.
    pub reason: String,
}

/// What a server is asked with whether something has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// The address of the timestamp, without anything secret.
    pub address: String,
    /// Its entity tag in quotes, or when it was changed last, in the server's words.
    pub validator: String,
    /// The versions that had failed on this host.
    pub failed: Vec<Version>,
}

impl Checked {
    /// What a decision comes to.
    pub fn new(
        decision: &Decision<'_>,
        host: &Host,
        expires: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let releases = decision.for_host().take(MAX_RELEASES).map(|one| Release {
            version: one.version.clone(),
            stands: stands(one.verdict),
            reason: one.reason.clone(),
        });
        Self {
            format: FORMAT,
            at: now,
            whole_at: now,
            host: fingerprint(host),
            chosen: decision.chosen.map(|update| update.version.clone()),
            next_change: None,
            expires,
            releases: releases.collect(),
            unchanged: None,
        }
    }

    /// The note in the state folder, if there is one that makes sense.
    pub fn read(state: &Path) -> Option<Self> {
        parse(&read_small(&state.join(FILE), MAX_LENGTH).ok()??)
    }

    /// Replaces the note.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be made or written; the old note is then still there.
    pub fn write(&self, state: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        replace(state, &state.join(FILE), &bytes)
    }

    /// Whether it was found for a host like this one, with these settings.
    pub fn is_for(&self, host: &Host) -> bool {
        self.host == fingerprint(host)
    }

    /// Whether a host that has taken this release up goes on with it.
    pub fn stands(&self, version: &Version) -> bool {
        self.releases.iter().any(|release| release.version == *version && release.stands)
    }
}

/// The note that these bytes are.
pub fn parse(bytes: &[u8]) -> Option<Checked> {
    serde_json::from_slice::<Checked>(bytes).ok().filter(|checked| checked.format == FORMAT)
}

/// Everything of a host on which a decision rests.
fn fingerprint(host: &Host) -> String {
    let Host { variant, arch, version, seed, version_lock, ignore_waves } = host;
    let waves = if *ignore_waves { "ignored" } else { "heeded" };
    format!("{variant} {arch} {version}, seed {}, lock {version_lock}, waves {waves}", seed.value())
}

/// A release that was taken up stays the one even when a newer one comes, or its waves are moved.
fn stands(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Chosen | Verdict::NotYet | Verdict::Superseded | Verdict::Older => true,
        Verdict::OtherHost
        | Verdict::Recalled
        | Verdict::FailedHere
        | Verdict::NotForced
        | Verdict::NotLocked
        | Verdict::Running => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use manifest::Manifest;

    use super::*;
    use crate::agent::sample::host;

    #[test]
    fn a_note_reads_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Checked::read(folder.path()), None);
        let manifest = Manifest::parse(br#"{"updates": [], "migrations": {}}"#).unwrap();
        let now = DateTime::UNIX_EPOCH;
        let decision = manifest::choose(&manifest, &host(), now, None);
        let checked = Checked::new(&decision, &host(), None, now);
        checked.write(folder.path()).unwrap();
        assert_eq!(Checked::read(folder.path()), Some(checked));
        fs::write(folder.path().join(FILE), "{}").unwrap();
        assert_eq!(Checked::read(folder.path()), None);
    }

    #[test]
    fn a_host_with_other_settings_is_another_host() {
        let manifest = Manifest::parse(br#"{"updates": [], "migrations": {}}"#).unwrap();
        let decision = manifest::choose(&manifest, &host(), DateTime::UNIX_EPOCH, None);
        let checked = Checked::new(&decision, &host(), None, DateTime::UNIX_EPOCH);
        assert!(checked.is_for(&host()));
        assert!(!checked.is_for(&Host { ignore_waves: true, ..host() }));
        assert!(!checked.is_for(&Host { version: Version::new(1, 1, 0), ..host() }));
    }
}

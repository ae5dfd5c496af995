//! What the agent keeps of its own: which release it has taken up, and what did not work.
//!
//! One small file in the state folder, which only the agent writes; replaced whole. A damaged one is put in the ledger's way: said, and begun
//! anew, since all that is lost with it is which release was meant.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files::{read_small, replace};

/// Name of the file in the state folder.
pub const FILE: &str = "agent.json";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Longest record that is read, in bytes.
const MAX_LENGTH: u64 = 64 << 10;

/// What the agent remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The release that was taken up, from the check that found it to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// When the repository is looked at next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check: Option<DateTime<Utc>>,
    /// What did not work the last time that it was tried, once for each step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setbacks: Vec<Setback>,
    /// Since when hooks put the restart off, and which of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_off: Option<PutOff>,
    /// What was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// What was told of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The state's name.
    pub state: String,
    /// The release that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// What the restart waited for, by its codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
}

/// A release that was taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Its version.
    pub version: Version,
    /// The version that ran then.
    pub from: Version,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether an operator has put it onto the inactive set; what the repository says of it does not matter then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// The restart into it, once it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartAsked>,
}

/// A restart that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartAsked {
    /// The boot in which it was.
    pub boot: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One of the agent's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A look at the repository.
    Check,
    /// Fetching, writing and reading back.
    Fetch,
    /// The flip and the restart.
    Restart,
}

/// A step that did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// The step.
    pub step: Kind,
    /// How often it failed, one time after the other.
    pub count: u32,
    /// When it failed the last time.
    pub at: DateTime<Utc>,
    /// When it is tried again.
    pub again: DateTime<Utc>,
    /// Why, in words.
    pub why: String,
}

/// A restart that hooks put off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutOff {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The hook that did the last time.
    pub hook: String,
    /// What it said.
    pub why: String,
}

/// Why the record cannot be used.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file or its folder cannot be used.
    #[error("cannot use the agent's record {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is there and makes no sense.
    #[error("the agent's record {path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Default for Record {
    fn default() -> Self {
        Self {
            format: FORMAT,
            pin: None,
            next_check: None,
            setbacks: Vec::new(),
            put_off: None,
            told: None,
        }
    }
}

impl Told {
    /// Whether it was told of the same state of the same release, whatever kept it there.
    pub fn is_about(&self, other: &Self) -> bool {
        (&self.state, &self.version) == (&other.state, &other.version)
    }
}

impl Pin {
    /// A release that is taken up now.
    pub fn new(version: Version, from: Version, since: DateTime<Utc>) -> Self {
        Self { version, from, since, by_hand: false, restart: None }
    }
}

impl Record {
    /// The record in the state folder, an empty one if there is none.
    ///
    /// # Errors
    ///
    /// Fails when there is one that cannot be read or makes no sense.
    pub fn read(state: &Path) -> Result<Self, RecordError> {
        let path = state.join(FILE);
        match read_small(&path, MAX_LENGTH) {
            Ok(Some(bytes)) => {
                parse(&bytes).map_err(|problem| RecordError::Damaged { path, problem })
            }
            Ok(None) => Ok(Self::default()),
            Err(source) => Err(RecordError::File { path, source }),
        }
    }

    /// Replaces the record, durably.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be made or written; the old record is then still there.
    pub fn write(&self, state: &Path) -> Result<(), RecordError> {
        let path = state.join(FILE);
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other);
        bytes
            .and_then(|bytes| replace(state, &path, &bytes))
            .map_err(|source| RecordError::File { path, source })
    }

    /// The setback of a step, if it did not work the last time.
    pub fn setback_of(&self, step: Kind) -> Option<&Setback> {
        self.setbacks.iter().find(|setback| setback.step == step)
    }

    /// Notes that a step did not work.
    pub fn set_back(&mut self, setback: Setback) {
        self.clear_setback(setback.step);
        self.setbacks.push(setback);
    }

    /// Forgets the setback of a step that has worked.
    pub fn clear_setback(&mut self, step: Kind) {
        self.setbacks.retain(|setback| setback.step != step);
    }

    /// Forgets everything about the release that was taken up.
    pub fn let_go(&mut self) {
        self.pin = None;
        self.put_off = None;
        self.clear_setback(Kind::Fetch);
        self.clear_setback(Kind::Restart);
    }
}

/// The record that these bytes are.
///
/// # Errors
///
/// Says what is wrong with bytes that are none, or one of another format.
pub fn parse(bytes: &[u8]) -> Result<Record, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match record.format {
        FORMAT => Ok(record),
        format => Err(format!("it has format {format}, this program knows {FORMAT}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_record_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(Record::read(&state).unwrap(), Record::default());
        let at = DateTime::UNIX_EPOCH;
        let mut pin = Pin::new(Version::new(1, 1, 0), Version::new(1, 0, 0), at);
        pin.restart = Some(RestartAsked { boot: Some("one".to_owned()), at });
        let why = "two jobs are left".to_owned();
        let setback = Setback { step: Kind::Fetch, count: 2, at, again: at, why: why.clone() };
        let record = Record {
            pin: Some(pin),
            setbacks: vec![setback],
            put_off: Some(PutOff { since: at, hook: "10-drain".to_owned(), why }),
            ..Record::default()
        };
        record.write(&state).unwrap();
        assert_eq!(Record::read(&state).unwrap(), record);
        assert!(
            record.setback_of(Kind::Fetch).is_some() && record.setback_of(Kind::Check).is_none()
        );
    }

    #[test]
    fn a_damaged_record_is_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let long = vec![b' '; usize::try_from(MAX_LENGTH).unwrap() + 1];
        for bytes in [&b""[..], b"[]", b"{\"format\": 2}", &long] {
            fs::write(folder.path().join(FILE), bytes).unwrap();
            let error = Record::read(folder.path()).unwrap_err();
            assert!(matches!(error, RecordError::Damaged { .. }));
        }
    }
}

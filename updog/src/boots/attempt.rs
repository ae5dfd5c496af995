//! One installation of a version in a set, and what came of it.

use chrono::{DateTime, Utc};
use gptprio::SetId;
use manifest::{Contents, Digest};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Cause, Finding};

/// An installation and its boots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The set that it lies in.
    pub set: SetId,
    /// Its version.
    pub version: Version,
    /// Root hash of its root image, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_hash: Option<Digest>,
    /// Starts that it was given to prove itself, where an update gave it some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u8>,
    /// When it was noted.
    pub noted: DateTime<Utc>,
    /// In which boot it was noted: in that one it has not failed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted_in: Option<String>,
    /// How many of its starts reached the checks.
    #[serde(default)]
    pub starts: u32,
    /// How many of them were marked good.
    #[serde(default)]
    pub good_starts: u32,
    /// When the last of them began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<DateTime<Utc>>,
    /// Whether the checks of the last start have begun and not ended.
    #[serde(default)]
    pub unfinished: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// When it was good, failed or taken back, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// Why its last start that was not good was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// More about the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many starts one after the other, up to the one before the last, ended in a panic.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub panics: u32,
    /// Whether the failed set is still to be looked at for the cause.
    #[serde(default)]
    pub to_examine: bool,
    /// Whether an operator has allowed the version again.
    #[serde(default)]
    pub cleared: bool,
    /// Whether it ended because an operator wanted another set to run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
    /// What the set holds, where it was installed by an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It boots next and has not been seen to start.
    Waiting,
    /// It was started and has not been proven good since.
    Unproven,
    /// The checks of its last start passed.
    Good,
    /// Another set took its place, or nothing could.
    Failed,
    /// The operator went back before it was proven.
    Withdrawn,
}

impl Attempt {
    /// One that is noted now and has not started.
    pub(super) fn new(set: SetId, version: Version, noted: DateTime<Utc>) -> Self {
        Self {
            set,
            version,
            root_hash: None,
            tries: None,
            noted,
            noted_in: None,
            starts: 0,
            good_starts: 0,
            started: None,
            unfinished: false,
            outcome: Outcome::Waiting,
            ended: None,
            cause: None,
            detail: None,
            panics: 0,
            to_examine: false,
            cleared: false,
            declined: false,
            contents: None,
        }
    }

    /// Whether it has failed and no operator has cleared it.
    pub fn stands_as_failed(&self) -> bool {
        self.outcome == Outcome::Failed && !self.cleared
    }

    /// Why it failed, with the last that is known about it.
    pub fn cause_in_words(&self) -> String {
        let Some(cause) = self.cause.clone() else { return "unknown".to_owned() };
        Finding { cause, detail: self.detail.clone() }.to_string()
    }

    /// Whether it may yet be found to have failed.
    pub(super) fn may_fail(&self) -> bool {
        matches!(self.outcome, Outcome::Waiting | Outcome::Unproven | Outcome::Good)
    }

    /// Begins a start; `panic` is what is known of how the one before it ended.
    pub(super) fn begin(&mut self, panic: Option<Finding>, now: DateTime<Utc>) {
        self.panics = if panic.is_some() { self.panics.saturating_add(1) } else { 0 };
        panic.into_iter().for_each(|finding| self.blame(finding));
        self.starts = self.starts.saturating_add(1);
        self.started = Some(now);
        self.unfinished = true;
        self.outcome = Outcome::Unproven;
        self.cleared = false;
        self.to_examine = false;
    }

    /// The checks of the last start passed. How the ones before it ended is kept as long as it was in a panic.
    /// Said again of the same start it counts once.
    pub(super) fn prove(&mut self, now: DateTime<Utc>) {
        if self.outcome != Outcome::Good {
            self.good_starts = self.good_starts.saturating_add(1);
        }
        self.end(Outcome::Good, now);
        if self.panics == 0 {
            (self.cause, self.detail) = (None, None);
        }
    }

    /// The last start did not end, or not well; others may follow.
    pub(super) fn blame(&mut self, finding: Finding) {
        self.unfinished = false;
        (self.cause, self.detail) = (Some(finding.cause), finding.detail);
    }

    /// No start will follow.
    pub(super) fn fail(&mut self, now: DateTime<Utc>) {
        self.end(Outcome::Failed, now);
        self.cleared = false;
    }

    /// It is to be started once more: after it was taken back, or failed and was cleared.
    pub(super) fn reopen(&mut self) {
        if self.outcome == Outcome::Withdrawn || (self.outcome == Outcome::Failed && self.cleared) {
            (self.outcome, self.ended, self.cleared) = (Outcome::Waiting, None, false);
            (self.cause, self.detail, self.panics) = (None, None, 0);
        }
    }

    pub(super) fn withdraw(&mut self, now: DateTime<Utc>) {
        self.end(Outcome::Withdrawn, now);
    }

    fn end(&mut self, outcome: Outcome, now: DateTime<Utc>) {
        self.unfinished = false;
        self.outcome = outcome;
        self.ended = Some(now);
    }
}

/// Most attempts have no panics to write down.
fn is_zero(count: &u32) -> bool {
    *count == 0
}

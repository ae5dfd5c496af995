//! The ledger as a value, and what the commands note in it.

use chrono::{DateTime, Utc};
use gptprio::{SetId, Sets, Tries, choose};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Attempt, Finding, KnownRecords, Outcome};
use crate::staged::Staged;

/// The format that this code writes and reads.
pub(super) const FORMAT: u32 = 1;

/// How many attempts are remembered.
pub const MAX_ATTEMPTS: usize = 32;

/// Every attempt that is remembered, the oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Version of this record's format.
    pub(super) format: u32,
    /// What ran when something was noted the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// The set that is gone back to with the next restart, by an operator or by the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub going_to: Option<SetId>,
    /// The records of panics that were there at the last note; `None` if nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_records: Option<KnownRecords>,
    /// The attempts.
    pub attempts: Vec<Attempt>,
}

/// How a set is left for the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// An operator does not want its release here.
    Declined,
    /// Its release may be taken again as soon as it is offered.
    PutBack,
}

/// A boot that was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The set.
    pub set: SetId,
    /// Its version.
    pub version: Version,
    /// What the kernel calls the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// The set that was to start next when this boot was marked good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SetId>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            format: FORMAT,
            running: None,
            going_to: None,
            known_records: None,
            attempts: Vec::new(),
        }
    }
}

impl Ledger {
    /// The versions that have failed here and are not taken again, the newest failure of each.
    pub fn failed_versions(&self) -> Vec<&Attempt> {
        let last = |(place, one): &(usize, &Attempt)| {
            let mut later = self.attempts.iter().skip(place.saturating_add(1));
            later.all(|other| other.version != one.version || other.outcome != Outcome::Good)
        };
        let all = self.attempts.iter().enumerate().filter(last).map(|(_, one)| one);
        let mut failed: Vec<&Attempt> = Vec::new();
        for one in all.filter(|one| one.stands_as_failed()) {
            failed.retain(|other| other.version != one.version);
            failed.push(one);
        }
        failed
    }

    /// The last attempt with a set, by its place.
    pub(super) fn last_in(&self, set: SetId) -> Option<usize> {
        self.attempts.iter().rposition(|one| one.set == set)
    }

    /// Notes that a release is about to be made to boot next.
    pub fn note_update(
        &mut self,
        staged: &Staged,
        tries: Tries,
        now: DateTime<Utc>,
        boot: Option<String>,
    ) {
        self.going_to = None;
        let attempt = Attempt {
            root_hash: Some(staged.contents.root_hash),
            tries: Some(tries.value()),
            noted_in: boot,
            contents: Some(staged.contents.clone()),
            ..Attempt::new(staged.set, staged.version.clone(), now)
        };
        if let Some(last) = self.last_in(staged.set).and_then(|last| self.attempts.get_mut(last)) {
            let again = last.version == attempt.version && last.contents == attempt.contents;
            match last.outcome {
                // The same command again, after a cut or after it was taken back.
                Outcome::Waiting | Outcome::Withdrawn if again && last.starts == 0 => {
                    *last = attempt;
                    return;
                }
                Outcome::Waiting | Outcome::Unproven => last.withdraw(now),
                Outcome::Good | Outcome::Failed | Outcome::Withdrawn => {}
            }
        }
        self.add(attempt);
    }

    /// Notes that `set` is to boot next, and how the other one is left. What was taken back there has its turn again, and may fail.
    pub fn note_going_to(&mut self, set: SetId, left: Left, now: DateTime<Utc>) {
        self.going_to = Some(set);
        let other = self.last_in(set.other()).and_then(|place| self.attempts.get_mut(place));
        if let Some(other) = other {
            // What a person has declined stays so.
            other.declined |= left == Left::Declined;
            if other.outcome == Outcome::Waiting {
                other.withdraw(now);
            }
        }
        let runs = self.running.as_ref().is_some_and(|running| running.set == set);
        if let Some(meant) = self.last_in(set).and_then(|place| self.attempts.get_mut(place)) {
            meant.declined = false;
            if !runs {
                meant.reopen();
            }
        }
    }

    /// The versions that an operator left for another set, and has not gone to again.
    pub fn declined_versions(&self) -> Vec<&Version> {
        let last = |(place, one): &(usize, &Attempt)| {
            let mut later = self.attempts.iter().skip(place.saturating_add(1));
            later.all(|other| other.version != one.version)
        };
        let last = self.attempts.iter().enumerate().filter(last);
        last.filter(|(_, one)| one.declined).map(|(_, one)| &one.version).collect()
    }

    /// Whether this is one of them. What runs was gone to again.
    pub fn declines(&self, version: &Version, running: &Version) -> bool {
        version != running && self.declined_versions().contains(&version)
    }

    /// The last attempt with a set.
    pub fn last(&self, set: SetId) -> Option<&Attempt> {
        self.last_in(set).and_then(|place| self.attempts.get(place))
    }

    /// Notes that the running set was marked good, and what the boot bits are since.
    pub fn note_good(&mut self, sets: &Sets, now: DateTime<Utc>) {
        if let Some(running) = &mut self.running {
            running.next = choose(sets).map(|choice| choice.set);
        }
        self.running_attempt().into_iter().for_each(|attempt| attempt.prove(now));
    }

    /// Notes why the running set was not marked good. `last` says that no restart will follow that could lead to another set.
    pub fn note_bad(&mut self, finding: Finding, last: bool, now: DateTime<Utc>) {
        let Some(attempt) = self.running_attempt() else { return };
        attempt.blame(finding);
        if last {
            attempt.fail(now);
        }
    }

    /// Notes why a start of a set is not good of which nothing more can be noted.
    pub fn note_unseen(&mut self, set: SetId, finding: Finding) {
        let last = self.last_in(set).and_then(|place| self.attempts.get_mut(place));
        last.filter(|last| last.may_fail())
            .into_iter()
            .for_each(|last| last.blame(finding.clone()));
    }

    fn running_attempt(&mut self) -> Option<&mut Attempt> {
        let place = self.last_in(self.running.as_ref()?.set)?;
        self.attempts.get_mut(place)
    }

    /// The attempts whose sets are still to be looked at for the cause, by place.
    pub fn to_examine(&self) -> Vec<(usize, &Attempt)> {
        self.attempts.iter().enumerate().filter(|(_, one)| one.to_examine).collect()
    }

    /// Notes what a look at a failed set has shown; nothing leaves the cause as it was.
    pub fn note_examined(&mut self, set: SetId, version: &Version, finding: Option<Finding>) {
        let examined =
            |one: &&mut Attempt| one.to_examine && one.set == set && one.version == *version;
        for attempt in self.attempts.iter_mut().filter(examined) {
            attempt.to_examine = false;
            if let Some(finding) = finding.clone() {
                (attempt.cause, attempt.detail) = (Some(finding.cause), finding.detail);
            }
        }
    }

    /// Allows a version again, or all of them; which were not allowed before.
    pub fn clear(&mut self, version: Option<&Version>) -> Vec<Version> {
        let meant = |one: &&mut Attempt| {
            let stands = one.stands_as_failed() || one.declined;
            stands && version.is_none_or(|version| one.version == *version)
        };
        let mut cleared = Vec::new();
        for attempt in self.attempts.iter_mut().filter(meant) {
            attempt.cleared |= attempt.stands_as_failed();
            attempt.declined = false;
            cleared.push(attempt.version.clone());
        }
        cleared.sort();
        cleared.dedup();
        cleared
    }

    /// Adds an attempt. What is forgotten for it, if the ledger is full, is the oldest that says least: a failure that
    /// stands is the last to go, and what the sets hold now does not go at all.
    pub(super) fn add(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        while self.attempts.len() > MAX_ATTEMPTS {
            let kept = SetId::ALL.map(|set| self.last_in(set));
            let worth = |place: usize, one: &Attempt| (one.stands_as_failed(), place);
            let all = self.attempts.iter().enumerate();
            let others = all.filter(|(place, _)| !kept.contains(&Some(*place)));
            let least = others.min_by_key(|(place, one)| worth(*place, one));
            let Some((place, _)) = least else { return };
            self.attempts.remove(place);
        }
    }
}

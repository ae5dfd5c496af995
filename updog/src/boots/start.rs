//! A start is seen: what it says about the set that runs, and about the one that does not.

use chrono::{DateTime, Utc};
use gptprio::{BootBits, Priority, SetId, Sets, Tries};
use handover::{Fault, Handover, NotStarted};
use manifest::Digest;
use semver::Version;

use super::{Attempt, Cause, Finding, Ledger, Outcome, Running};

/// What is known when a set has come up.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The set.
    pub set: SetId,
    /// Its version.
    pub version: Version,
    /// Root hash of its root, where the kernel's command line says it.
    pub root_hash: Option<Digest>,
    /// What the other set's kernel image says which version it is.
    pub other_version: Option<Version>,
    /// The boot bits of both sets.
    pub sets: Sets,
    /// What the boot selector says, where there is one.
    pub handover: Option<Handover>,
    /// What the kernel calls this boot.
    pub boot: Option<String>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Why the set that does not run does not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Left {
    /// It has not been its turn, or nobody knows.
    Unknown,
    /// Somebody wanted it so.
    Withdrawn,
    /// It did not come up; the cause, where the boot selector knows it.
    Failed(Option<Finding>),
}

impl Ledger {
    /// Notes a start: reconciles what was expected with what runs, and begins the start of what does. Said again in the same
    /// boot it changes nothing.
    pub fn note_start(&mut self, seen: &Seen) {
        if self.is_known(seen) {
            return;
        }
        self.end_unfinished();
        self.reconcile(seen);
        self.begin(seen);
        self.going_to = None;
        let Seen { set, version, boot, .. } = seen.clone();
        self.running = Some(Running { set, version, boot });
    }

    fn is_known(&self, seen: &Seen) -> bool {
        let known = |running: &&Running| {
            running.boot.is_some() && running.boot == seen.boot && running.set == seen.set
        };
        self.running.as_ref().filter(known).is_some()
    }

    /// Whatever was running its checks when the machine went down did not end them.
    fn end_unfinished(&mut self) {
        for attempt in self.attempts.iter_mut().filter(|one| one.unfinished) {
            attempt.blame(Finding::plain(Cause::time_out()));
        }
    }

    /// Ends the attempt with the set that does not run, if it is over.
    fn reconcile(&mut self, seen: &Seen) {
        let other = seen.set.other();
        let place = self.last_in(other);
        let last = place.and_then(|place| self.attempts.get(place));
        if last.is_some_and(|last| !last.may_fail() || is_noted_here(last, seen)) {
            return;
        }
        let left = self.left(seen);
        match (place, left) {
            (_, Left::Unknown) => {}
            (Some(place), Left::Withdrawn) => self.withdraw(place, seen.now),
            (Some(place), Left::Failed(finding)) => self.fail(place, finding, seen.now),
            (None, Left::Failed(finding)) => self.fail_unnoted(other, finding, seen),
            (None, Left::Withdrawn) => {}
        }
    }

    fn withdraw(&mut self, place: usize, now: DateTime<Utc>) {
        let open = |one: &&mut Attempt| one.outcome != Outcome::Good;
        if let Some(attempt) = self.attempts.get_mut(place).filter(open) {
            attempt.withdraw(now);
        }
    }

    /// What the selector knows of this boot counts more than what was known of an earlier start.
    fn fail(&mut self, place: usize, finding: Option<Finding>, now: DateTime<Utc>) {
        let Some(attempt) = self.attempts.get_mut(place) else { return };
        // A verdict of the checks and what the selector says are causes; a silence has to be looked into.
        attempt.to_examine = finding.is_none()
            && attempt.cause.as_ref().is_none_or(|cause| *cause == Cause::time_out());
        if let Some(finding) = finding {
            attempt.blame(finding);
        } else if attempt.cause.is_none() {
            attempt.blame(Finding::plain(Cause::never_reached_userland()));
        }
        attempt.fail(now);
    }

    /// A failure of a set of which nothing is noted: its bits and the selector tell of it all the same.
    fn fail_unnoted(&mut self, set: SetId, finding: Option<Finding>, seen: &Seen) {
        let Some(version) = seen.other_version.clone() else { return };
        self.add(Attempt::new(set, version, seen.now));
        if let Some(place) = self.last_in(set) {
            self.fail(place, finding, seen.now);
        }
    }

    /// Why the set that does not run does not.
    fn left(&self, seen: &Seen) -> Left {
        let other = seen.set.other();
        let Some(bits) = seen.sets.bits(other) else { return Left::Unknown };
        match not_started(seen, other) {
            Some(one) if one.fault == Fault::Machine && !is_used_up(bits) => return Left::Unknown,
            Some(one) => return Left::Failed(Some(Finding::plain(Cause::kernel_image(&one.why)))),
            None => {}
        }
        if self.going_to == Some(seen.set) {
            return Left::Withdrawn;
        }
        match Ranking::of(seen, other, bits) {
            _ if bits.is_spent() => Left::Failed(None),
            Ranking::Before if is_used_up(bits) => Left::Failed(None),
            Ranking::Before => Left::Unknown,
            Ranking::Behind => Left::Withdrawn,
        }
    }

    /// Begins a start of the set that runs.
    fn begin(&mut self, seen: &Seen) {
        let same = |place: &usize| {
            self.attempts.get(*place).is_some_and(|one| one.version == seen.version)
        };
        if self.last_in(seen.set).filter(same).is_none() {
            self.replace(seen.set, seen.now);
            self.add(Attempt::new(seen.set, seen.version.clone(), seen.now));
        }
        let place = self.last_in(seen.set);
        if let Some(attempt) = place.and_then(|place| self.attempts.get_mut(place)) {
            attempt.root_hash = attempt.root_hash.or(seen.root_hash);
            attempt.begin(seen.now);
        }
    }

    /// What was noted in a set that now holds something else has not been tried to its end.
    fn replace(&mut self, set: SetId, now: DateTime<Utc>) {
        if let Some(place) = self.last_in(set) {
            self.withdraw_open(place, now);
        }
    }

    fn withdraw_open(&mut self, place: usize, now: DateTime<Utc>) {
        let open = |one: &&mut Attempt| matches!(one.outcome, Outcome::Waiting | Outcome::Unproven);
        if let Some(attempt) = self.attempts.get_mut(place).filter(open) {
            attempt.withdraw(now);
        }
    }
}

/// Whether the bits put the set that does not run before the one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ranking {
    Before,
    Behind,
}

impl Ranking {
    /// By priority alone: who goes back, or takes an update back, changes it; who fails does not.
    fn of(seen: &Seen, other: SetId, bits: BootBits) -> Self {
        let running = seen.sets.bits(seen.set).map_or(Priority::ZERO, |bits| bits.priority);
        let first = other == SetId::A;
        match bits.priority.cmp(&running) {
            std::cmp::Ordering::Greater => Self::Before,
            std::cmp::Ordering::Equal if first => Self::Before,
            _ => Self::Behind,
        }
    }
}

/// Whether a set had tries to prove itself and has none left.
fn is_used_up(bits: BootBits) -> bool {
    !bits.successful && bits.tries == Tries::ZERO
}

/// What the boot selector says about a set that it could not start in this boot.
fn not_started(seen: &Seen, set: SetId) -> Option<&NotStarted> {
    let handover = seen.handover.as_ref().filter(|handover| handover.set == seen.set)?;
    handover.failed.iter().find(|failed| failed.set == set)
}

/// Whether an attempt was noted in the boot that is seen now: it cannot have been tried.
fn is_noted_here(attempt: &Attempt, seen: &Seen) -> bool {
    attempt.noted_in.is_some() && attempt.noted_in == seen.boot
}

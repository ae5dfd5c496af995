//! A start is seen: what it says about the set that runs, and about the one that does not.

use chrono::{DateTime, Utc};
use gptprio::{BootBits, Priority, SetId, Sets, Tries};
use handover::{Fault, Handover, NotStarted};
use manifest::Digest;
use semver::Version;

use super::panic::Panic;
use super::{Attempt, Cause, Finding, Ledger, Outcome, PanicRecord, Running};

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
    /// What the kernel has left of panics, the last one last.
    pub panics: Vec<PanicRecord>,
    /// What the kernel calls this boot.
    pub boot: Option<String>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Why the set that does not run does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
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
        let panic = self.panic_before(seen);
        self.end_unfinished(&panic);
        self.reconcile(seen, &panic);
        self.begin(seen, &panic);
        self.going_to = None;
        self.known_records.get_or_insert_default().learn(&seen.panics);
        let Seen { set, version, boot, .. } = seen.clone();
        self.running = Some(Running { set, version, boot, next: None });
    }

    fn is_known(&self, seen: &Seen) -> bool {
        let known = |running: &&Running| {
            running.boot.is_some() && running.boot == seen.boot && running.set == seen.set
        };
        self.running.as_ref().filter(known).is_some()
    }

    /// Whatever was running its checks when the machine went down did not end them.
    fn end_unfinished(&mut self, panic: &Panic) {
        for attempt in self.attempts.iter_mut().filter(|one| one.unfinished) {
            let time_out = Finding::plain(Cause::time_out());
            attempt.blame(panic.of(attempt.set).unwrap_or(time_out));
        }
    }

    /// Ends the attempt with the set that does not run, if it is over.
    fn reconcile(&mut self, seen: &Seen, panic: &Panic) {
        let other = seen.set.other();
        match (self.last_in(other), self.left(seen)) {
            (_, Left::Unknown) => {}
            (Some(place), Left::Withdrawn) => self.withdraw(place, seen.now),
            (Some(place), Left::Failed(finding)) => self.fail(place, finding, panic, seen.now),
            (None, Left::Failed(finding)) => self.fail_unnoted(finding, panic, seen),
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
    fn fail(&mut self, place: usize, finding: Option<Finding>, panic: &Panic, now: DateTime<Utc>) {
        let once = !self.was_unmarked_before(place);
        let Some(attempt) = self.attempts.get_mut(place) else { return };
        // A verdict of the checks and what the selector says are causes; a silence has to be looked into.
        let silent = attempt.cause.as_ref().is_none_or(Cause::may_be_corruption);
        let unmarked = attempt.cause.as_ref().is_some_and(Cause::is_cannot_mark);
        let panic = panic.of(attempt.set).filter(|_| silent || unmarked);
        attempt.to_examine = finding.is_none() && (silent || panic.is_some());
        match finding.or(panic) {
            Some(finding) => attempt.blame(finding),
            // The version was well, and the disk was not: it may come once more.
            None if unmarked && once => return attempt.withdraw(now),
            None if attempt.cause.is_none() => {
                attempt.blame(Finding::plain(Cause::never_reached_userland()));
            }
            None => {}
        }
        attempt.fail(now);
    }

    /// Whether an earlier attempt of the same version ended because a good boot could not be marked.
    fn was_unmarked_before(&self, place: usize) -> bool {
        let Some(attempt) = self.attempts.get(place) else { return false };
        let unmarked = |one: &Attempt| one.cause.as_ref().is_some_and(Cause::is_cannot_mark);
        let mut earlier = self.attempts.iter().take(place);
        earlier.any(|one| one.version == attempt.version && unmarked(one))
    }

    /// A failure of a set of which nothing is noted: its bits and the selector tell of it all the same.
    fn fail_unnoted(&mut self, finding: Option<Finding>, panic: &Panic, seen: &Seen) {
        let (Some(version), set) = (seen.other_version.clone(), seen.set.other()) else { return };
        self.add(Attempt::new(set, version, seen.now));
        if let Some(place) = self.last_in(set) {
            self.fail(place, finding, panic, seen.now);
        }
    }

    /// Why the set that does not run does not, if that is not known yet.
    pub(super) fn left(&self, seen: &Seen) -> Left {
        let other = seen.set.other();
        if self.last(other).is_some_and(|last| !last.may_fail() || is_noted_here(last, seen)) {
            return Left::Unknown;
        }
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
    fn begin(&mut self, seen: &Seen, panic: &Panic) {
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
            attempt.begin(panic.of(seen.set), seen.now);
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

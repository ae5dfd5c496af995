//! A machine that is played: bits, versions in sets, and a ledger. A start is what `gptprio` says.

use chrono::{DateTime, TimeDelta, Utc};
use gptprio::{BootBits, Priority, SetId, Sets, State, Tries, start};
use handover::{Fault, Handover, NotStarted, Rule, TableNote};
use manifest::{Content, Contents, Digest};
use semver::Version;
use updog::boots::{Attempt, Cause, Finding, Ledger, Left, Outcome, PanicRecord, Seen};
use updog::health::verdict;
use updog::staged::Staged;

/// What becomes of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The firmware does not take its kernel image: the other set is started in the same boot.
    NotLoaded,
    /// Nothing is heard of it.
    Silent,
    /// Its checks begin and never end.
    Hangs,
    /// A check fails.
    Sick,
    /// It is well.
    Well,
    /// It is well, and the disk cannot be told so.
    Unmarked,
    /// It is well, and panics later.
    Dies,
    /// It panics before anything is heard of it.
    Panics,
}

/// The machine.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) sets: Sets,
    pub(crate) active: SetId,
    pub(crate) versions: [Version; 2],
    pub(crate) ledger: Ledger,
    pub(crate) boots: u32,
    /// Whether what was done to the disk was noted, as `updog` does and `signpost` does not.
    pub(crate) notes: bool,
    /// What the kernels have left, and what time they thought it was.
    pub(crate) panics: Vec<PanicRecord>,
    pub(crate) clock: DateTime<Utc>,
}

pub(crate) fn version(minor: u64) -> Version {
    Version::new(1, minor, 0)
}

fn place(set: SetId) -> usize {
    usize::from(set == SetId::B)
}

fn staged(set: SetId, version: &Version) -> Staged {
    let digest = Digest::new([u8::try_from(version.minor).unwrap(); 32]);
    let [boot, root, hash] = [1, 4096, 8192].map(|length| Content::new(length, digest));
    let contents = Contents::new(digest, boot, root, hash);
    Staged::new(set, version.clone(), "x".into(), "x86_64".into(), contents)
}

impl Machine {
    /// From the factory: 1.0.0 in set A, nothing in B, and the first boot is well.
    pub(crate) fn new() -> Self {
        let a = BootBits { priority: Priority::ONE, successful: true, ..BootBits::CLEAR };
        let mut machine = Self {
            sets: Sets { a, b: Some(BootBits::CLEAR) },
            active: SetId::A,
            versions: [version(0), version(0)],
            ledger: Ledger::default(),
            boots: 0,
            notes: true,
            panics: Vec::new(),
            clock: DateTime::UNIX_EPOCH,
        };
        machine.boot(Fate::Well);
        machine
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(i64::from(self.boots))
    }

    fn boot_id(&self) -> Option<String> {
        Some(format!("boot-{}", self.boots))
    }

    pub(crate) fn state(&self) -> State {
        State { sets: self.sets, active: self.active, ever_succeeded: true }
    }

    pub(crate) fn version_in(&self, set: SetId) -> &Version {
        &self.versions[place(set)]
    }

    pub(crate) fn last_in(&self, set: SetId) -> Option<&Attempt> {
        self.ledger.attempts.iter().rev().find(|one| one.set == set)
    }

    pub(crate) fn outcome_in(&self, set: SetId) -> (Outcome, Option<String>) {
        let last = self.last_in(set).expect("it is noted");
        (last.outcome, last.cause.as_ref().map(|cause| cause.as_str().to_owned()))
    }

    pub(crate) fn has_failed(&self, version: &Version) -> bool {
        self.ledger.failed_versions().iter().any(|failed| failed.version == *version)
    }

    /// Installs a version in the other set and makes it boot next; whether that was allowed.
    pub(crate) fn update(&mut self, version: Version, tries: u8) -> bool {
        let tries = Tries::new(tries).unwrap();
        let state = self.state();
        let flipped = state
            .clear_inactive()
            .and_then(|state| state.mark_inactive_valid(tries))
            .and_then(State::upgrade_to_inactive);
        let Ok(flipped) = flipped else { return false };
        let set = self.active.other();
        let (now, boot) = (self.now(), self.boot_id());
        self.ledger.note_update(&staged(set, &version), tries, now, boot);
        self.versions[place(set)] = version;
        self.sets = flipped.sets;
        true
    }

    /// Goes back to the other set; whether that was allowed.
    pub(crate) fn roll_back(&mut self) -> bool {
        let Ok(back) = self.state().rollback_to_inactive() else { return false };
        if self.notes {
            self.ledger.note_going_to(self.active.other(), Left::Declined, self.now());
        }
        self.sets = back.sets;
        true
    }

    /// Takes an update back before it was started, and leaves it so; whether that was allowed.
    pub(crate) fn revert(&mut self, left: Left) -> bool {
        let Ok(back) = self.state().cancel_upgrade() else { return false };
        self.ledger.note_going_to(self.active, left, self.now());
        self.sets = back.sets;
        true
    }

    /// Starts what the bits say; whether anything could.
    pub(crate) fn boot(&mut self, fate: Fate) -> bool {
        let Some((choice, after)) = start(&self.sets) else { return false };
        self.boots += 1;
        (self.sets, self.active) = (after, choice.set);
        match fate {
            Fate::NotLoaded => self.fall_back(),
            Fate::Silent => true,
            Fate::Hangs => self.comes_up(None),
            Fate::Sick => self.comes_up(None) && self.is_sick(),
            Fate::Well => self.comes_up(None) && self.is_well(),
            Fate::Unmarked => self.comes_up(None) && self.is_unmarked(),
            Fate::Dies => self.comes_up(None) && self.is_well() && self.panics("dm-verity"),
            Fate::Panics => self.panics("no init"),
        }
    }

    /// Leaves a record, with a name of its own as the firmware's variables have.
    pub(crate) fn panics(&mut self, why: &str) -> bool {
        let name = format!("dmesg-efi-{}", self.boots);
        let text = format!("<0>[ 1.1] Kernel panic - not syncing: {why}");
        self.panics.push(PanicRecord::read(&name, self.clock, &text).unwrap());
        true
    }

    /// The other set in the same boot, as the boot selector does; it is well.
    fn fall_back(&mut self) -> bool {
        let failed = self.active;
        let bits = self.sets.bits(failed).unwrap();
        let Some((choice, after)) = start(&self.sets.with(failed, BootBits::CLEAR)) else {
            return false;
        };
        (self.sets, self.active) = (after.with(failed, bits), choice.set);
        self.comes_up(Some(not_started(failed, Fault::Image))) && self.is_well()
    }

    pub(crate) fn seen(&self, failed: Option<NotStarted>) -> Seen {
        let handover = Handover {
            set: self.active,
            rule: Rule::Chosen,
            bits: self.sets.bits(self.active).unwrap(),
            counted: true,
            table: TableNote::Good,
            reason: String::new(),
            failed: failed.into_iter().collect(),
        };
        Seen {
            set: self.active,
            version: self.version_in(self.active).clone(),
            root_hash: None,
            other_version: Some(self.version_in(self.active.other()).clone()),
            sets: self.sets,
            handover: Some(handover),
            panics: self.panics.clone(),
            boot: self.boot_id(),
            now: self.now(),
        }
    }

    fn comes_up(&mut self, failed: Option<NotStarted>) -> bool {
        let seen = self.seen(failed);
        self.ledger.note_start(&seen);
        let once = self.ledger.clone();
        self.ledger.note_start(&seen);
        assert_eq!(self.ledger, once, "the same boot is noted once");
        true
    }

    pub(crate) fn is_sick(&mut self) -> bool {
        let verdict = verdict::decide(false, &self.sets, self.active);
        let finding = Finding::with(Cause::check("10-net"), "no route");
        let last = verdict == verdict::Verdict::StayUp;
        self.ledger.note_bad(finding, last, self.now());
        true
    }

    fn is_unmarked(&mut self) -> bool {
        self.ledger.note_bad(Finding::plain(Cause::cannot_mark("no disk")), false, self.now());
        true
    }

    pub(crate) fn is_well(&mut self) -> bool {
        let other = self.active.other();
        let failed = self.last_in(other).is_some_and(Attempt::stands_as_failed);
        let panicked = self.last_in(self.active).is_some_and(|last| last.panics > 0);
        let good = verdict::proven(self.state(), Tries::REARM, panicked).unwrap();
        self.sets = match failed && verdict::gives_up_other(&good.sets, self.active) {
            true => good.cancel_upgrade().unwrap().sets,
            false => good.sets,
        };
        self.ledger.note_good(&self.sets, self.now());
        true
    }
}

/// What the boot selector says of a set that it could not start.
pub(crate) fn not_started(set: SetId, fault: Fault) -> NotStarted {
    NotStarted { set, fault, why: "no image".to_owned() }
}

//! The transitions: what may happen to the bits while a machine runs.

use crate::choose::Obstacle;
use crate::{BootBits, Priority, Refusal, SetId, Sets, Tries};

/// The bits of a disk together with the set that runs.
///
/// | transition | requires | does |
/// |---|---|---|
/// | `clear_inactive` | the guard | inactive 0, 0, no |
/// | `mark_inactive_valid` | at least one try | inactive tries = given |
/// | `upgrade_to_inactive` | inactive priority 0, not successful, tries; active successful or tries | inactive priority 2, active priority 1 |
/// | `cancel_upgrade` | the guard | inactive priority 0 (tries kept), active priority 2 |
/// | `rollback_to_inactive` | inactive bootable | inactive priority 2, active priority 1; one try for a spent inactive set |
/// | `mark_successful_boot` | – | active successful, not spent; some boot has succeeded |
/// | `mark_successful_boot_with` | – | the same, and active tries = given |
///
/// All but the last two need an inactive set. *The guard*: what can boot before can boot after, and what was proven
/// good is not taken away by a set that was not ([`Refusal::LastBootable`], [`Refusal::LastProven`]). It matters when the
/// running set has spent its last try and is not yet marked successful: by its bits it would not start again, and
/// the other set is the only way home.
///
/// When the *running* set is not bootable by its bits:
///
/// * `clear_inactive` and `cancel_upgrade` are refused if the inactive set is bootable; if it is not, nothing is
///   lost and they do what they say (`cancel_upgrade` raises the running set to priority 2, which makes it
///   bootable if its priority of 0 was all that kept it from it).
/// * `mark_inactive_valid` is made: it takes nothing away.
/// * `upgrade_to_inactive` is refused if there would be no way back ([`Refusal::NoWayBack`]); a priority of 0 alone does not
///   count, for the flip sets it to 1.
/// * `rollback_to_inactive` is made if the inactive set is bootable: it leaves a set that would not start again.
/// * `mark_successful_boot` is made; it does not change the priority, so a set of priority 0 stays unbootable.
///
/// `upgrade_to_inactive` on a state that it has just made gives the same state, so that it can be repeated after a
/// cut; the other transitions are repeatable by nature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The bits of the sets.
    pub sets: Sets,
    /// The set that runs.
    pub active: SetId,
    /// Whether some boot has ever succeeded on this disk.
    pub ever_succeeded: bool,
}

impl State {
    /// The set that does not run.
    #[must_use]
    pub fn inactive(&self) -> SetId {
        self.active.other()
    }

    /// Forgets what is in the inactive set: it cannot boot until it was prepared again.
    ///
    /// # Errors
    ///
    /// Refused by the guard, or without an inactive set.
    pub fn clear_inactive(self) -> Result<Self, Refusal> {
        self.pair()?;
        self.guarded(self.sets.with(self.inactive(), BootBits::CLEAR))
    }

    /// Says that the inactive set was written and checked, and how many starts it gets to prove itself.
    ///
    /// # Errors
    ///
    /// Refused for no tries at all, or without an inactive set.
    pub fn mark_inactive_valid(self, tries: Tries) -> Result<Self, Refusal> {
        let (_, inactive) = self.pair()?;
        if tries == Tries::ZERO {
            return Err(Refusal::ZeroTries);
        }
        self.guarded(self.sets.with(self.inactive(), inactive.armed(tries)))
    }

    /// Makes the inactive set, which was cleared, written and marked valid, the one that boots next.
    ///
    /// # Errors
    ///
    /// Refused unless the inactive set is prepared and the running set is left as a way back.
    pub fn upgrade_to_inactive(self) -> Result<Self, Refusal> {
        let (active, inactive) = self.pair()?;
        let flipped = self.flipped(active, inactive);
        if flipped == self.sets && !inactive.successful && inactive.is_bootable() {
            return Ok(self);
        }
        self.require_prepared(inactive)?;
        if !(active.successful || active.tries > Tries::ZERO) {
            return Err(Refusal::NoWayBack(self.active));
        }
        self.guarded(flipped)
    }

    /// Takes an upgrade back before it was started: the running set boots next.
    ///
    /// # Errors
    ///
    /// Refused by the guard, or without an inactive set.
    pub fn cancel_upgrade(self) -> Result<Self, Refusal> {
        let (active, inactive) = self.pair()?;
        let cancelled = self
            .sets
            .with(self.active, BootBits { priority: Priority::TWO, ..active })
            .with(self.inactive(), BootBits { priority: Priority::ZERO, ..inactive });
        self.guarded(cancelled)
    }

    /// Goes back to what is in the inactive set, which boots next.
    ///
    /// If it is spent, it gets one try: otherwise it would stay behind the running set, and without a limit it might be
    /// started for ever. Else only the priorities change.
    ///
    /// # Errors
    ///
    /// Refused unless the inactive set is bootable.
    pub fn rollback_to_inactive(self) -> Result<Self, Refusal> {
        let (active, inactive) = self.pair()?;
        if let Some(obstacle) = Obstacle::of(inactive) {
            return Err(Refusal::NotBootable { inactive: self.inactive(), obstacle });
        }
        let inactive = if inactive.is_spent() { inactive.armed(Tries::ONE) } else { inactive };
        self.guarded(self.flipped(active, inactive))
    }

    /// Says that the running set was proven good by this boot, without giving it tries, as Bottlerocket does.
    ///
    /// Tries that it has keep counting down; once they are used up, and it is marked again, its starts are no longer counted.
    ///
    /// # Errors
    ///
    /// Refused only if the running set is not on the disk.
    pub fn mark_successful_boot(self) -> Result<Self, Refusal> {
        let active = self.sets.bits(self.active).ok_or(Refusal::NoActiveSet(self.active))?;
        self.proven(active.tries)
    }

    /// Says that the running set was proven good by this boot, and that it has this many starts until it is to be proven
    /// again. With no tries at all its starts are not counted.
    ///
    /// # Errors
    ///
    /// Refused only if the running set is not on the disk.
    pub fn mark_successful_boot_with(self, rearm: Tries) -> Result<Self, Refusal> {
        self.proven(rearm)
    }

    /// The running set proven good, with this many tries.
    fn proven(self, tries: Tries) -> Result<Self, Refusal> {
        let active = self.sets.bits(self.active).ok_or(Refusal::NoActiveSet(self.active))?;
        let active = BootBits { successful: true, ..active.armed(tries) };
        Ok(Self { sets: self.sets.with(self.active, active), ever_succeeded: true, ..self })
    }

    /// The bits of the active and of the inactive set.
    fn pair(&self) -> Result<(BootBits, BootBits), Refusal> {
        let active = self.sets.bits(self.active).ok_or(Refusal::NoActiveSet(self.active))?;
        let inactive =
            self.sets.bits(self.inactive()).ok_or(Refusal::NoInactiveSet(self.active))?;
        Ok((active, inactive))
    }

    /// The sets with the inactive one before the active one.
    fn flipped(&self, active: BootBits, inactive: BootBits) -> Sets {
        self.sets
            .with(self.active, BootBits { priority: Priority::ONE, ..active })
            .with(self.inactive(), BootBits { priority: Priority::TWO, ..inactive })
    }

    fn require_prepared(&self, inactive: BootBits) -> Result<(), Refusal> {
        let set = self.inactive();
        if inactive.priority != Priority::ZERO {
            return Err(Refusal::PriorityNotZero { inactive: set, priority: inactive.priority });
        }
        if inactive.successful {
            return Err(Refusal::AlreadySuccessful(set));
        }
        if inactive.tries == Tries::ZERO {
            return Err(Refusal::NotMarkedValid(set));
        }
        Ok(())
    }

    /// The state with these sets, unless they take the last bootable or the last proven set away.
    fn guarded(self, sets: Sets) -> Result<Self, Refusal> {
        if self.sets.any_bootable() && !sets.any_bootable() {
            return Err(Refusal::LastBootable(self.inactive()));
        }
        if self.sets.any_proven() && !sets.any_proven() {
            return Err(Refusal::LastProven(self.inactive()));
        }
        Ok(Self { sets, ..self })
    }
}

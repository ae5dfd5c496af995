//! The one rule: which set boots, and what starting it costs.

use core::fmt;

use crate::{BootBits, Priority, SetId, Tries};

/// The bits of the sets of a disk. A disk with one set only is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Sets {
    /// The first set in the table.
    pub a: BootBits,
    /// The second set, if there is one.
    pub b: Option<BootBits>,
}

impl Sets {
    /// The bits of a set, if the disk has it.
    #[must_use]
    pub const fn bits(&self, set: SetId) -> Option<BootBits> {
        match set {
            SetId::A => Some(self.a),
            SetId::B => self.b,
        }
    }

    /// The same sets with the bits of one replaced; a set that does not exist is not made.
    #[must_use]
    pub fn with(mut self, set: SetId, bits: BootBits) -> Self {
        match set {
            SetId::A => self.a = bits,
            SetId::B => self.b = self.b.map(|_| bits),
        }
        self
    }

    /// The sets that exist, in table order.
    pub fn iter(&self) -> impl Iterator<Item = (SetId, BootBits)> {
        let sets = *self;
        SetId::ALL.into_iter().filter_map(move |set| Some((set, sets.bits(set)?)))
    }

    /// Whether any set would boot.
    #[must_use]
    pub fn any_bootable(&self) -> bool {
        self.iter().any(|(_, bits)| bits.is_bootable())
    }

    /// Whether any set would boot and was proven good.
    #[must_use]
    pub fn any_proven(&self) -> bool {
        self.iter().any(|(_, bits)| bits.is_proven())
    }
}

/// What makes a chosen set bootable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// It was proven good and its starts are not counted.
    Successful,
    /// It was proven good and has this many tries, the coming one included, to be proven again.
    Counted(Tries),
    /// It was proven good once and has used up its tries since; nothing better is left.
    Spent,
    /// It was never proven good and has this many tries left, the coming one included.
    Tries(Tries),
}

/// Why this set and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no other set.
    OnlySet,
    /// The other set is not bootable.
    OnlyBootable(Obstacle),
    /// The other set was proven good once and has used up its tries since; this one has not.
    OtherSpent,
    /// Both are bootable, and this one has the higher priority.
    HigherPriority {
        /// The priority of the chosen set.
        chosen: Priority,
        /// The priority of the other set.
        other: Priority,
    },
    /// Both are bootable with the same priority, and this one is first in the table.
    FirstOfEqual(Priority),
}

/// Why a set is not bootable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Its priority is zero.
    PriorityZero,
    /// It was never proven good and has no tries left.
    NoTriesLeft,
}

impl Obstacle {
    /// What keeps a set with these bits from booting, if anything.
    #[must_use]
    pub fn of(bits: BootBits) -> Option<Self> {
        if bits.is_bootable() {
            None
        } else if bits.priority == Priority::ZERO {
            Some(Self::PriorityZero)
        } else {
            Some(Self::NoTriesLeft)
        }
    }
}

/// The set that boots next, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The chosen set.
    pub set: SetId,
    /// What makes it bootable.
    pub basis: Basis,
    /// Why this set and not the other.
    pub reason: Reason,
}

/// Chooses the set that boots: of the bootable ones, those that are not spent before those that are; then the one with
/// the highest priority; on a tie, the first in the table.
///
/// `None` means that no set is bootable.
#[must_use]
pub fn choose(sets: &Sets) -> Option<Choice> {
    let mut chosen: Option<(SetId, BootBits)> = None;
    for (set, bits) in sets.iter().filter(|(_, bits)| bits.is_bootable()) {
        if chosen.is_none_or(|(_, best)| rank(bits) > rank(best)) {
            chosen = Some((set, bits));
        }
    }
    let (set, bits) = chosen?;
    Some(Choice { set, basis: basis(bits), reason: reason(bits, sets.bits(set.other())) })
}

/// Chooses as [`choose`] does and counts the start.
///
/// One try of the chosen set is spent if it has any; the last one of a successful set makes it *spent*. Starting a set
/// that is spent already, which happens only when the other is spent too or cannot boot, gives the other one a try, so that they take turns.
///
/// The sets that come back are to be on the disk, flushed, before the chosen set is started.
#[must_use]
pub fn start(sets: &Sets) -> Option<(Choice, Sets)> {
    let choice = choose(sets)?;
    let (chosen, other) = (choice.set, choice.set.other());
    let bits = sets.bits(chosen)?;
    let last = bits.successful && bits.tries == Tries::ONE;
    let counted = BootBits { tries: bits.tries.spend(), spent: bits.is_spent() || last, ..bits };
    let after = sets.with(chosen, counted);
    Some((choice, if bits.is_spent() { with_another_try(after, other) } else { after }))
}

/// The sets with one more try for this one, if it is spent and could boot.
fn with_another_try(sets: Sets, set: SetId) -> Sets {
    match sets.bits(set) {
        Some(bits) if bits.is_spent() && bits.is_bootable() => {
            sets.with(set, bits.armed(Tries::ONE))
        }
        _ => sets,
    }
}

/// What boots first has the higher rank.
fn rank(bits: BootBits) -> (bool, Priority) {
    (!bits.is_spent(), bits.priority)
}

fn basis(bits: BootBits) -> Basis {
    match (bits.successful, bits.is_spent(), bits.tries) {
        (false, _, tries) => Basis::Tries(tries),
        (true, true, _) => Basis::Spent,
        (true, false, Tries::ZERO) => Basis::Successful,
        (true, false, tries) => Basis::Counted(tries),
    }
}

fn reason(chosen: BootBits, other: Option<BootBits>) -> Reason {
    let Some(other) = other else { return Reason::OnlySet };
    match Obstacle::of(other) {
        Some(obstacle) => Reason::OnlyBootable(obstacle),
        None if other.is_spent() && !chosen.is_spent() => Reason::OtherSpent,
        None if chosen.priority == other.priority => Reason::FirstOfEqual(chosen.priority),
        None => Reason::HigherPriority { chosen: chosen.priority, other: other.priority },
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Successful => out.write_str("is successful"),
            Self::Counted(Tries::ONE) => out.write_str("is successful with 1 try left"),
            Self::Counted(tries) => write!(out, "is successful with {tries} tries left"),
            Self::Spent => out.write_str("was successful and has no tries left"),
            Self::Tries(Tries::ONE) => out.write_str("has 1 try left"),
            Self::Tries(tries) => write!(out, "has {tries} tries left"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::PriorityZero => "its priority is 0",
            Self::NoTriesLeft => "it is not successful and has no tries left",
        })
    }
}

impl fmt::Display for Choice {
    /// A clause such as `it has 3 tries left and its priority 2 is above A's 1`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "it {} and ", self.basis)?;
        let other = self.set.other();
        match self.reason {
            Reason::OnlySet => out.write_str("is the only set"),
            Reason::OnlyBootable(obstacle) => write!(out, "{other} cannot boot ({obstacle})"),
            Reason::OtherSpent => write!(out, "{other} has used up its tries"),
            Reason::HigherPriority { chosen, other: lower } => {
                write!(out, "its priority {chosen} is above {other}'s {lower}")
            }
            Reason::FirstOfEqual(priority) => {
                write!(out, "is first in the table, and both have priority {priority}")
            }
        }
    }
}

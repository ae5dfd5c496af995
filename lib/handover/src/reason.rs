//! Why a set was started.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use gptprio::{BootBits, SetId};

/// What the started system is told: lines of `key=value`, for [`Variable::BootReason`](crate::Variable::BootReason).
///
/// | key | value |
/// |---|---|
/// | `set` | `A` or `B` |
/// | `rule` | `chosen`, `fallback` (the set before it did not start) or `last-resort` (no set was bootable) |
/// | `priority`, `tries` | the set's bits after this start |
/// | `successful`, `spent` | `yes` or `no` |
/// | `counted` | `yes`, or `no` if the partition table could not be written |
/// | `table` | `good`, `repaired` or `bad` |
/// | `reason` | a clause for people |
/// | `failed` | for each set that did not start in this boot because of its image: its name, a space, and why |
/// | `held-back` | the same, for each that the machine could not start |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The set.
    pub set: SetId,
    /// By which rule it was taken.
    pub rule: Rule,
    /// Its bits after this start.
    pub bits: BootBits,
    /// Whether the start is on the disk.
    pub counted: bool,
    /// What became of the partition table.
    pub table: TableNote,
    /// Why it was taken.
    pub reason: String,
    /// The sets that did not start before it in this boot.
    pub failed: Vec<NotStarted>,
}

/// A set that did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStarted {
    /// The set.
    pub set: SetId,
    /// Whose fault it is.
    pub fault: Fault,
    /// Why, for people.
    pub why: String,
}

/// Whose fault it is that a set did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The image's: it cannot be read, is damaged, refused, or gave up.
    Image,
    /// The machine's, which says nothing about the image: there was no memory, or the start could not be counted.
    Machine,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Image, Self::Machine];

    /// The key of its lines.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Image => "failed",
            Self::Machine => "held-back",
        }
    }
}

/// By which rule a set was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Its bits say so.
    Chosen,
    /// Its bits do, and the set before it did not start.
    Fallback,
    /// No bootable set was left.
    LastResort,
}

/// What became of the partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableNote {
    /// Both copies were good.
    Good,
    /// A copy was not, and is now.
    Repaired,
    /// A copy is not good.
    Bad,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Chosen, Self::Fallback, Self::LastResort];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Fallback => "fallback",
            Self::LastResort => "last-resort",
        }
    }
}

impl TableNote {
    /// Every note.
    pub const ALL: [Self; 3] = [Self::Good, Self::Repaired, Self::Bad];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Repaired => "repaired",
            Self::Bad => "bad",
        }
    }
}

impl fmt::Display for Handover {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BootBits { priority, tries, successful, .. } = self.bits;
        writeln!(out, "set={}\nrule={}", self.set, self.rule.word())?;
        writeln!(out, "priority={priority}\ntries={tries}\nsuccessful={}", yes(successful))?;
        writeln!(out, "spent={}\ncounted={}", yes(self.bits.is_spent()), yes(self.counted))?;
        writeln!(out, "table={}\nreason={}", self.table.word(), Line(&self.reason))?;
        let mut failed = self.failed.iter();
        failed
            .try_for_each(|one| writeln!(out, "{}={} {}", one.fault.key(), one.set, Line(&one.why)))
    }
}

/// A clause for people as a part of one line, whatever is in it.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        chars.try_for_each(|char| out.write_char(if char.is_control() { ' ' } else { char }))
    }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

//! What the started system is told.

use alloc::string::String;
use core::fmt::{self, Write};

use gptprio::{BootBits, SetId};

/// A volatile variable of the firmware. They have one vendor GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// The set that was started.
    BootedSet,
    /// Why it was.
    BootReason,
}

impl Variable {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BootedSet, Self::BootReason];

    /// The vendor GUID of both.
    pub const VENDOR: &str = "0cb3681a-631b-4228-9c6c-c583c583d289";

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BootedSet => "WaystoneBootedSet",
            Self::BootReason => "WaystoneBootReason",
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

/// What the started system is told: lines of `key=value`, for [`Variable::BootReason`].
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
/// | `failed` | for each set that did not start in this boot: its name, a space, and why |
#[derive(Clone, Copy, Debug)]
pub struct Handover<'a> {
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
    pub reason: &'a str,
    /// The sets that did not start before it in this boot, a line each.
    pub failed: &'a [String],
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

impl Handover<'_> {
    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write!(text, "{self}");
        text
    }
}

impl fmt::Display for Handover<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BootBits { priority, tries, successful, .. } = self.bits;
        writeln!(out, "set={}\nrule={}", self.set, self.rule)?;
        writeln!(out, "priority={priority}\ntries={tries}\nsuccessful={}", yes(successful))?;
        writeln!(out, "spent={}\ncounted={}", yes(self.bits.is_spent()), yes(self.counted))?;
        writeln!(out, "table={}\nreason={}", self.table, self.reason)?;
        self.failed.iter().try_for_each(|failed| writeln!(out, "failed={failed}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Chosen => "chosen",
            Self::Fallback => "fallback",
            Self::LastResort => "last-resort",
        })
    }
}

impl fmt::Display for TableNote {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Good => "good",
            Self::Repaired => "repaired",
            Self::Bad => "bad",
        })
    }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

//! Why a transition is not made.

use core::error::Error;
use core::fmt;

use crate::choose::Obstacle;
use crate::{Priority, SetId};

/// Why the rules do not allow a transition. Nothing is changed by a refused one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The set that is said to be running does not exist on this disk.
    NoActiveSet(SetId),
    /// The disk has one set only, so there is no inactive one.
    NoInactiveSet(SetId),
    /// Marking a set valid with no tries at all would mean nothing.
    ZeroTries,
    /// An upgrade needs an inactive set of priority 0, so that it was cleared before it was written.
    PriorityNotZero {
        /// The inactive set.
        inactive: SetId,
        /// The priority it has.
        priority: Priority,
    },
    /// An upgrade needs an inactive set that is not yet successful, so that it was cleared before it was written.
    AlreadySuccessful(SetId),
    /// An upgrade needs an inactive set that was marked valid.
    NotMarkedValid(SetId),
    /// A rollback needs an inactive set that can boot.
    NotBootable {
        /// The inactive set.
        inactive: SetId,
        /// What keeps it from booting.
        obstacle: Obstacle,
    },
    /// An upgrade needs a running set that can boot again if the new one fails.
    NoWayBack(SetId),
    /// The transition would leave no set that can boot.
    LastBootable(SetId),
    /// The transition would take away the last set that was proven good.
    LastProven(SetId),
}

impl Refusal {
    /// What can be done about it, as a clause, where that is known.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::PriorityNotZero { .. } | Self::AlreadySuccessful(_) => {
                Some("run clear-inactive, write the set anew, then mark-inactive-valid")
            }
            Self::NotMarkedValid(_) => {
                Some("write and check the set, then run mark-inactive-valid")
            }
            Self::NoWayBack(_) | Self::LastBootable(_) | Self::LastProven(_) => {
                Some("once the running set is known to be good, run mark-successful-boot first")
            }
            Self::NoActiveSet(_) => Some("name the set that runs with --active"),
            Self::NoInactiveSet(_) | Self::ZeroTries | Self::NotBootable { .. } => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoActiveSet(set) => {
                write!(out, "set {set} is said to run but is not on the disk")
            }
            Self::NoInactiveSet(set) => write!(out, "the disk has no set but {set}"),
            Self::ZeroTries => write!(out, "a set marked valid needs at least one try"),
            Self::PriorityNotZero { inactive, priority } => {
                write!(
                    out,
                    "set {inactive} is not prepared: its priority is {priority} instead of 0"
                )
            }
            Self::AlreadySuccessful(set) => {
                write!(
                    out,
                    "set {set} is not prepared: it is marked successful from an earlier life"
                )
            }
            Self::NotMarkedValid(set) => {
                write!(out, "set {set} is not marked valid: it has no tries")
            }
            Self::NotBootable { inactive, obstacle } => {
                write!(out, "set {inactive} cannot boot: {obstacle}")
            }
            Self::NoWayBack(active) => write!(
                out,
                "the running set {active} is not marked successful and has no tries left: nothing would be left \
                 to come back to"
            ),
            Self::LastBootable(set) => write!(out, "set {set} is the only one that can boot"),
            Self::LastProven(set) => write!(out, "set {set} is the only one that was proven good"),
        }
    }
}

impl Error for Refusal {}

//! Everything that changes a disk or what a host remembers.

mod before;
mod goal;

use std::io;

use gptprio::SetId;

use self::before::{
    MIGRATE, MIGRATE_BACK, applied, applied_and_damaged_table, damaged_table, half_written,
    has_changed_settings, has_half_settings, has_kept_aside, has_only_new_settings, has_settings,
    image, image_and_damaged_table, image_damaged, kept_other, nothing, other_is_good, parts,
    started, trusts_older, updated,
};
use self::goal::{
    boots_new, boots_old, change_is_carried, change_is_kept_aside, is_good, is_held, is_installed,
    keeps, settings_are_new, settings_are_old, something_boots, staged, trusts_newest,
    try_is_spent,
};
use super::bed::{Bed, Host, Way};

/// Something that is done to a host, and may be cut anywhere.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub is: &'static str,
    /// How the newer release is published.
    pub way: Way,
    /// Brings a new host to where it begins.
    pub prepare: fn(&Bed, &Host) -> io::Result<()>,
    /// The set that runs meanwhile.
    pub active: SetId,
    /// What is done, at the same time if it is several things.
    pub doing: Doing,
    /// What holds when it is done.
    pub goal: fn(&Bed, &Host) -> Result<(), String>,
}

/// Who does it.
#[derive(Clone, Copy, Debug)]
pub enum Doing {
    /// Our programs, each with its words.
    Programs(&'static [&'static [&'static str]]),
    /// The boot selector.
    Selector,
}

impl Operation {
    /// Whether programs do it, which can be killed.
    #[must_use]
    pub fn has_programs(&self) -> bool {
        matches!(self.doing, Doing::Programs(_))
    }

    /// Whether its exit code says what became of it. The agent's does not: what failed it tries again, but later.
    pub(super) fn says_how_it_ended(&self) -> bool {
        self.has_programs() && self.name != "agent"
    }

    /// Whether its states take long: those of a whole disk as a file, and those of two programs, again and again.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.turns() > 0 || self.name == "first-install"
    }

    /// How many states by chance are tried at each moment, of as many as are for others.
    pub(super) fn cases(&self, cases: usize) -> usize {
        match self.name {
            "first-install" => cases.min(10),
            _ => cases.div_ceil(self.turns().max(1)),
        }
    }

    /// How often a second program begins later, in steps of the first one's length; not at all if there is none.
    pub(super) fn turns(&self) -> usize {
        match self.doing {
            Doing::Programs(programs) if programs.len() > 1 => 5,
            _ => 0,
        }
    }
}

/// Every operation.
pub const ALL: &[Operation] = &[
    Operation {
        name: "image-full",
        is: "update-image, of whole images, on a host that has nothing yet",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-ranges",
        is: "update-image, of ranges of frames",
        way: Way::Frames,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-pack",
        is: "update-image, of a pack",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-over-good",
        is: "update-image over a set that was good",
        way: Way::Frames,
        prepare: other_is_good,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-damaged",
        is: "update-image over a set that holds the same release, staged, and is damaged",
        way: Way::Frames,
        prepare: image_damaged,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-resumed",
        is: "update-image after one that was killed half-way",
        way: Way::Pack,
        prepare: half_written,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-table-repaired",
        is: "update-image on a disk whose first copy of the table is damaged",
        way: Way::Images,
        prepare: damaged_table,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "apply",
        is: "update-apply",
        way: Way::Images,
        prepare: image,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-apply"]]),
        goal: boots_new,
    },
    Operation {
        name: "apply-table-repaired",
        is: "update-apply on a disk whose first copy of the table is damaged",
        way: Way::Images,
        prepare: image_and_damaged_table,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-apply"]]),
        goal: boots_new,
    },
    Operation {
        name: "update",
        is: "update: all of it at once",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update"]]),
        goal: boots_new,
    },
    Operation {
        name: "agent",
        is: "the agent's round: looks, takes up, fetches, makes it boot next, asks for the restart",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "agent", "--once"]]),
        goal: boots_new,
    },
    Operation {
        name: "pause",
        is: "pause: an operator holds the agent",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "pause", "--reason", "the auditors are here"]]),
        goal: is_held,
    },
    Operation {
        name: "revert",
        is: "update-revert",
        way: Way::Images,
        prepare: applied,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-revert"]]),
        goal: boots_old,
    },
    Operation {
        name: "rollback",
        is: "rollback from a set that is good",
        way: Way::Images,
        prepare: updated,
        active: SetId::B,
        doing: Doing::Programs(&[&["updog", "rollback"]]),
        goal: boots_old,
    },
    Operation {
        name: "mark",
        is: "mark-successful-boot",
        way: Way::Images,
        prepare: started,
        active: SetId::B,
        doing: Doing::Programs(&[&["signpost", "mark-successful-boot"]]),
        goal: is_good,
    },
    Operation {
        name: "health",
        is: "health: a boot that is proven, with its entry in the ledger",
        way: Way::Images,
        prepare: started,
        active: SetId::B,
        doing: Doing::Programs(&[&["updog", "health"]]),
        goal: is_good,
    },
    Operation {
        name: "selector",
        is: "the boot selector spends a try",
        way: Way::Images,
        prepare: applied,
        active: SetId::A,
        doing: Doing::Selector,
        goal: try_is_spent,
    },
    Operation {
        name: "selector-repairs",
        is: "the boot selector spends a try and repairs the table",
        way: Way::Images,
        prepare: applied_and_damaged_table,
        active: SetId::A,
        doing: Doing::Selector,
        goal: try_is_spent,
    },
    Operation {
        name: "rewrite-table",
        is: "rewrite-table on a disk whose first copy of the table is damaged",
        way: Way::Images,
        prepare: damaged_table,
        active: SetId::A,
        doing: Doing::Programs(&[&["signpost", "rewrite-table"]]),
        goal: boots_old,
    },
    Operation {
        name: "trust",
        is: "check-update: newer metadata of all roles",
        way: Way::Images,
        prepare: trusts_older,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "check-update"]]),
        goal: trusts_newest,
    },
    Operation {
        name: "trust-withdrawn",
        is: "check-update: a root that withdraws keys, and what new ones signed",
        way: Way::Withdrawn,
        prepare: trusts_older,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "check-update"]]),
        goal: trusts_newest,
    },
    Operation {
        name: "trust-first",
        is: "check-update on a host that trusts nothing but its root",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "check-update"]]),
        goal: trusts_newest,
    },
    Operation {
        name: "keep",
        is: "prepare: what the next boot needs is kept, in the place of what was",
        way: Way::Images,
        prepare: kept_other,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "prepare"]]),
        goal: keeps,
    },
    Operation {
        name: "migrate",
        is: "migrator: settings to the newer release",
        way: Way::Images,
        prepare: has_settings,
        active: SetId::A,
        doing: Doing::Programs(&[MIGRATE]),
        goal: settings_are_new,
    },
    Operation {
        name: "migrate-back",
        is: "migrator: settings back to the older release",
        way: Way::Images,
        prepare: has_only_new_settings,
        active: SetId::A,
        doing: Doing::Programs(&[MIGRATE_BACK]),
        goal: settings_are_old,
    },
    Operation {
        name: "migrate-return",
        is: "migrator: the older release's own settings again, what was changed since kept aside",
        way: Way::Images,
        prepare: has_changed_settings,
        active: SetId::A,
        doing: Doing::Programs(&[MIGRATE_BACK]),
        goal: change_is_kept_aside,
    },
    Operation {
        name: "carry",
        is: "migrator carry: what was kept aside into the settings",
        way: Way::Images,
        prepare: has_kept_aside,
        active: SetId::A,
        doing: Doing::Programs(&[&["migrator", "carry", "--datastore-path", "/datastore/current"]]),
        goal: change_is_carried,
    },
    Operation {
        name: "migrate-resumed",
        is: "migrator after a run that was cut while it worked",
        way: Way::Images,
        prepare: has_half_settings,
        active: SetId::A,
        doing: Doing::Programs(&[MIGRATE]),
        goal: settings_are_new,
    },
    Operation {
        name: "first-install",
        is: "a disk is made, with a first release",
        way: Way::Images,
        prepare: parts,
        active: SetId::A,
        doing: Doing::Programs(&[&[
            "image-builder",
            "disk",
            "--parts",
            "/parts",
            "--out",
            "/new.img",
        ]]),
        goal: is_installed,
    },
    Operation {
        name: "two-at-once",
        is: "update-image, and mark-successful-boot beside it",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[
            &["updog", "update-image"],
            &["signpost", "mark-successful-boot"],
        ]),
        goal: something_boots,
    },
    Operation {
        name: "two-updates",
        is: "update, twice at the same time",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update"], &["updog", "update"]]),
        goal: something_boots,
    },
    Operation {
        name: "check-and-update",
        is: "update-image, and check-update beside it",
        way: Way::Frames,
        prepare: trusts_older,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"], &["updog", "check-update"]]),
        goal: something_boots,
    },
];

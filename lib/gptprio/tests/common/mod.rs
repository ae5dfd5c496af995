//! Every state there is.

#![allow(dead_code)]

use gptprio::{BootBits, Priority, Refusal, SetId, Sets, State, Tries};

/// All 528 values of a set's bits: 512, and 16 more that are spent.
pub(crate) fn every_bits() -> Vec<BootBits> {
    let mut all = Vec::new();
    for priority in Priority::all() {
        for tries in Tries::all() {
            for successful in [false, true] {
                all.push(BootBits { priority, tries, successful, spent: false });
            }
        }
        all.push(spent(priority.value()));
    }
    all
}

/// Calls `check` with all 278,784 pairs of bits and all 528 disks of one set.
pub(crate) fn for_every_pair(mut check: impl FnMut(Sets)) {
    let all = every_bits();
    for a in &all {
        check(Sets { a: *a, b: None });
        for b in &all {
            check(Sets { a: *a, b: Some(*b) });
        }
    }
}

/// Calls `check` with every state of a disk with two sets: all bits, either set running.
pub(crate) fn for_every_state(mut check: impl FnMut(State)) {
    for_every_pair(|sets| {
        if sets.b.is_some() {
            for active in SetId::ALL {
                check(State { sets, active, ever_succeeded: false });
            }
        }
    });
}

pub(crate) type Transition = (&'static str, fn(State) -> Result<State, Refusal>);

/// Every transition, under its name.
pub(crate) const TRANSITIONS: [Transition; 10] = [
    ("clear-inactive", State::clear_inactive),
    ("mark-inactive-valid 1", |state| state.mark_inactive_valid(Tries::ONE)),
    ("mark-inactive-valid 15", |state| state.mark_inactive_valid(Tries::MAX)),
    ("mark-inactive-valid 0", |state| state.mark_inactive_valid(Tries::ZERO)),
    ("upgrade-to-inactive", State::upgrade_to_inactive),
    ("cancel-upgrade", State::cancel_upgrade),
    ("rollback-to-inactive", State::rollback_to_inactive),
    ("mark-successful-boot", State::mark_successful_boot),
    ("mark-successful-boot 0", |state| state.mark_successful_boot_with(Tries::ZERO)),
    ("mark-successful-boot 3", |state| state.mark_successful_boot_with(Tries::REARM)),
];

/// Bits from plain numbers.
pub(crate) fn bits(priority: u8, tries: u8, successful: bool) -> BootBits {
    BootBits {
        priority: Priority::new(priority).expect("a test uses values up to 15"),
        tries: Tries::new(tries).expect("a test uses values up to 15"),
        successful,
        spent: false,
    }
}

/// The bits of a set that was good once and has used up its tries.
pub(crate) fn spent(priority: u8) -> BootBits {
    BootBits { spent: true, ..bits(priority, 0, true) }
}

/// A state of a disk with two sets.
pub(crate) fn state(active: SetId, a: BootBits, b: BootBits) -> State {
    State { sets: Sets { a, b: Some(b) }, active, ever_succeeded: false }
}

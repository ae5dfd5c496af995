//! The one rule, over every pair of bits, against a second telling of it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, for_every_pair, spent};
use gptprio::{
    Basis, BootBits, Choice, Obstacle, Priority, Reason, SetId, Sets, Tries, choose, start,
};

/// The rule told differently: sort the bootable sets by falling priority, keeping the order of the table, and then put
/// the spent ones behind.
fn by_sorting(sets: &Sets) -> Option<SetId> {
    let mut bootable: Vec<_> = sets.iter().filter(|(_, bits)| bits.is_bootable()).collect();
    bootable.sort_by_key(|(_, bits)| core::cmp::Reverse(bits.priority));
    bootable.sort_by_key(|(_, bits)| bits.is_spent());
    bootable.first().map(|(set, _)| *set)
}

#[test]
fn the_highest_bootable_priority_that_is_not_spent_wins_for_every_pair() {
    for_every_pair(|sets| {
        assert_eq!(choose(&sets).map(|choice| choice.set), by_sorting(&sets), "{sets:?}");
    });
}

#[test]
fn a_set_of_priority_zero_never_boots() {
    for_every_pair(|sets| {
        if let Some(choice) = choose(&sets) {
            let chosen = sets.bits(choice.set).expect("a chosen set exists");
            assert!(
                chosen.priority > Priority::ZERO
                    && (chosen.successful || chosen.tries > Tries::ZERO)
            );
        }
    });
}

#[test]
fn a_start_spends_one_try_and_nothing_else_but_a_turn_between_spent_sets() {
    for_every_pair(|sets| {
        let Some((choice, after)) = start(&sets) else {
            assert!(!sets.any_bootable());
            return;
        };
        let (old, new) = (sets.bits(choice.set).unwrap(), after.bits(choice.set).unwrap());
        assert_eq!(new.tries.value(), old.tries.value().saturating_sub(1));
        assert_eq!((new.priority, new.successful), (old.priority, old.successful));
        let used_up = old.successful && old.tries == Tries::ONE;
        assert_eq!(new.is_spent(), old.is_spent() || used_up, "{sets:?}");

        let other = sets.bits(choice.set.other());
        let turn = other.filter(|bits| old.is_spent() && bits.is_spent() && bits.is_bootable());
        let turn = turn.map(|bits| BootBits { tries: Tries::ONE, spent: false, ..bits });
        assert_eq!(after.bits(choice.set.other()), turn.or(other), "{sets:?}");
    });
}

#[test]
fn starts_never_use_up_a_proven_set() {
    for_every_pair(|sets| {
        if let Some((_, after)) = start(&sets) {
            assert!(!sets.any_proven() || after.any_proven(), "{sets:?}");
        }
    });
}

#[test]
fn an_unproven_set_gives_way_after_as_many_starts_as_it_had_tries() {
    for tries in 1..=15 {
        let mut sets = Sets { a: bits(1, 0, true), b: Some(bits(2, tries, false)) };
        for _ in 0..tries {
            let (choice, after) = start(&sets).expect("both sets are bootable");
            assert_eq!(choice.set, SetId::B);
            sets = after;
        }
        assert_eq!(choose(&sets).map(|choice| choice.set), Some(SetId::A));
    }
}

#[test]
fn the_reason_names_what_decided() {
    let reason = |a, b| choose(&Sets { a, b }).map(|choice| (choice.set, choice.reason));
    let one = Priority::ONE;
    assert_eq!(reason(bits(1, 0, true), None), Some((SetId::A, Reason::OnlySet)));
    assert_eq!(
        reason(bits(1, 0, true), Some(bits(0, 0, false))),
        Some((SetId::A, Reason::OnlyBootable(Obstacle::PriorityZero)))
    );
    assert_eq!(
        reason(bits(3, 0, false), Some(bits(1, 1, false))),
        Some((SetId::B, Reason::OnlyBootable(Obstacle::NoTriesLeft)))
    );
    assert_eq!(
        reason(bits(1, 0, true), Some(bits(1, 1, false))),
        Some((SetId::A, Reason::FirstOfEqual(one)))
    );
    assert_eq!(
        reason(bits(1, 0, true), Some(bits(2, 1, false))),
        Some((SetId::B, Reason::HigherPriority { chosen: Priority::TWO, other: one }))
    );
    assert_eq!(reason(bits(1, 0, true), Some(spent(2))), Some((SetId::A, Reason::OtherSpent)));
    assert_eq!(
        reason(spent(1), Some(spent(2))),
        Some((SetId::B, Reason::HigherPriority { chosen: Priority::TWO, other: one }))
    );
    assert_eq!(reason(bits(0, 9, true), Some(bits(9, 0, false))), None);
}

#[test]
fn a_choice_reads_as_a_clause() {
    let sets = Sets { a: bits(1, 0, true), b: Some(bits(2, 1, false)) };
    let choice = choose(&sets).expect("both sets are bootable");
    assert_eq!(choice.to_string(), "it has 1 try left and its priority 2 is above A's 1");
    let choice = Choice { set: SetId::A, basis: Basis::Successful, reason: Reason::OnlySet };
    assert_eq!(choice.to_string(), "it is successful and is the only set");
    let sets = Sets { a: bits(1, 3, true), b: Some(spent(2)) };
    let choice = choose(&sets).expect("both sets are bootable");
    assert_eq!(
        choice.to_string(),
        "it is successful with 3 tries left and B has used up its tries"
    );
}

//! A set that was good and breaks later: what its starts cost, and what they never cost.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, for_every_pair, for_every_state, spent};
use gptprio::{BootBits, SetId, Sets, State, Tries, choose, start};

/// Bottlerocket's rule, told by itself: it knows nothing of spent sets.
fn bottlerocket(sets: &Sets) -> Option<SetId> {
    let mut bootable: Vec<_> = sets.iter().filter(|(_, bits)| bits.is_bootable()).collect();
    bootable.sort_by_key(|(_, bits)| core::cmp::Reverse(bits.priority));
    bootable.first().map(|(set, _)| *set)
}

fn any_spent(sets: &Sets) -> bool {
    sets.iter().any(|(_, bits)| bits.is_spent())
}

/// The sets that start one after the other when no boot is ever marked successful.
fn starts(mut sets: Sets, count: usize) -> Vec<SetId> {
    let mut started = Vec::new();
    for _ in 0..count {
        let Some((choice, after)) = start(&sets) else { break };
        started.push(choice.set);
        sets = after;
    }
    started
}

/// The sets after a boot of the chosen one that is marked successful.
fn good_boot(sets: &Sets, rearm: Tries) -> (SetId, Sets) {
    let (choice, started) = start(sets).unwrap();
    let state = State { sets: started, active: choice.set, ever_succeeded: true };
    (choice.set, state.mark_successful_boot_with(rearm).unwrap().sets)
}

#[test]
fn where_no_set_is_spent_the_choice_is_bottlerockets() {
    for_every_pair(|sets| {
        if !any_spent(&sets) {
            assert_eq!(choose(&sets).map(|choice| choice.set), bottlerocket(&sets), "{sets:?}");
        }
    });
}

#[test]
fn a_set_that_was_never_given_tries_is_never_spent() {
    for_every_pair(|sets| {
        if sets.iter().any(|(_, bits)| bits.is_counted()) {
            return;
        }
        let mut now = sets;
        for _ in 0..40 {
            let Some((choice, after)) = start(&now) else { break };
            assert_eq!(Some(choice.set), bottlerocket(&now), "{sets:?}");
            assert!(!after.iter().any(|(_, bits)| bits.is_counted()), "{sets:?}");
            now = after;
        }
    });
}

#[test]
fn a_good_set_that_breaks_gives_way_after_as_many_starts_as_it_had_tries() {
    for_every_pair(|sets| {
        let Some(choice) = choose(&sets) else { return };
        let (chosen, other) =
            (sets.bits(choice.set).unwrap(), sets.bits(choice.set.other()).unwrap_or_default());
        if chosen.tries == Tries::ZERO || !other.is_bootable() || other.is_spent() {
            return;
        }
        let tries = usize::from(chosen.tries.value());
        let started = starts(sets, tries + 1);
        assert_eq!(started[..tries], vec![choice.set; tries], "{sets:?}");
        assert_eq!(started[tries], choice.set.other(), "{sets:?}");
    });
}

#[test]
fn two_broken_sets_take_turns() {
    for_every_pair(|sets| {
        let counted = |bits: BootBits| bits.is_counted() && bits.is_bootable();
        if sets.iter().count() < 2 || !sets.iter().all(|(_, bits)| counted(bits)) {
            return;
        }
        let tries: u8 = sets.iter().map(|(_, bits)| bits.tries.value()).sum();
        let started = starts(sets, usize::from(tries) + 9);
        let turns = &started[usize::from(tries)..];
        assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "{sets:?}: {started:?}");
    });
}

#[test]
fn a_set_that_is_marked_successful_on_every_boot_boots_for_ever() {
    for_every_pair(|sets| {
        let Some(choice) = choose(&sets) else { return };
        for rearm in [Tries::ZERO, Tries::ONE, Tries::REARM, Tries::MAX] {
            let mut now = sets;
            for _ in 0..4 {
                let (set, after) = good_boot(&now, rearm);
                assert_eq!(set, choice.set, "{sets:?}");
                now = after;
            }
        }
    });
}

#[test]
fn a_set_that_bottlerockets_tools_mark_successful_boots_for_ever() {
    for_every_pair(|sets| {
        let Some(choice) = choose(&sets) else { return };
        let mut now = sets;
        for _ in 0..20 {
            let (choice_now, sets) = start(&now).unwrap();
            assert_eq!(choice_now.set, choice.set, "{now:?}");
            let state = State { sets, active: choice.set, ever_succeeded: true };
            now = state.mark_successful_boot().unwrap().sets;
        }
    });
}

#[test]
fn a_start_takes_no_set_that_can_boot_away_but_an_unproven_one() {
    for_every_pair(|sets| {
        let Some((_, after)) = start(&sets) else { return };
        for (set, bits) in sets.iter() {
            let still = after.bits(set).unwrap().is_bootable();
            assert!(still || !bits.is_bootable() || !bits.successful, "{sets:?}");
        }
    });
}

#[test]
fn a_spent_set_still_boots_when_nothing_else_can() {
    let alone = Sets { a: spent(1), b: None };
    assert_eq!(starts(alone, 5), [SetId::A; 5]);
    let beside_a_failed_update = Sets { a: spent(1), b: Some(bits(2, 1, false)) };
    assert_eq!(starts(beside_a_failed_update, 4), [SetId::B, SetId::A, SetId::A, SetId::A]);
}

#[test]
fn a_rollback_takes_effect_from_every_state() {
    for_every_state(|before| {
        let Ok(after) = before.rollback_to_inactive() else { return };
        assert_eq!(choose(&after.sets).unwrap().set, before.inactive(), "{before:?}");
    });
}

#[test]
fn a_rollback_to_a_broken_set_comes_back_by_itself() {
    for_every_state(|before| {
        let active = before.sets.bits(before.active).unwrap();
        let Ok(after) = before.rollback_to_inactive() else { return };
        let target = after.sets.bits(before.inactive()).unwrap();
        if !active.is_counted() || target.tries == Tries::ZERO {
            return;
        }
        let tries = usize::from(target.tries.value());
        // A running set that is spent was not proven by this boot either: then the broken one has one more turn.
        let turns = usize::from(active.is_spent());
        let started = starts(after.sets, tries + turns + 1);
        assert_eq!(started[..tries], vec![before.inactive(); tries], "{before:?}");
        assert_eq!(started[tries + turns], before.active, "{before:?}: {started:?}");
    });
}

#[test]
fn a_rollback_to_a_set_that_is_not_spent_changes_priorities_only() {
    for_every_state(|before| {
        let Ok(after) = before.rollback_to_inactive() else { return };
        if before.sets.bits(before.inactive()).unwrap().is_spent() {
            return;
        }
        for (set, bits) in before.sets.iter() {
            let now = after.sets.bits(set).unwrap();
            assert_eq!(BootBits { priority: bits.priority, ..now }, bits, "{before:?}");
        }
    });
}

#[test]
fn an_upgrade_takes_effect_beside_a_spent_set() {
    for_every_state(|before| {
        let Ok(after) = before.upgrade_to_inactive() else { return };
        assert_eq!(choose(&after.sets).unwrap().set, before.inactive(), "{before:?}");
    });
}

#[test]
fn a_good_set_that_breaks_on_its_tenth_boot() {
    let mut sets = Sets { a: bits(1, 3, true), b: Some(bits(2, 3, true)) };
    for _ in 0..9 {
        let (set, after) = good_boot(&sets, Tries::REARM);
        assert_eq!(set, SetId::B);
        sets = after;
    }
    assert_eq!(starts(sets, 4), [SetId::B, SetId::B, SetId::B, SetId::A]);

    for _ in 0..3 {
        sets = start(&sets).unwrap().1;
    }
    assert_eq!(sets, Sets { a: bits(1, 3, true), b: Some(spent(2)) });
    let (set, back) = good_boot(&sets, Tries::REARM);
    assert_eq!(set, SetId::A);
    assert_eq!(starts(back, 3), [SetId::A; 3], "the host stays on the set that works");

    let running = State { sets: back, active: SetId::A, ever_succeeded: true };
    let forward = running.rollback_to_inactive().unwrap();
    assert_eq!(forward.sets, Sets { a: bits(1, 3, true), b: Some(bits(2, 1, true)) });
    assert_eq!(starts(forward.sets, 2), [SetId::B, SetId::A], "one try to prove itself");
}

#[test]
fn an_outage_that_fails_both_sets_ends_with_either() {
    let outage = Sets { a: bits(1, 1, true), b: Some(bits(2, 1, true)) };
    assert_eq!(starts(outage, 6), [SetId::B, SetId::A, SetId::B, SetId::A, SetId::B, SetId::A]);
    for length in 0..6 {
        let mut sets = outage;
        for _ in 0..length {
            sets = start(&sets).unwrap().1;
        }
        let (recovered, sets) = good_boot(&sets, Tries::REARM);
        assert!(starts(sets, 3).contains(&recovered));
    }
}

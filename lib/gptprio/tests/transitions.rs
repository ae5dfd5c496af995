//! Every transition from every state.

mod common;

use common::{TRANSITIONS, bits, for_every_state, state};
use gptprio::{BootBits, Obstacle, Priority, Refusal, SetId, Sets, State, Tries, start};

/// The bits of the active and of the inactive set of a disk with two.
fn pair(state: &State) -> (BootBits, BootBits) {
    let get = |set| state.sets.bits(set).expect("these disks have two sets");
    (get(state.active), get(state.inactive()))
}

#[test]
fn what_boots_before_a_transition_boots_after_it() {
    for_every_state(|before| {
        for (name, transition) in TRANSITIONS {
            if let Ok(after) = transition(before) {
                let (was, is) = (before.sets.any_bootable(), after.sets.any_bootable());
                assert!(is || !was, "{name} from {before:?}");
            }
        }
    });
}

#[test]
fn a_proven_set_remains_through_every_transition_and_start() {
    for_every_state(|before| {
        if !before.sets.any_proven() {
            return;
        }
        for (name, transition) in TRANSITIONS {
            if let Ok(after) = transition(before) {
                assert!(after.sets.any_proven(), "{name} from {before:?}");
            }
        }
        let (_, after) = start(&before.sets).expect("a proven set boots");
        assert!(after.any_proven());
    });
}

#[test]
fn after_an_upgrade_the_old_set_boots_when_the_new_one_is_used_up() {
    for_every_state(|before| {
        let Ok(mut after) = before.upgrade_to_inactive() else { return };
        if before == after {
            return; // found its result already there
        }
        let (_, new) = pair(&after);
        for _ in 0..new.tries.value() {
            let (choice, sets) = start(&after.sets).expect("the new set has tries");
            assert_eq!(choice.set, before.inactive());
            after.sets = sets;
        }
        let choice = gptprio::choose(&after.sets).expect("there is a way back");
        assert_eq!(choice.set, before.active, "from {before:?}");
    });
}

#[test]
fn every_transition_can_be_repeated() {
    for_every_state(|before| {
        for (name, transition) in TRANSITIONS {
            if let Ok(after) = transition(before) {
                assert_eq!(transition(after), Ok(after), "{name} from {before:?}");
            }
        }
    });
}

#[test]
fn transitions_on_the_inactive_set_do_what_the_table_says() {
    for_every_state(|before| {
        let (active, inactive) = pair(&before);
        if let Ok(after) = before.clear_inactive() {
            assert_eq!(pair(&after), (active, bits(0, 0, false)));
        }
        let marked = before.mark_inactive_valid(Tries::ONE).expect("this takes nothing away");
        let valid = BootBits { tries: Tries::ONE, spent: false, ..inactive };
        assert_eq!(pair(&marked), (active, valid));
        let old = BootBits { priority: Priority::ONE, ..active };
        let new = BootBits { priority: Priority::TWO, ..inactive };
        if let Ok(after) = before.upgrade_to_inactive() {
            assert_eq!(pair(&after), (old, new));
        }
        if let Ok(after) = before.rollback_to_inactive() {
            let tried = BootBits { tries: Tries::ONE, spent: false, ..new };
            assert_eq!(pair(&after), (old, if inactive.is_spent() { tried } else { new }));
        }
        if let Ok(after) = before.cancel_upgrade() {
            let kept = BootBits { priority: Priority::TWO, ..active };
            let dropped = BootBits { priority: Priority::ZERO, ..inactive };
            assert_eq!(pair(&after), (kept, dropped));
        }
    });
}

#[test]
fn marking_a_boot_successful_changes_one_bit_and_the_memory_of_the_disk() {
    for_every_state(|before| {
        let after = before.mark_successful_boot().expect("the active set exists");
        let (active, inactive) = pair(&before);
        let proven = BootBits { successful: true, spent: false, ..active };
        assert_eq!(pair(&after), (proven, inactive));
        assert!(after.ever_succeeded);
        let armed = before.mark_successful_boot_with(Tries::REARM).expect("it exists");
        assert_eq!(pair(&armed), (BootBits { tries: Tries::REARM, ..proven }, inactive));
    });
}

#[test]
fn only_marking_a_boot_successful_sets_the_memory_of_the_disk() {
    for_every_state(|before| {
        for (name, transition) in TRANSITIONS {
            if let Ok(after) = transition(before) {
                assert_eq!(after.ever_succeeded, name.starts_with("mark-successful"), "{name}");
            }
        }
    });
}

#[test]
fn an_upgrade_is_made_exactly_from_a_prepared_set_with_a_way_back() {
    for_every_state(|before| {
        let (active, inactive) = pair(&before);
        let prepared = inactive.priority == Priority::ZERO
            && !inactive.successful
            && inactive.tries > Tries::ZERO;
        let way_back = active.successful || active.tries > Tries::ZERO;
        let made_already = active.priority == Priority::ONE
            && inactive.priority == Priority::TWO
            && !inactive.successful
            && inactive.tries > Tries::ZERO;
        let result = before.upgrade_to_inactive();
        assert_eq!(result.is_ok(), (prepared && way_back) || made_already, "{before:?}");
    });
}

#[test]
fn a_rollback_is_made_exactly_to_a_bootable_set() {
    for_every_state(|before| {
        let (_, inactive) = pair(&before);
        assert_eq!(before.rollback_to_inactive().is_ok(), inactive.is_bootable(), "{before:?}");
    });
}

#[test]
fn clearing_and_cancelling_are_refused_only_to_save_the_way_home() {
    for_every_state(|before| {
        let (active, inactive) = pair(&before);
        let last = inactive.is_bootable() && !active.is_bootable()
            || inactive.is_proven() && !active.is_proven();
        assert_eq!(before.clear_inactive().is_err(), last, "{before:?}");
        let raised = BootBits { priority: Priority::TWO, ..active };
        let last = inactive.is_bootable() && !raised.is_bootable()
            || inactive.is_proven() && !raised.is_proven();
        assert_eq!(before.cancel_upgrade().is_err(), last, "{before:?}");
    });
}

#[test]
fn the_way_of_an_update_and_back() {
    let factory = state(SetId::A, bits(1, 0, true), BootBits::CLEAR);
    let prepared = factory.clear_inactive().and_then(|state| state.mark_inactive_valid(Tries::ONE));
    let flipped = prepared.and_then(State::upgrade_to_inactive).expect("the way of an update");
    assert_eq!(flipped.sets, Sets { a: bits(1, 0, true), b: Some(bits(2, 1, false)) });

    let (choice, started) = start(&flipped.sets).expect("both sets are bootable");
    assert_eq!(choice.set, SetId::B);
    let running_b = State { sets: started, active: SetId::B, ever_succeeded: true };
    assert_eq!(running_b.clear_inactive(), Err(Refusal::LastBootable(SetId::A)));
    assert_eq!(running_b.cancel_upgrade(), Err(Refusal::LastBootable(SetId::A)));

    let good = running_b.mark_successful_boot().expect("the running set exists");
    let back = good.rollback_to_inactive().expect("A is bootable");
    assert_eq!(back.sets, Sets { a: bits(2, 0, true), b: Some(bits(1, 0, true)) });
}

#[test]
fn an_unproven_running_set_may_not_erase_the_proven_one() {
    let running = state(SetId::B, bits(1, 0, true), bits(2, 3, false));
    assert_eq!(running.clear_inactive(), Err(Refusal::LastProven(SetId::A)));
}

#[test]
fn refusals_name_the_requirement() {
    let upgrade = |b| state(SetId::A, bits(1, 0, true), b).upgrade_to_inactive();
    let priority = Priority::ONE;
    let inactive = SetId::B;
    assert_eq!(upgrade(bits(1, 1, false)), Err(Refusal::PriorityNotZero { inactive, priority }));
    assert_eq!(upgrade(bits(0, 1, true)), Err(Refusal::AlreadySuccessful(inactive)));
    assert_eq!(upgrade(bits(0, 0, false)), Err(Refusal::NotMarkedValid(inactive)));
    let spent = state(SetId::A, bits(2, 0, false), bits(0, 1, false));
    assert_eq!(spent.upgrade_to_inactive(), Err(Refusal::NoWayBack(SetId::A)));
    let obstacle = Obstacle::PriorityZero;
    assert_eq!(
        state(SetId::A, bits(1, 0, true), bits(0, 0, true)).rollback_to_inactive(),
        Err(Refusal::NotBootable { inactive, obstacle })
    );
    assert_eq!(spent.mark_inactive_valid(Tries::ZERO), Err(Refusal::ZeroTries));
}

#[test]
fn a_disk_of_one_set_can_only_be_marked_successful() {
    let one = State {
        sets: Sets { a: bits(1, 0, false), b: None },
        active: SetId::A,
        ever_succeeded: false,
    };
    for (name, transition) in TRANSITIONS {
        let result = transition(one);
        if name.starts_with("mark-successful-boot") {
            assert!(result.is_ok_and(|after| after.sets.a.successful && after.sets.b.is_none()));
        } else {
            assert_eq!(result, Err(Refusal::NoInactiveSet(SetId::A)), "{name}");
        }
    }
    let missing = State { active: SetId::B, ..one };
    for (name, transition) in TRANSITIONS {
        assert_eq!(transition(missing), Err(Refusal::NoActiveSet(SetId::B)), "{name}");
    }
}

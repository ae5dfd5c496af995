//! One test for each way in which an attempt ends.

use chrono::{DateTime, TimeDelta};
use gptprio::{SetId, Tries, choose};
use handover::Fault;
use updog::boots::{Cause, Finding, Ledger, Left, Outcome};

use super::machine::{Fate, Machine, not_started, version};

/// A machine that was updated to 1.1.0 in set B, and started with these fates.
fn updated(tries: u8, fates: &[Fate]) -> Machine {
    let mut machine = Machine::new();
    assert!(machine.update(version(1), tries));
    assert_eq!(machine.outcome_in(SetId::B).0, Outcome::Waiting);
    fates.iter().for_each(|fate| assert!(machine.boot(*fate)));
    machine
}

fn failed(cause: &str) -> (Outcome, Option<String>) {
    (Outcome::Failed, Some(cause.to_owned()))
}

#[test]
fn an_update_that_is_well_is_good() {
    let machine = updated(1, &[Fate::Well, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), (Outcome::Good, None));
    let last = machine.last_in(SetId::B).unwrap();
    assert_eq!((last.starts, last.good_starts), (2, 2));
    assert!(machine.ledger.failed_versions().is_empty());
}

#[test]
fn a_check_that_fails_is_the_cause_with_its_last_words() {
    let machine = updated(1, &[Fate::Sick, Fate::Well]);
    assert_eq!(machine.active, SetId::A);
    assert_eq!(machine.outcome_in(SetId::B), failed("health check 10-net"));
    let [one] = machine.ledger.failed_versions()[..] else { panic!("one has failed") };
    assert_eq!(one.cause_in_words(), "health check 10-net (no route)");
    assert!(!one.to_examine, "a verdict needs no further look");
}

#[test]
fn checks_that_never_end_are_a_time_out() {
    let machine = updated(1, &[Fate::Hangs, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), failed("time-out"));
    assert_eq!(machine.ledger.to_examine().len(), 1, "it may have been corruption");
}

#[test]
fn a_set_of_which_nothing_is_heard_never_reached_userland() {
    let machine = updated(1, &[Fate::Silent, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), failed("never reached userland"));
    assert_eq!(machine.ledger.to_examine().len(), 1);
}

#[test]
fn what_a_look_at_the_set_shows_takes_the_place_of_silence() {
    let mut machine = updated(1, &[Fate::Silent, Fate::Well]);
    let corruption = Finding::plain(Cause::corruption("root block 7"));
    machine.ledger.note_examined(SetId::B, &version(1), Some(corruption));
    assert_eq!(machine.outcome_in(SetId::B), failed("corruption: root block 7"));
    assert!(machine.ledger.to_examine().is_empty());
    let mut machine = updated(1, &[Fate::Silent, Fate::Well]);
    machine.ledger.note_examined(SetId::B, &version(1), None);
    assert_eq!(machine.outcome_in(SetId::B), failed("never reached userland"));
}

#[test]
fn a_kernel_image_that_is_not_loaded_fails_at_once_and_is_not_started_again() {
    let machine = updated(3, &[Fate::NotLoaded]);
    assert_eq!(machine.active, SetId::A);
    assert_eq!(machine.outcome_in(SetId::B), failed("kernel image not loaded: no image"));
    assert!(!machine.sets.bits(SetId::B).unwrap().is_bootable(), "it had two tries left");
    assert_eq!(choose(&machine.sets).unwrap().set, SetId::A);
}

#[test]
fn the_last_cause_that_is_known_counts() {
    let machine = updated(3, &[Fate::Hangs, Fate::Sick, Fate::Silent, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), failed("health check 10-net"));
    assert_eq!(machine.last_in(SetId::B).unwrap().starts, 2);
    let machine = updated(2, &[Fate::Sick, Fate::Hangs, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), failed("time-out"));
}

#[test]
fn an_update_that_comes_up_late_is_good() {
    let machine = updated(3, &[Fate::Silent, Fate::Hangs, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), (Outcome::Good, None));
}

#[test]
fn a_good_set_that_breaks_later_gives_way_and_is_recorded() {
    let mut machine = updated(1, &[Fate::Well; 9]);
    for _ in 0..3 {
        assert!(machine.boot(Fate::Silent));
        assert_eq!(machine.active, SetId::B);
    }
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.active, SetId::A);
    assert_eq!(machine.outcome_in(SetId::B), failed("never reached userland"));
    assert_eq!(machine.last_in(SetId::B).unwrap().good_starts, 9);
    assert!(machine.has_failed(&version(1)));
}

#[test]
fn a_rollback_is_no_failure_whoever_makes_it() {
    for notes in [true, false] {
        let mut machine = updated(1, &[Fate::Well]);
        machine.notes = notes;
        assert!(machine.roll_back() && machine.boot(Fate::Well));
        assert_eq!(machine.active, SetId::A);
        assert_eq!(machine.outcome_in(SetId::B), (Outcome::Good, None));
        assert!(machine.roll_back() && machine.boot(Fate::Well));
        assert_eq!((machine.active, machine.outcome_in(SetId::A).0), (SetId::B, Outcome::Good));
    }
}

#[test]
fn a_rollback_before_anything_was_proven_is_no_failure_either() {
    let mut machine = updated(1, &[Fate::Hangs]);
    assert!(machine.roll_back() && machine.boot(Fate::Well));
    assert_eq!(machine.outcome_in(SetId::B).0, Outcome::Withdrawn);
    assert!(!machine.has_failed(&version(1)));
}

#[test]
fn an_update_that_is_taken_back_was_never_tried() {
    let mut machine = updated(1, &[]);
    assert!(machine.revert(Left::Declined) && machine.boot(Fate::Well));
    assert_eq!((machine.active, machine.outcome_in(SetId::B).0), (SetId::A, Outcome::Withdrawn));
}

#[test]
fn only_a_person_declines_a_release_and_only_a_person_takes_that_back() {
    let mut machine = updated(1, &[]);
    assert!(machine.revert(Left::PutBack));
    assert!(machine.ledger.declined_versions().is_empty());
    assert!(machine.update(version(1), 1) && machine.revert(Left::Declined));
    assert_eq!(machine.ledger.declined_versions(), [&version(1)]);
    assert!(machine.ledger.declines(&version(1), &version(0)));
    assert!(!machine.ledger.declines(&version(1), &version(1)), "it runs");
    let now = machine.now();
    machine.ledger.note_going_to(machine.active, Left::PutBack, now);
    assert_eq!(machine.ledger.declined_versions(), [&version(1)], "a person's word stands");
    assert_eq!(machine.ledger.clear(Some(&version(1))), [version(1)]);
    assert!(machine.ledger.declined_versions().is_empty());
}

#[test]
fn health_that_runs_again_in_the_same_boot_finds_no_failure() {
    let mut machine = updated(1, &[]);
    machine.ledger.note_start(&machine.seen(None));
    assert_eq!(machine.outcome_in(SetId::B).0, Outcome::Waiting);
    // Nor where nobody has noted the boot before.
    let mut machine = Machine { ledger: Ledger::default(), ..updated(1, &[]) };
    machine.ledger.note_start(&machine.seen(None));
    assert!(machine.ledger.failed_versions().is_empty());
}

#[test]
fn a_failure_is_found_without_a_note_of_the_attempt() {
    for fates in [&[Fate::Silent, Fate::Silent][..], &[Fate::NotLoaded]] {
        let mut machine = Machine::new();
        machine.update(version(1), 2);
        machine.ledger = Ledger::default();
        fates.iter().for_each(|fate| assert!(machine.boot(*fate)));
        machine.boot(Fate::Well);
        assert_eq!(machine.active, SetId::A);
        assert!(machine.has_failed(&version(1)), "{fates:?}");
    }
}

#[test]
fn where_no_other_set_can_boot_the_failure_is_known_at_once() {
    let mut machine = Machine::new();
    machine.boot(Fate::Sick);
    assert_eq!(machine.outcome_in(SetId::A), failed("health check 10-net"));
    machine.boot(Fate::Well);
    assert_eq!(machine.outcome_in(SetId::A), (Outcome::Good, None));
    assert!(machine.ledger.failed_versions().is_empty());
}

#[test]
fn a_version_that_was_cleared_may_fail_again() {
    let mut machine = updated(1, &[Fate::Sick, Fate::Well]);
    assert_eq!(machine.ledger.clear(Some(&version(2))), []);
    assert_eq!(machine.ledger.clear(Some(&version(1))), [version(1)]);
    assert!(!machine.has_failed(&version(1)));
    machine.boot(Fate::Well);
    assert!(!machine.has_failed(&version(1)), "the same failure is not found twice");
    assert!(machine.update(version(1), 1));
    machine.boot(Fate::Sick);
    machine.boot(Fate::Well);
    assert!(machine.has_failed(&version(1)));
    assert_eq!(machine.ledger.clear(None), [version(1)]);
}

#[test]
fn a_rollback_from_a_good_set_on_its_last_try_is_the_operators() {
    let mut machine = updated(1, &[Fate::Well, Fate::Silent, Fate::Silent, Fate::Hangs]);
    assert!(machine.sets.bits(SetId::B).unwrap().is_spent());
    assert!(machine.roll_back() && machine.boot(Fate::Well));
    assert_eq!((machine.active, machine.outcome_in(SetId::B).0), (SetId::A, Outcome::Withdrawn));
}

#[test]
fn what_the_selector_said_before_an_installation_is_not_about_it() {
    let mut machine = updated(1, &[]);
    // The set does not start, and an agent installs the next version before health is looked at.
    let failed = not_started(SetId::B, Fault::Image);
    machine.boots += 1;
    assert!(machine.update(version(2), 1));
    machine.ledger.note_start(&machine.seen(Some(failed)));
    assert_eq!(machine.outcome_in(SetId::B).0, Outcome::Waiting);
    assert!(!machine.has_failed(&version(2)));
}

#[test]
fn what_the_machine_could_not_do_is_no_failure_of_the_set_while_it_has_tries() {
    let mut machine = updated(2, &[]);
    machine.active = SetId::A;
    machine.boots += 1;
    machine.ledger.note_start(&machine.seen(Some(not_started(SetId::B, Fault::Machine))));
    assert_eq!(machine.outcome_in(SetId::B).0, Outcome::Waiting);
    assert!(!machine.has_failed(&version(1)));
}

#[test]
fn a_good_set_that_dies_later_gives_way_and_the_panic_is_the_cause() {
    let mut machine = updated(1, &[Fate::Well, Fate::Dies, Fate::Dies, Fate::Dies]);
    let last = machine.last_in(SetId::B).unwrap();
    assert_eq!(
        (last.outcome, last.starts, last.good_starts, last.panics),
        (Outcome::Good, 4, 4, 2)
    );
    assert!(machine.boot(Fate::Dies));
    assert_eq!(machine.active, SetId::B);
    assert_eq!(
        machine.outcome_in(SetId::B),
        (Outcome::Good, Some("kernel panic: dm-verity".into()))
    );
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.active, SetId::A);
    assert_eq!(machine.outcome_in(SetId::B), failed("kernel panic: dm-verity"));
    assert!(machine.has_failed(&version(1)));
    assert_eq!(machine.ledger.to_examine().len(), 1, "it may have been corruption");
    assert_eq!(machine.last_in(SetId::A).unwrap().panics, 0, "the panic was not its own");
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.active, SetId::A, "it stays where it works");
}

#[test]
fn one_start_that_ends_otherwise_gives_new_tries() {
    let mut machine = updated(1, &[Fate::Dies, Fate::Dies, Fate::Well]);
    assert_eq!(machine.sets.bits(SetId::B).unwrap().tries, Tries::ONE);
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.outcome_in(SetId::B), (Outcome::Good, None));
    assert_eq!(machine.sets.bits(SetId::B).unwrap().tries, Tries::REARM);
}

#[test]
fn a_panic_during_the_checks_counts_as_one_after_them() {
    let mut machine = updated(1, &[Fate::Well]);
    for fate in [Fate::Hangs, Fate::Dies, Fate::Hangs] {
        assert!(machine.boot(fate) && (fate == Fate::Dies || machine.panics("dm-verity")));
        assert_eq!(machine.active, SetId::B);
    }
    assert!(machine.boot(Fate::Well));
    assert_eq!((machine.active, machine.outcome_in(SetId::B).0), (SetId::A, Outcome::Failed));
}

#[test]
fn a_panic_is_the_sets_that_had_it_whatever_time_its_clock_showed() {
    for clock in [DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(9999)] {
        let mut machine = updated(1, &[]);
        machine.clock = clock;
        assert!(machine.boot(Fate::Panics) && machine.boot(Fate::Well));
        assert_eq!(
            (machine.active, machine.outcome_in(SetId::B)),
            (SetId::A, failed("kernel panic: no init"))
        );
        assert_eq!(machine.outcome_in(SetId::A), (Outcome::Good, None));
        // The record stays, and is about no later failure.
        assert!(machine.update(version(2), 1) && machine.boot(Fate::Silent));
        assert!(machine.boot(Fate::Well));
        assert_eq!(machine.outcome_in(SetId::B), failed("never reached userland"));
    }
}

#[test]
fn where_nobody_has_looked_for_records_older_ones_are_about_nothing() {
    let mut machine = updated(1, &[Fate::Dies]);
    machine.ledger.known_records = None;
    machine.clock = machine.now() - TimeDelta::seconds(1);
    machine.panics.clear();
    machine.panics("old");
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.last_in(SetId::B).unwrap().panics, 0);
}

#[test]
fn of_two_broken_sets_neither_runs_for_ever() {
    let mut machine = updated(1, &[Fate::Dies]);
    let mut seen = Vec::new();
    for _ in 0..24 {
        assert!(machine.boot(if machine.active == SetId::B { Fate::Dies } else { Fate::Panics }));
        seen.push(machine.active);
    }
    assert!(
        seen.windows(6).all(|some| SetId::ALL.iter().all(|set| some.contains(set))),
        "{seen:?}"
    );
}

#[test]
fn a_hang_that_the_kernels_watchdog_ended_is_a_time_out() {
    let expired = "softdog: Software Watchdog Timer expired";
    let mut machine = updated(1, &[Fate::Silent]);
    machine.panics(expired);
    assert!(machine.boot(Fate::Well));
    assert_eq!(
        machine.outcome_in(SetId::B),
        failed("time-out: hung before its health was looked at")
    );
    let mut machine = updated(1, &[Fate::Hangs]);
    machine.panics(expired);
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.outcome_in(SetId::B), failed("time-out"), "its checks had begun");
    let mut machine = updated(1, &[Fate::Sick]);
    machine.panics(expired);
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.outcome_in(SetId::B), failed("health check 10-net"), "a verdict stands");
}

#[test]
fn a_good_boot_that_could_not_be_marked_is_forgiven_once() {
    let mut machine = updated(1, &[Fate::Unmarked]);
    assert_eq!(machine.outcome_in(SetId::B).0, Outcome::Unproven);
    assert!(machine.boot(Fate::Well));
    let unmarked = Some("cannot mark: no disk".to_owned());
    assert_eq!(machine.outcome_in(SetId::B), (Outcome::Withdrawn, unmarked));
    assert!(!machine.has_failed(&version(1)), "it was well");
    assert!(machine.update(version(1), 1) && machine.boot(Fate::Unmarked));
    assert!(machine.boot(Fate::Well));
    assert_eq!(machine.outcome_in(SetId::B), failed("cannot mark: no disk"));
    assert!(machine.has_failed(&version(1)), "else it would be taken without end");
    let mut machine = updated(2, &[Fate::Unmarked, Fate::Panics, Fate::Well]);
    assert_eq!(machine.outcome_in(SetId::B), failed("kernel panic: no init"));
    machine.boot(Fate::Well);
    assert_eq!(
        updated(2, &[Fate::Unmarked, Fate::Well]).outcome_in(SetId::B),
        (Outcome::Good, None)
    );
}

#[test]
fn the_same_boot_is_marked_good_once() {
    let mut machine = updated(1, &[Fate::Well]);
    machine.is_well();
    assert_eq!(machine.last_in(SetId::B).unwrap().good_starts, 1);
    machine.boot(Fate::Sick);
    machine.is_well();
    machine.is_well();
    let last = machine.last_in(SetId::B).unwrap();
    assert_eq!((last.starts, last.good_starts), (2, 2));
}

#[test]
fn who_goes_forward_again_to_what_was_taken_back_hears_that_it_fails() {
    // Taken back unproven, with a try left.
    let mut machine = updated(2, &[Fate::Hangs]);
    assert!(machine.roll_back() && machine.boot(Fate::Well));
    assert_eq!((machine.active, machine.outcome_in(SetId::B).0), (SetId::A, Outcome::Withdrawn));
    assert!(machine.roll_back());
    assert_eq!(machine.outcome_in(SetId::B), (Outcome::Waiting, None));
    assert!(machine.boot(Fate::Silent));
    assert_eq!(machine.active, SetId::B);
    assert!(machine.boot(Fate::Well));
    assert_eq!(
        (machine.active, machine.outcome_in(SetId::B)),
        (SetId::A, failed("never reached userland"))
    );
}

#[test]
fn what_failed_and_was_cleared_may_fail_again_and_what_stands_as_failed_stays_so() {
    for cleared in [true, false] {
        let mut machine = updated(1, &[Fate::Well, Fate::Sick, Fate::Sick, Fate::Sick, Fate::Well]);
        assert_eq!(machine.outcome_in(SetId::B), failed("health check 10-net"));
        assert!(!cleared || machine.ledger.clear(None) == [version(1)]);
        assert!(machine.roll_back());
        assert_eq!(machine.has_failed(&version(1)), !cleared);
        assert!(machine.boot(Fate::Silent));
        assert_eq!(machine.active, SetId::B);
        assert!(machine.boot(Fate::Well));
        assert_eq!(machine.active, SetId::A);
        assert!(machine.has_failed(&version(1)), "cleared: {cleared}");
    }
}

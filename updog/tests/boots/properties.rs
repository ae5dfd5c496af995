//! What holds whatever happens.

use gptprio::{SetId, Tries};
use proptest::prelude::*;
use updog::boots::{Left, MAX_ATTEMPTS, Outcome};

use super::machine::{Fate, Machine, version};

/// Something that happens to a machine.
#[derive(Clone, Debug)]
enum Event {
    /// An agent takes the newest version that has not failed, of so many.
    Update {
        newest: u64,
        tries: u8,
    },
    Boot(Fate),
    RollBack {
        notes: bool,
    },
    Revert {
        declined: bool,
    },
    Clear(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let fate = prop_oneof![
        Just(Fate::NotLoaded),
        Just(Fate::Silent),
        Just(Fate::Hangs),
        Just(Fate::Sick),
        Just(Fate::Well),
        Just(Fate::Well),
        Just(Fate::Dies),
        Just(Fate::Panics),
        Just(Fate::Unmarked),
    ];
    let event = prop_oneof![
        2 => (1..6_u64, 1..4_u8).prop_map(|(newest, tries)| Event::Update { newest, tries }),
        6 => fate.prop_map(Event::Boot),
        1 => any::<bool>().prop_map(|notes| Event::RollBack { notes }),
        1 => any::<bool>().prop_map(|declined| Event::Revert { declined }),
        1 => (0..6_u64).prop_map(Event::Clear),
    ];
    prop::collection::vec(event, 0..120)
}

/// The versions, of the first few, that have failed.
fn failed(machine: &Machine) -> Vec<u64> {
    (0..6).filter(|minor| machine.has_failed(&version(*minor))).collect()
}

fn carry_out(machine: &mut Machine, event: &Event) {
    match *event {
        Event::Update { newest, tries } => {
            let wanted = (1..=newest).rev().find(|minor| !machine.has_failed(&version(*minor)));
            let running = machine.version_in(machine.active).minor;
            if let Some(wanted) = wanted.filter(|wanted| *wanted != running) {
                machine.update(version(wanted), tries);
            }
        }
        Event::Boot(fate) => drop(machine.boot(fate)),
        Event::RollBack { notes } => {
            machine.notes = notes;
            machine.roll_back();
        }
        Event::Revert { declined: true } => drop(machine.revert(Left::Declined)),
        Event::Revert { declined: false } => drop(machine.revert(Left::PutBack)),
        Event::Clear(minor) => drop(machine.ledger.clear(Some(&version(minor)))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_failed_version_stays_failed_until_it_is_cleared_or_starts_again(events in events()) {
        let mut machine = Machine::new();
        for event in events {
            let before = (failed(&machine), machine.boots);
            carry_out(&mut machine, &event);
            let after = failed(&machine);
            let forgiven = before.0.iter().filter(|minor| !after.contains(minor));
            for minor in forgiven {
                let cleared = matches!(event, Event::Clear(cleared) if cleared == *minor);
                // A set that was good once may get its turn again by the bits.
                let started = machine.boots > before.1
                    && machine.version_in(machine.active).minor == *minor;
                prop_assert!(cleared || started, "{minor} was forgiven by {event:?}");
            }
            prop_assert!(machine.ledger.attempts.len() <= MAX_ATTEMPTS);
        }
    }

    #[test]
    fn an_update_that_used_up_its_tries_is_found_to_have_failed(
        before in events(), tries in 1..5_u8, fates in prop::collection::vec(
            prop_oneof![Just(Fate::Silent), Just(Fate::Hangs), Just(Fate::Sick), Just(Fate::Panics)], 4),
    ) {
        let mut machine = Machine::new();
        before.iter().for_each(|event| carry_out(&mut machine, event));
        // A set that runs well is where updates begin.
        prop_assume!(machine.boot(Fate::Well));
        let home = machine.active;
        prop_assume!(machine.update(version(9), tries));
        for fate in fates.iter().take(usize::from(tries)) {
            prop_assert!(machine.boot(*fate));
            prop_assert_eq!(machine.active, home.other());
        }
        prop_assert!(machine.boot(Fate::Well));
        prop_assert_eq!(machine.active, home, "as many starts as it had tries");
        prop_assert!(machine.has_failed(&version(9)));
        let (outcome, cause) = machine.outcome_in(home.other());
        prop_assert!(outcome == Outcome::Failed && cause.is_some());
    }

    #[test]
    fn a_good_set_that_always_dies_later_gives_way_in_as_many_starts_as_it_had_tries(
        before in events(), other in prop_oneof![Just(Fate::Well), Just(Fate::Dies)],
    ) {
        let mut machine = Machine::new();
        before.iter().for_each(|event| carry_out(&mut machine, event));
        prop_assume!(machine.boot(Fate::Well) && machine.boot(Fate::Well));
        let home = machine.active;
        prop_assume!(machine.sets.bits(home).unwrap().tries == Tries::REARM);
        prop_assume!(machine.update(version(9), 1) && machine.boot(Fate::Dies));
        prop_assert_eq!(machine.active, home.other());
        for _ in 0..Tries::REARM.value() {
            prop_assert!(machine.boot(Fate::Dies));
            prop_assert_eq!(machine.active, home.other());
        }
        prop_assert!(machine.boot(other));
        prop_assert_eq!(machine.active, home);
        prop_assert!(machine.has_failed(&version(9)));
        let cause = machine.outcome_in(home.other()).1;
        prop_assert_eq!(cause.as_deref(), Some("kernel panic: dm-verity"));
    }

    #[test]
    fn who_goes_back_from_a_good_set_has_not_failed(before in events(), notes in any::<bool>()) {
        let mut machine = Machine::new();
        before.iter().for_each(|event| carry_out(&mut machine, event));
        prop_assume!(machine.boot(Fate::Well));
        let left = machine.active;
        // Of one that got no new tries because it panicked before, the bits say that it gives way.
        prop_assume!(notes || !machine.sets.bits(left).unwrap().is_spent());
        machine.notes = notes;
        prop_assume!(machine.roll_back());
        prop_assert!(machine.boot(Fate::Well));
        prop_assert_eq!(machine.active, left.other());
        prop_assert_eq!(machine.outcome_in(left).0, Outcome::Good);
    }

    #[test]
    fn a_full_ledger_remembers_the_failures_and_what_the_sets_hold(count in 1..40_u64) {
        let mut machine = Machine::new();
        machine.update(version(1), 1);
        machine.boot(Fate::Sick);
        machine.boot(Fate::Well);
        for minor in 2..count + 2 {
            machine.update(version(minor), 1);
            machine.boot(Fate::Well);
        }
        prop_assert!(machine.has_failed(&version(1)));
        prop_assert!(machine.ledger.attempts.len() <= MAX_ATTEMPTS);
        for set in SetId::ALL {
            prop_assert_eq!(&machine.last_in(set).unwrap().version, machine.version_in(set));
        }
    }
}

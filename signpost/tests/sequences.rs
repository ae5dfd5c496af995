//! Random sequences of commands, starts and power-ups on a real image file.

#![allow(clippy::unwrap_used)]

mod common;

use common::Image;
use gptprio::{Refusal, SetId, State, Tries, choose, start};
use proptest::prelude::*;
use signpost::{Access, Disk};

/// What may happen to a disk.
#[derive(Clone, Copy, Debug)]
enum Event {
    Clear,
    MarkValid(u8),
    Upgrade,
    Cancel,
    Rollback,
    MarkSuccessful,
    /// The machine restarts: the chosen set runs.
    Restart,
    /// A bad copy of the table turns up.
    Damage(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Clear),
        (1_u8..4).prop_map(Event::MarkValid),
        Just(Event::Upgrade),
        Just(Event::Cancel),
        Just(Event::Rollback),
        Just(Event::MarkSuccessful),
        Just(Event::Restart),
        any::<bool>().prop_map(Event::Damage),
    ]
}

/// A disk and the set that runs from it.
struct Machine {
    image: Image,
    active: SetId,
}

impl Machine {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Clear => self.change(State::clear_inactive),
            Event::MarkValid(tries) => {
                self.change(|state| state.mark_inactive_valid(Tries::new(tries).unwrap()));
            }
            Event::Upgrade => self.change(State::upgrade_to_inactive),
            Event::Cancel => self.change(State::cancel_upgrade),
            Event::Rollback => self.change(State::rollback_to_inactive),
            Event::MarkSuccessful => self.change(State::mark_successful_boot),
            Event::Restart => self.restart(),
            Event::Damage(primary) => {
                let place = if primary { 4096 + 20 } else { common::LENGTH - 4096 + 20 };
                let whole = Disk::open(&self.image.path, Access::Read).unwrap().medium().is_whole();
                if whole {
                    self.image.damage(place);
                }
            }
        }
    }

    fn change(&mut self, transition: impl FnOnce(State) -> Result<State, Refusal>) {
        let mut disk = Disk::open(&self.image.path, Access::Write).unwrap();
        if let Ok(after) = transition(disk.state(self.active)) {
            disk.store(&after).unwrap();
            drop(disk);
            let disk = Disk::open(&self.image.path, Access::Read).unwrap();
            assert_eq!(disk.state(self.active), after);
            assert!(disk.medium().is_whole(), "a store leaves no bad copy");
        }
    }

    fn restart(&mut self) {
        let mut disk = Disk::open(&self.image.path, Access::Write).unwrap();
        let (choice, sets) = start(&disk.sets()).expect("something boots");
        let state = disk.state(choice.set);
        disk.store(&State { sets, ..state }).unwrap();
        self.active = choice.set;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_proven_set_can_boot(events in prop::collection::vec(event(), 1..25)) {
        let mut machine = Machine { image: Image::large_blocks(), active: SetId::A };
        for event in events {
            machine.happens(event);
            let sets = Disk::open(&machine.image.path, Access::Read).unwrap().sets();
            prop_assert!(choose(&sets).is_some() && sets.any_proven(), "after {:?}: {:?}", event, sets);
        }
    }
}

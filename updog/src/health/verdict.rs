//! What is done after the checks: a function of what they found and of the boot bits.
//!
//! *A boot whose checks all passed is marked good. One that failed is restarted if, by the boot bits, some number of further starts leads
//! to the other set; if none does, the host stays up:* a restart would only lead to the same set again, without end, and a host
//! that is up can be looked at and mended.

use gptprio::{Refusal, SetId, Sets, State, Tries, start};
use handover::{Handover, Rule};

/// More starts than any two sets have tries.
const MANY: usize = 40;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The boot is marked good.
    Good,
    /// The host restarts: the other set is next, or will be when the tries are used up.
    Restart,
    /// The host stays up, not proven: no restart would lead to the other set.
    StayUp,
}

/// Decides after the checks.
pub fn decide(well: bool, sets: &Sets, active: SetId) -> Verdict {
    match well {
        true => Verdict::Good,
        false if could_give_way(sets, active) => Verdict::Restart,
        false => Verdict::StayUp,
    }
}

/// The state in which a good boot leaves the disk. `panicked` says that the start of this set before it ended in a panic, be it that
/// it was good as well: then a set that was proven before keeps counting its starts down, so that one which passes its checks and dies
/// later, again and again, gives way in the end.
///
/// # Errors
///
/// Refused only if the running set is not on the disk.
pub fn proven(state: State, tries: Tries, panicked: bool) -> Result<State, Refusal> {
    let counts = state.sets.bits(state.active).is_some_and(|bits| bits.is_counted());
    // To mark it successful without new tries would take away that it is spent, and it would not be counted any more.
    if panicked && counts {
        return Ok(State { ever_succeeded: true, ..state });
    }
    state.mark_successful_boot_with(tries)
}

/// Decides where the health of a boot cannot be looked at, on a machine that the boot selector has started; `known` is the disk's bits and the running set,
/// where they can be read. A set that was proven before is left alone: what is wrong is more likely what somebody has just written into its
/// configuration, and it would gain nothing. Where only the selector's word is known, each restart has to use up a try, so that they end.
pub fn decide_unseen(handover: &Handover, known: Option<(Sets, SetId)>) -> Verdict {
    let bounded = handover.counted && handover.rule != Rule::LastResort;
    match known {
        Some((sets, active)) if sets.bits(active).is_some_and(|bits| bits.successful) => {
            Verdict::StayUp
        }
        Some((sets, active)) => decide(false, &sets, active),
        None if bounded && !handover.bits.successful => Verdict::Restart,
        None => Verdict::StayUp,
    }
}

/// Whether the running set, never marked good again, would give way to the other one after some starts.
pub fn could_give_way(sets: &Sets, active: SetId) -> bool {
    let starts = std::iter::successors(start(sets), |(_, after)| start(after));
    starts.take(MANY).any(|(choice, _)| choice.set != active)
}

/// Whether the other set, whose version has failed, has to be kept from being started once more: it was never proven and has
/// tries left, because the boot selector went on to this set in the same boot.
pub fn gives_up_other(sets: &Sets, active: SetId) -> bool {
    sets.bits(active.other()).is_some_and(|bits| bits.is_bootable() && !bits.successful)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use gptprio::{BootBits, Priority, Tries};
    use proptest::prelude::*;

    use super::*;

    fn bits(priority: u8, tries: u8, successful: bool, spent: bool) -> BootBits {
        let (priority, tries) = (Priority::new(priority).unwrap(), Tries::new(tries).unwrap());
        BootBits { priority, tries, successful, spent }
    }

    fn decide_b(a: BootBits, b: BootBits) -> Verdict {
        decide(false, &Sets { a, b: Some(b) }, SetId::B)
    }

    #[test]
    fn an_update_that_fails_its_checks_restarts_until_its_tries_are_used_up() {
        let old = bits(1, 3, true, false);
        for tries in 0..=15 {
            assert_eq!(decide_b(old, bits(2, tries, false, false)), Verdict::Restart, "{tries}");
        }
    }

    #[test]
    fn a_good_set_that_breaks_restarts_if_it_is_counted_and_the_other_can_boot() {
        let (old, empty) = (bits(1, 0, true, false), BootBits::CLEAR);
        assert_eq!(decide_b(old, bits(2, 2, true, false)), Verdict::Restart);
        assert_eq!(decide_b(old, bits(2, 0, true, true)), Verdict::Restart);
        assert_eq!(decide_b(empty, bits(2, 2, true, false)), Verdict::StayUp);
        assert_eq!(decide_b(old, bits(2, 0, true, false)), Verdict::StayUp, "Bottlerocket's");
    }

    #[test]
    fn where_there_is_no_other_set_the_host_stays_up() {
        let one = Sets { a: bits(1, 3, true, false), b: None };
        assert_eq!(decide(false, &one, SetId::A), Verdict::StayUp);
        let nothing = Sets { a: BootBits::CLEAR, b: Some(BootBits::CLEAR) };
        assert_eq!(decide(false, &nothing, SetId::A), Verdict::StayUp);
    }

    #[test]
    fn what_passed_is_good_whatever_the_bits_say() {
        let sets = Sets { a: BootBits::CLEAR, b: None };
        assert_eq!(decide(true, &sets, SetId::A), Verdict::Good);
    }

    #[test]
    fn only_an_unproven_set_that_could_start_again_is_given_up() {
        let gives_up =
            |b| gives_up_other(&Sets { a: bits(1, 3, true, false), b: Some(b) }, SetId::A);
        assert!(gives_up(bits(2, 2, false, false)));
        assert!(!gives_up(bits(2, 0, false, false)), "it cannot start");
        assert!(!gives_up(bits(2, 2, true, false)), "it was good, and its tries count");
        assert!(!gives_up(BootBits::CLEAR));
    }

    #[test]
    fn after_a_panic_a_proven_set_counts_on_and_an_unproven_one_is_proven() {
        let proven_b = |b, panicked| {
            let sets = Sets { a: bits(1, 3, true, false), b: Some(b) };
            let state = State { sets, active: SetId::B, ever_succeeded: false };
            let after = proven(state, Tries::REARM, panicked).unwrap();
            assert!(after.ever_succeeded);
            after.sets.bits(SetId::B).unwrap()
        };
        for counted in [bits(2, 2, true, false), bits(2, 0, true, true)] {
            assert_eq!(proven_b(counted, true), counted);
            assert_eq!(proven_b(counted, false), bits(2, 3, true, false));
        }
        for begins in [bits(2, 0, false, false), bits(2, 2, false, false), bits(2, 0, true, false)]
        {
            assert_eq!(proven_b(begins, true), bits(2, 3, true, false));
        }
    }

    #[test]
    fn what_cannot_be_looked_at_restarts_only_if_it_is_unproven_and_that_ends() {
        let handover = |successful, counted, rule| Handover {
            set: SetId::B,
            rule,
            bits: bits(2, 0, successful, false),
            counted,
            table: handover::TableNote::Good,
            reason: String::new(),
            failed: Vec::new(),
        };
        let alone =
            |successful, counted, rule| decide_unseen(&handover(successful, counted, rule), None);
        assert_eq!(alone(false, true, Rule::Chosen), Verdict::Restart);
        assert_eq!(alone(false, true, Rule::Fallback), Verdict::Restart);
        assert_eq!(alone(true, true, Rule::Chosen), Verdict::StayUp, "proven");
        assert_eq!(alone(false, false, Rule::Chosen), Verdict::StayUp, "not counted");
        assert_eq!(alone(false, true, Rule::LastResort), Verdict::StayUp, "nothing else boots");
        let known = |a, b| {
            let sets = Sets { a, b: Some(b) };
            decide_unseen(&handover(false, true, Rule::Chosen), Some((sets, SetId::B)))
        };
        let old = bits(1, 3, true, false);
        assert_eq!(known(old, bits(2, 0, false, false)), Verdict::Restart);
        assert_eq!(known(old, bits(2, 2, true, false)), Verdict::StayUp, "proven");
        assert_eq!(known(BootBits::CLEAR, bits(2, 2, false, false)), Verdict::StayUp);
    }

    proptest! {
        #[test]
        fn a_restart_is_asked_for_only_if_it_leads_to_the_other_set(a in any::<u64>(), b in any::<u64>()) {
            let (a, b) = (BootBits::from_attributes(a), BootBits::from_attributes(b));
            let mut sets = Sets { a, b: Some(b) };
            let restart = decide(false, &sets, SetId::A) == Verdict::Restart;
            let mut led = false;
            for _ in 0..100 {
                let Some((choice, after)) = start(&sets) else { break };
                led |= choice.set == SetId::B;
                sets = after;
            }
            prop_assert_eq!(restart, led);
        }
    }
}

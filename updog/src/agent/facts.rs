//! What is known of a host at one moment, and the state that follows from it. Pure.
//!
//! Nothing but this makes a [`State`], so that an agent which is killed at any moment knows at its next start where it was, and `status`
//! knows it without asking the agent.

use semver::Version;

use super::record::Pin;
use super::state::{State, Waiting};

/// What the disk, the ledger and the agent's own records say.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The version that runs.
    pub running: Version,
    /// Whether the set that runs was marked good.
    pub is_good: bool,
    /// What the kernel calls this boot.
    pub boot: Option<String>,
    /// The release that lies whole on the inactive set and has tries.
    pub staged: Option<Version>,
    /// Whether the inactive set boots next.
    pub boots_next: bool,
    /// Versions that failed here and were not cleared.
    pub failed: Vec<Version>,
    /// Versions that an operator took back or left.
    pub declined: Vec<Version>,
    /// The release that the agent has taken up.
    pub pin: Option<Pin>,
    /// Whether an operator wants nothing to be done.
    pub is_held: bool,
}

impl Facts {
    /// Where the host is.
    pub fn state(&self) -> State {
        let pinned = self.pin.as_ref().map(|pin| &pin.version);
        if let Some(version) = pinned.filter(|version| self.has_failed(version)) {
            return State::Failed(version.clone());
        }
        if !self.is_good {
            return State::Proving(self.running.clone());
        }
        if pinned == Some(&self.running) {
            return State::Good(self.running.clone());
        }
        match self.waiting() {
            Waiting::Ready(version) if self.is_restarting() => State::Restarting(version),
            waiting if self.is_held => State::Held(waiting),
            waiting => State::Waiting(waiting),
        }
    }

    fn waiting(&self) -> Waiting {
        let pinned = self.pin.as_ref().map(|pin| pin.version.clone());
        match pinned.or_else(|| self.adopted().cloned()) {
            None => Waiting::Idle,
            Some(version) if self.staged.as_ref() != Some(&version) => Waiting::Available(version),
            Some(version) if self.boots_next => Waiting::Ready(version),
            Some(version) => Waiting::Staged(version),
        }
    }

    /// What an operator has put on the inactive set by hand goes the same way on from there.
    pub fn adopted(&self) -> Option<&Version> {
        self.staged.as_ref().filter(|version| !self.has_failed(version) && !self.declines(version))
    }

    fn has_failed(&self, version: &Version) -> bool {
        *version != self.running && self.failed.contains(version)
    }

    /// Whether an operator does not want this version here.
    pub fn declines(&self, version: &Version) -> bool {
        *version != self.running && self.declined.contains(version)
    }

    fn is_restarting(&self) -> bool {
        let asked = self.pin.as_ref().and_then(|pin| pin.restart.as_ref());
        asked.is_some_and(|asked| asked.boot == self.boot)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::agent::record::RestartAsked;
    use crate::agent::sample::{NEW, OLD, facts};
    use crate::agent::state::NoEdge;

    fn pinned() -> Facts {
        Facts { pin: Some(Pin::new(NEW, OLD, DateTime::UNIX_EPOCH)), ..facts() }
    }

    fn asked(boot: &str) -> Facts {
        let mut facts = Facts { staged: Some(NEW), boots_next: true, ..pinned() };
        if let Some(pin) = &mut facts.pin {
            let (boot, at) = (Some(boot.to_owned()), DateTime::UNIX_EPOCH);
            pin.restart = Some(RestartAsked { boot, at });
        }
        facts
    }

    /// The state that an edge leads to.
    fn by(from: &Facts, edge: impl Fn(State) -> Result<State, NoEdge>) -> State {
        edge(from.state()).expect("there is such an edge")
    }

    #[test]
    fn what_each_step_leaves_on_the_disk_is_the_state_that_its_edge_leads_to() {
        let (idle, available) = (facts(), pinned());
        assert_eq!(available.state(), by(&idle, |state| state.offer(NEW)));
        let staged = Facts { staged: Some(NEW), ..available.clone() };
        assert_eq!(staged.state(), by(&available, State::stage));
        let ready = Facts { boots_next: true, ..staged.clone() };
        assert_eq!(ready.state(), by(&staged, State::arm));
        let restarting = asked("one");
        assert_eq!(restarting.state(), by(&ready, State::restart));
        assert_eq!(ready.state(), by(&restarting, State::stay));
        let started = Facts { running: NEW, is_good: false, ..asked("zero") };
        assert_eq!(started.state(), by(&restarting, State::start));
        assert_eq!(started.state(), by(&ready, State::start));
        let good = Facts { is_good: true, ..started.clone() };
        assert_eq!(good.state(), by(&started, State::prove));
        let failed = Facts { failed: vec![NEW], staged: None, boots_next: false, ..asked("zero") };
        assert_eq!(failed.state(), by(&started, State::fall_back));
        for ended in [&good, &failed] {
            let told = Facts { pin: None, staged: None, boots_next: false, ..ended.clone() };
            assert_eq!(told.state(), by(ended, State::settle));
        }
        for taken in [&available, &staged, &ready] {
            let left = Facts { pin: None, staged: None, boots_next: false, ..taken.clone() };
            assert_eq!(left.state(), by(taken, State::withdraw));
            let held = Facts { is_held: true, ..taken.clone() };
            assert_eq!(held.state(), by(taken, State::hold));
            assert_eq!(taken.state(), by(&held, State::release));
        }
    }

    #[test]
    fn a_restart_that_was_asked_for_in_another_boot_is_over() {
        assert_eq!(asked("zero").state(), State::Waiting(Waiting::Ready(NEW)));
    }

    #[test]
    fn what_lies_there_by_hand_goes_on_unless_it_failed_or_was_taken_back() {
        let by_hand = Facts { staged: Some(NEW), ..facts() };
        assert_eq!(by_hand.state(), State::Waiting(Waiting::Staged(NEW)));
        let failed = Facts { failed: vec![NEW], ..by_hand.clone() };
        let declined = Facts { declined: vec![NEW], ..by_hand };
        assert_eq!([failed.state(), declined.state()], [State::IDLE, State::IDLE]);
    }

    #[test]
    fn a_set_that_is_not_proven_is_never_left_for_another() {
        let fresh = Facts { is_good: false, ..facts() };
        assert_eq!(fresh.state(), State::Proving(OLD));
        assert_eq!(Facts { is_held: true, ..fresh }.state(), State::Proving(OLD));
    }

    prop_compose! {
        fn any_facts()(
            running in prop_oneof![Just(OLD), Just(NEW)],
            bits in prop::array::uniform8(any::<bool>()),
        ) -> Facts {
            let [is_good, is_staged, boots_next, failed, declined, is_pinned, asked_here, is_held] = bits;
            let some = |is: bool| if is { vec![NEW] } else { Vec::new() };
            let mut facts = if asked_here { asked("one") } else { pinned() };
            facts.pin.take_if(|_| !is_pinned);
            let staged = is_staged.then_some(NEW);
            Facts { running, is_good, staged, boots_next, is_held, failed: some(failed), declined: some(declined), ..facts }
        }
    }

    proptest! {
        #[test]
        fn only_what_lies_on_the_disk_is_called_so(facts in any_facts()) {
            match facts.state() {
                State::Waiting(Waiting::Staged(version)) => prop_assert_eq!(Some(version), facts.staged),
                State::Waiting(Waiting::Ready(version)) | State::Restarting(version) => {
                    prop_assert!(facts.boots_next);
                    prop_assert_eq!(Some(version), facts.staged);
                }
                State::Held(_) => prop_assert!(facts.is_held),
                State::Proving(version) => {
                    prop_assert!(!facts.is_good);
                    prop_assert_eq!(version, facts.running);
                }
                State::Good(version) => prop_assert_eq!(version, facts.running),
                State::Failed(version) => {
                    prop_assert!(facts.failed.contains(&version) && version != facts.running);
                }
                State::Waiting(_) => {}
            }
        }
    }
}

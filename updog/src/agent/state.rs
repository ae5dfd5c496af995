//! Where a host is on the way from one release to the next. Pure.
//!
//! ```text
//!          offer            stage           arm          restart             start
//!   idle ────────▶ available ──────▶ staged ─────▶ ready ─────────▶ restarting ─────▶ proving
//!    │ ▲               │                │            │                  │                │ │
//!    │ └───withdraw────┴────────────────┴────────────┘◀──── stay ───────┘                │ │
//!    │                                                       (to ready)      fall_back   │ │ prove
//!    │ settle                                          failed ◀──────────────────────────┘ ▼
//!    └◀─────────────────────────────────────────────────┴─────────────────────────────── good
//!
//!   idle, available, staged, ready ── hold ──▶ held ── release ──▶ what it was
//! ```
//!
//! Each edge is a method of its name, and there are no others. [`State`] is never stored: `Facts` derive it from what lies on the disk
//! (`super::facts`), whose tests hold what each step leaves there to the edge of the step's name.

use std::fmt;

use semver::Version;
use thiserror::Error;

use crate::seen::StateName;

/// Where the host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// One of those in which the next thing that happens may be put off.
    Waiting(Waiting),
    /// Nothing is done until the hold ends.
    Held(Waiting),
    /// The restart into this version was asked for in this boot.
    Restarting(Version),
    /// This version runs, and was not found good yet.
    Proving(Version),
    /// This version, which was taken, runs and is good.
    Good(Version),
    /// This version, which was taken, failed here; what ran before runs again.
    Failed(Version),
}

/// A state that can be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing is to be done.
    Idle,
    /// This version is to be taken, and does not lie on the disk yet.
    Available(Version),
    /// This version lies whole on the inactive set, and does not boot.
    Staged(Version),
    /// This version boots next, whoever restarts the host.
    Ready(Version),
}

/// An edge, by the name of its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Edge {
    Offer,
    Stage,
    Arm,
    Restart,
    Stay,
    Start,
    Prove,
    FallBack,
    Settle,
    Withdraw,
    Hold,
    Release,
}

/// There is no such edge from this state.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("nothing leads from {from} by {edge:?}")]
pub struct NoEdge {
    /// The state.
    pub from: State,
    /// The edge that is not there.
    pub edge: Edge,
}

type Moved = Result<State, NoEdge>;

impl State {
    /// Nothing is to be done.
    pub const IDLE: Self = Self::Waiting(Waiting::Idle);

    /// A check has found a release for this host: from here on it is this one.
    ///
    /// # Errors
    ///
    /// Only an idle host takes an offer; so with each edge: there is none from any other state than those of the diagram.
    pub fn offer(self, version: Version) -> Moved {
        match self {
            Self::Waiting(Waiting::Idle) => Ok(Self::Waiting(Waiting::Available(version))),
            from => from.none(Edge::Offer),
        }
    }

    /// The release was fetched, written to the inactive set and read back.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn stage(self) -> Moved {
        match self {
            Self::Waiting(Waiting::Available(version)) => {
                Ok(Self::Waiting(Waiting::Staged(version)))
            }
            from => from.none(Edge::Stage),
        }
    }

    /// The bits were flipped: the release boots next.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn arm(self) -> Moved {
        match self {
            Self::Waiting(Waiting::Staged(version)) => Ok(Self::Waiting(Waiting::Ready(version))),
            from => from.none(Edge::Arm),
        }
    }

    /// The restart was asked for.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn restart(self) -> Moved {
        match self {
            Self::Waiting(Waiting::Ready(version)) => Ok(Self::Restarting(version)),
            from => from.none(Edge::Restart),
        }
    }

    /// The restart did not come.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn stay(self) -> Moved {
        match self {
            Self::Restarting(version) => Ok(Self::Waiting(Waiting::Ready(version))),
            from => from.none(Edge::Stay),
        }
    }

    /// The release was started: by the agent's restart, or by anybody else's once it was ready.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn start(self) -> Moved {
        match self {
            Self::Restarting(version) | Self::Waiting(Waiting::Ready(version)) => {
                Ok(Self::Proving(version))
            }
            from => from.none(Edge::Start),
        }
    }

    /// The start was found good.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn prove(self) -> Moved {
        match self {
            Self::Proving(version) => Ok(Self::Good(version)),
            from => from.none(Edge::Prove),
        }
    }

    /// Another set took its place.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn fall_back(self) -> Moved {
        match self {
            Self::Proving(version) | Self::Restarting(version) => Ok(Self::Failed(version)),
            from => from.none(Edge::FallBack),
        }
    }

    /// What came of it was told.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn settle(self) -> Moved {
        match self {
            Self::Good(_) | Self::Failed(_) => Ok(Self::IDLE),
            from => from.none(Edge::Settle),
        }
    }

    /// The release is not to be taken any more.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn withdraw(self) -> Moved {
        match self {
            Self::Waiting(Waiting::Available(_) | Waiting::Staged(_) | Waiting::Ready(_)) => {
                Ok(Self::IDLE)
            }
            from => from.none(Edge::Withdraw),
        }
    }

    /// Nothing is done until further notice.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn hold(self) -> Moved {
        match self {
            Self::Waiting(waiting) => Ok(Self::Held(waiting)),
            from => from.none(Edge::Hold),
        }
    }

    /// The hold has ended.
    ///
    /// # Errors
    ///
    /// See [`State::offer`].
    pub fn release(self) -> Moved {
        match self {
            Self::Held(waiting) => Ok(Self::Waiting(waiting)),
            from => from.none(Edge::Release),
        }
    }

    fn none(self, edge: Edge) -> Moved {
        Err(NoEdge { from: self, edge })
    }

    /// Its name, as it is printed and counted.
    pub fn name(&self) -> StateName {
        match self {
            Self::Waiting(waiting) => waiting.name(),
            Self::Held(_) => StateName::Held,
            Self::Restarting(_) => StateName::Restarting,
            Self::Proving(_) => StateName::Proving,
            Self::Good(_) => StateName::Good,
            Self::Failed(_) => StateName::Failed,
        }
    }

    /// The release that it is about.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Waiting(waiting) | Self::Held(waiting) => waiting.version(),
            Self::Restarting(version)
            | Self::Proving(version)
            | Self::Good(version)
            | Self::Failed(version) => Some(version),
        }
    }
}

impl Waiting {
    /// Its name, as it is printed and counted.
    pub fn name(&self) -> StateName {
        match self {
            Self::Idle => StateName::Idle,
            Self::Available(_) => StateName::Available,
            Self::Staged(_) => StateName::Staged,
            Self::Ready(_) => StateName::Ready,
        }
    }

    /// The release that it is about.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Idle => None,
            Self::Available(version) | Self::Staged(version) | Self::Ready(version) => {
                Some(version)
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.name())?;
        if let Self::Held(waiting) = self {
            write!(out, " while {}", waiting.name())?;
        }
        self.version().map_or(Ok(()), |version| write!(out, " {version}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version::new(1, 1, 0)
    }

    fn all() -> Vec<State> {
        let v = version;
        let waiting =
            || [Waiting::Idle, Waiting::Available(v()), Waiting::Staged(v()), Waiting::Ready(v())];
        let held = waiting().map(State::Held);
        let rest = [State::Restarting, State::Proving, State::Good, State::Failed];
        let rest = rest.map(|state| state(v()));
        waiting().map(State::Waiting).into_iter().chain(held).chain(rest).collect()
    }

    /// An edge as it is drawn: names of states and of the method between them.
    type Drawn = (&'static str, &'static str, &'static str);

    fn walked(state: &State) -> Vec<Drawn> {
        let moves: [(&str, Moved); 12] = [
            ("offer", state.clone().offer(version())),
            ("stage", state.clone().stage()),
            ("arm", state.clone().arm()),
            ("restart", state.clone().restart()),
            ("stay", state.clone().stay()),
            ("start", state.clone().start()),
            ("prove", state.clone().prove()),
            ("fall_back", state.clone().fall_back()),
            ("settle", state.clone().settle()),
            ("withdraw", state.clone().withdraw()),
            ("hold", state.clone().hold()),
            ("release", state.clone().release()),
        ];
        let there = moves.into_iter().filter_map(|(name, moved)| Some((name, moved.ok()?)));
        there.map(|(name, to)| (state.name().as_str(), name, to.name().as_str())).collect()
    }

    #[test]
    fn the_edges_are_those_of_the_diagram_and_no_others() {
        let mut edges: Vec<Drawn> = all().iter().flat_map(walked).collect();
        edges.sort_unstable();
        edges.dedup();
        let wanted = [
            ("available", "hold", "held"),
            ("available", "stage", "staged"),
            ("available", "withdraw", "idle"),
            ("failed", "settle", "idle"),
            ("good", "settle", "idle"),
            ("held", "release", "available"),
            ("held", "release", "idle"),
            ("held", "release", "ready"),
            ("held", "release", "staged"),
            ("idle", "hold", "held"),
            ("idle", "offer", "available"),
            ("proving", "fall_back", "failed"),
            ("proving", "prove", "good"),
            ("ready", "hold", "held"),
            ("ready", "restart", "restarting"),
            ("ready", "start", "proving"),
            ("ready", "withdraw", "idle"),
            ("restarting", "fall_back", "failed"),
            ("restarting", "start", "proving"),
            ("restarting", "stay", "ready"),
            ("staged", "arm", "ready"),
            ("staged", "hold", "held"),
            ("staged", "withdraw", "idle"),
        ];
        assert_eq!(edges, wanted);
    }

    #[test]
    fn the_version_is_the_same_from_the_offer_to_the_end() {
        let good = State::IDLE.offer(version()).and_then(State::stage).and_then(State::arm);
        let good = good.and_then(State::restart).and_then(State::start).and_then(State::prove);
        assert_eq!(good.clone().unwrap(), State::Good(version()));
        assert_eq!(good.and_then(State::settle).unwrap(), State::IDLE);
    }

    #[test]
    fn a_hold_gives_back_what_it_held() {
        for state in all() {
            if let Ok(held) = state.clone().hold() {
                assert_eq!(held.release().unwrap(), state);
            }
        }
    }

    #[test]
    fn a_refusal_names_the_state_and_the_edge() {
        let error = State::Held(Waiting::Staged(version())).arm().unwrap_err();
        assert_eq!(error.to_string(), "nothing leads from held while staged 1.1.0 by Arm");
    }
}

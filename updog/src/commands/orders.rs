//! `pause`, `hold`, `resume` and `proceed`: what an operator tells the agent. None of them needs it to run.

use std::fmt;

use chrono::{DateTime, Utc};
use cli::Outcome;
use schedule::Zone;
use semver::Version;
use serde::Serialize;

use super::Context;
use super::agent::gather::Gathered;
use super::agent::is_running;
use crate::agent::next::{Policies, Policy};
use crate::agent::orders::{self, Go, Hold};
use crate::agent::record::Kind;
use crate::agent::state::{State, Waiting};
use crate::args::{HoldArguments, HoldUntil, PauseArguments};
use crate::error::Error;

/// What holds from now on.
#[derive(Debug, Serialize)]
struct Held {
    /// The hold, if there is one.
    hold: Option<Hold>,
    /// Whether this run changed anything.
    changed: bool,
}

impl fmt::Display for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.hold, self.changed) {
            (None, true) => write!(out, "the agent goes on"),
            (None, false) => write!(out, "nothing held the agent"),
            (Some(Hold { until: None, .. }), _) => {
                write!(out, "the agent does nothing until `updog resume`")
            }
            (Some(Hold { until: Some(until), .. }), _) => {
                let until = until.format("%Y-%m-%d %H:%M UTC");
                write!(out, "the agent does nothing until {until}, or `updog resume`")
            }
        }
    }
}

pub(super) fn pause(
    context: &Context,
    arguments: &PauseArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    begin(context, Hold { since: now, until: None, why: arguments.reason.clone() })
}

pub(super) fn hold(
    context: &Context,
    arguments: &HoldArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let HoldUntil::Until { time, reason } = &arguments.until;
    let until = schedule::Hold::parse(time, now, &Zone::UTC)?.ends();
    begin(context, Hold { since: now, until, why: reason.clone() })
}

fn begin(context: &Context, hold: Hold) -> Result<Outcome, Error> {
    let state = &context.settings.paths.state;
    orders::change_or_begin(state, |orders| orders.hold = Some(hold.clone()))?;
    context.output.show(&Held { hold: Some(hold), changed: true })?;
    Ok(Outcome::Done)
}

pub(super) fn resume(context: &Context) -> Result<Outcome, Error> {
    let state = &context.settings.paths.state;
    let damaged = orders::read(state).is_err();
    let held = orders::change_or_begin(state, |orders| orders.hold.take())?;
    let changed = damaged || held.is_some();
    context.output.show(&Held { hold: None, changed })?;
    Ok(if changed { Outcome::Done } else { Outcome::NothingToDo })
}

/// A step that the agent may do now.
#[derive(Debug, Serialize)]
struct Proceeds {
    /// The step; none if no step waits to be told.
    step: Option<Kind>,
    /// The release that it is for.
    version: Option<Version>,
    /// Whether an agent runs that does it at once, where that can be told.
    running: Option<bool>,
}

impl fmt::Display for Proceeds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_ref().map(ToString::to_string).unwrap_or_default();
        match self.step {
            None => write!(out, "no step waits to be told"),
            Some(Kind::Check) => write!(out, "the agent may look for an update"),
            Some(Kind::Fetch) => write!(out, "the agent may fetch {version}"),
            Some(Kind::Restart) => {
                write!(
                    out,
                    "the agent may restart into {version}, as soon as nothing else is in the way"
                )
            }
        }
    }
}

pub(super) fn proceed(context: &Context, now: DateTime<Utc>) -> Result<Outcome, Error> {
    let gathered = Gathered::of(context, now)?;
    let state = gathered.facts.state();
    let step = manual(&state, context.settings.agent.policies);
    let version = state.version().filter(|_| step != Some(Kind::Check)).cloned();
    if let Some(step) = step {
        let go = Go { step, version: version.clone(), at: now };
        orders::change(&context.settings.paths.state, |orders| orders.go = Some(go))?;
    }
    let running = is_running(context);
    context.output.show(&Proceeds { step, version, running })?;
    Ok(if step.is_some() { Outcome::Done } else { Outcome::NothingToDo })
}

/// The step that comes next and waits to be told.
fn manual(state: &State, policies: Policies) -> Option<Kind> {
    let State::Waiting(waiting) = state else { return None };
    let (step, policy) = match waiting {
        Waiting::Idle => (Kind::Check, policies.check),
        Waiting::Available(_) => (Kind::Fetch, policies.fetch),
        Waiting::Staged(_) | Waiting::Ready(_) => (Kind::Restart, policies.restart),
    };
    (policy == Policy::Manual).then_some(step)
}

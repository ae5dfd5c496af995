//! Where the host is on its way to an update, what comes next, and what keeps it.

use std::fmt;

use chrono::{DateTime, Utc};
use semver::Version;
use serde::Serialize;

use crate::agent::next::{Next, Step, Waits, next};
use crate::agent::permission::{Ask, Obstacles};
use crate::agent::record::Kind;
use crate::agent::state::State;
use crate::commands::Context;
use crate::commands::agent::gather::Gathered;
use crate::commands::agent::is_running;
use crate::error::{self, Error};
use crate::seen::StateName;

/// What `status` tells of the agent, whether it runs or not: the state lies on the disk.
#[derive(Debug, Serialize)]
pub(super) struct Agent {
    /// Whether an agent runs, where that can be told.
    running: Option<bool>,
    /// The state's name.
    state: Option<StateName>,
    /// The release that it is about.
    version: Option<Version>,
    /// What is done next, as soon as an agent runs.
    next: Option<&'static str>,
    /// What keeps the other steps.
    waits: Waits,
    /// When the repository was looked at the last time.
    checked: Option<DateTime<Utc>>,
    /// Why nothing can be said, if so.
    problem: Option<String>,
    #[serde(skip)]
    in_words: String,
}

impl Agent {
    pub(super) fn of(context: &Context, now: DateTime<Utc>) -> Self {
        let running = is_running(context);
        Self::look(context, running, now).unwrap_or_else(|error| Self {
            running,
            state: None,
            version: None,
            next: None,
            waits: Waits::new(),
            checked: None,
            problem: Some(error::chain(&error)),
            in_words: String::new(),
        })
    }

    fn look(context: &Context, running: Option<bool>, now: DateTime<Utc>) -> Result<Self, Error> {
        let gathered = Gathered::of(context, now)?;
        let settings = &context.settings.agent;
        let put_off = gathered.record.put_off.clone();
        let obstacles = Obstacles::new(settings, Ask::Nobody, put_off, now);
        let Next { step, waits, .. } = next(gathered.given(settings, &obstacles, now));
        let state = gathered.facts.state();
        Ok(Self {
            running,
            version: state.version().cloned(),
            next: step.as_ref().map(name),
            in_words: in_words(&state, step.as_ref()),
            state: Some(state.name()),
            waits,
            checked: gathered.checked.map(|checked| checked.at),
            problem: None,
        })
    }
}

/// A step, in a word that does not change.
fn name(step: &Step) -> &'static str {
    match step {
        Step::Check => "check",
        Step::Offer(_) => "offer",
        Step::Fetch(_) => "fetch",
        Step::Arm(_) => "arm",
        Step::Restart(_) => "restart",
        Step::Stay(_) => "stay",
        Step::Withdraw(_) => "withdraw",
        Step::Settle(_) => "settle",
    }
}

fn in_words(state: &State, step: Option<&Step>) -> String {
    let next = match step {
        None => return state.to_string(),
        Some(Step::Check) => "looks for an update".to_owned(),
        Some(Step::Offer(version)) => format!("takes up {version}"),
        Some(Step::Fetch(version)) => format!("fetches {version}"),
        Some(Step::Arm(version) | Step::Restart(version)) => format!("restarts into {version}"),
        Some(Step::Stay(version)) => format!("asks for the restart into {version} again later"),
        Some(Step::Withdraw(version)) => format!("lets {version} go"),
        Some(Step::Settle(version)) => format!("notes what came of {version}"),
    };
    format!("{state}, next: {next}")
}

fn in_minutes(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

impl fmt::Display for Agent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problem) = &self.problem {
            return writeln!(
                out,
                "warning: where the host is on its way cannot be told: {problem}"
            );
        }
        writeln!(out, "agent: {}", self.in_words)?;
        if self.running == Some(false) {
            // A timer starts one now and then, where one is enabled.
            write!(out, "  no agent runs right now; the repository was ")?;
            match self.checked {
                Some(at) => writeln!(out, "looked at {}", in_minutes(at))?,
                None => writeln!(out, "never looked at")?,
            }
        }
        for wait in &self.waits {
            let step = match wait.step {
                Kind::Check => "the next look",
                Kind::Fetch => "fetching",
                Kind::Restart => "the restart",
            };
            write!(out, "  {step} waits: {}", wait.reason)?;
            match wait.until {
                Some(until) => writeln!(out, " (until {})", in_minutes(until))?,
                None => writeln!(out)?,
            }
        }
        Ok(())
    }
}

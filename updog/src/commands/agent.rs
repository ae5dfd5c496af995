//! `agent`: the host updates itself.
//!
//! ```text
//! wait ─▶ gather ─▶ next ─▶ act (a command of ours, in a process of its own) ─┐
//!  ▲        ▲                 │ nothing can be done now                       │
//!  └────────┼─────────────────┘                                               │
//!           └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The agent itself holds no lock on the disk, no connection and no key: what it starts does, as long as it works, and so does whoever types
//! the same command beside it.

mod act;
pub(super) mod gather;
mod hand;
mod lock;
mod notify;
mod timer;
mod told;
mod wait;

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use cli::Outcome;
use tokio::runtime::Builder;

use super::Context;
use crate::agent::next::{Given, Step, next};
use crate::agent::permission::{Ask, Obstacles};
use crate::agent::record::{Kind, Record};
use crate::args::AgentArguments;
use crate::config::{AgentSettings, Settings};
use crate::error::{self, Error};
use crate::seen::journal::{Event, Journal};
use gather::Gathered;
use hand::Hand;
use notify::Notify;
use wait::{Waiting, Wake};

/// How many steps are done one after the other before the agent takes a breath: no update has so many.
const MOST_STEPS: u32 = 32;

/// How long after a note of somebody else's the disk is looked at once more: commands note first what they are about to do to it, and nothing tells
/// when a disk was written.
const AFTER_CHANGE: TimeDelta = TimeDelta::seconds(5);

/// The agent, while it runs.
struct Agent {
    context: Context,
    /// The configuration's file.
    path: PathBuf,
    journal: Journal,
    notify: Notify,
    hand: Hand,
}

/// What a round came to.
enum Round {
    /// Nothing can be done before this time.
    Wait(Option<DateTime<Utc>>),
    /// The host is to stop the agent.
    Stop,
}

pub(super) fn run(
    context: Context,
    arguments: &AgentArguments,
    path: PathBuf,
    text: &str,
) -> Result<Outcome, Error> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let _lock = lock::take(&context.settings.paths.state)?;
    let hand = Hand::new(&context, &path, text)?;
    let (journal, notify) = (Journal::host(), Notify::new());
    let mut agent = Agent { context, path, journal, notify, hand };
    let once = arguments.once;
    runtime.block_on(async {
        let mut waiting =
            Waiting::new(&agent.context.settings.paths.state).map_err(Error::Agent)?;
        if once { agent.once(&mut waiting).await } else { agent.live(&mut waiting).await }
    })
}

impl Agent {
    /// Everything that can be done now.
    async fn once(&mut self, waiting: &mut Waiting) -> Result<Outcome, Error> {
        let mut steps = 0;
        while steps < MOST_STEPS {
            let (Some(step), _) = self.round()? else { break };
            self.act(step, waiting).await?;
            steps += 1;
        }
        Ok(if steps > 0 { Outcome::Done } else { Outcome::NothingToDo })
    }

    async fn live(&mut self, waiting: &mut Waiting) -> Result<Outcome, Error> {
        self.spread_first_look()?;
        self.notify.ready();
        let mut look_again = None;
        loop {
            let until = match self.rounds(waiting).await {
                Round::Wait(until) => until.into_iter().chain(look_again.take()).min(),
                Round::Stop => break,
            };
            self.notify.asleep_until(until);
            match waiting.wait(until).await.map_err(Error::Agent)? {
                Wake::Again => {}
                Wake::Changed => look_again = Utc::now().checked_add_signed(AFTER_CHANGE),
                Wake::Reload => self.reload(),
                Wake::Stop => break,
            }
        }
        self.notify.stopping();
        Ok(Outcome::Done)
    }

    /// Does what can be done. What goes wrong is told, and tried again later: an agent that ends tells nobody anything.
    async fn rounds(&mut self, waiting: &mut Waiting) -> Round {
        for _ in 0..MOST_STEPS {
            waiting.forget_changes();
            let step = match self.round() {
                Ok((Some(step), _)) => step,
                Ok((None, wake)) => return Round::Wait(wake),
                Err(error) => return self.wait_after(&error),
            };
            match self.act(step, waiting).await {
                Ok(()) => {}
                Err(Error::Stopped) => return Round::Stop,
                Err(error) => return self.wait_after(&error),
            }
        }
        Round::Wait(Utc::now().checked_add_signed(crate::agent::next::LOOK_AGAIN))
    }

    fn wait_after(&self, error: &Error) -> Round {
        let why = error::chain(error);
        self.context.output.note(format_args!("warning: {why}"));
        self.notify.status(&why);
        Round::Wait(Utc::now().checked_add_signed(crate::agent::next::LOOK_AGAIN))
    }

    /// Looks at where the host is, tells what is new, and decides.
    fn round(&mut self) -> Result<(Option<act::Doing>, Option<DateTime<Utc>>), Error> {
        let now = Utc::now();
        let mut gathered = Gathered::of(&self.context, now)?;
        let before = gathered.record.clone();
        gathered.adopt(now);
        let settings = &self.context.settings.agent;
        self.notify.busy_for(settings.hook_limit);
        let put_off = gathered.record.put_off.clone();
        let obstacles = Obstacles::new(settings, Ask::Hooks, put_off, now);
        let decided = next(gathered.given(settings, &obstacles, now));
        gathered.record.put_off = obstacles.put_off();
        if let Some(Step::Restart(version)) = &decided.step
            && let Some(overruled) = obstacles.overruled()
        {
            told::overruled(self, version, &overruled);
        }
        told::tell(self, &mut gathered, &decided.waits);
        if gathered.record != before {
            gathered.record.write(&self.context.settings.paths.state)?;
        }
        told::show(self, &gathered, &decided);
        let wake = decided.wake;
        Ok((decided.step.map(|step| act::Doing { step, gathered }), wake))
    }

    /// A fleet that is switched on together does not look together.
    fn spread_first_look(&self) -> Result<(), Error> {
        let Settings { agent, paths, .. } = &self.context.settings;
        let (mut record, now) = (gather::record(&self.context)?, Utc::now());
        if record.next_check.is_some_and(|planned| planned > now && planned <= now + agent.longest)
        {
            return Ok(());
        }
        record.next_check = Some(timer::first(agent, now));
        Ok(record.write(&paths.state)?)
    }

    /// Takes a new configuration, or stays with the old one and says so.
    fn reload(&mut self) {
        match self.reloaded() {
            Ok(()) => self.context.output.note("the configuration was read again"),
            Err(error) => {
                let reason = error::chain(&error);
                self.journal.tell(&Event::ConfigurationRefused { reason });
            }
        }
    }

    fn reloaded(&mut self) -> Result<(), Error> {
        let text = Settings::text(&self.path)?;
        let settings = Settings::parse(&text, &self.path)?;
        if settings.paths.state != self.context.settings.paths.state {
            let moved = "state_dir has changed: restart the agent for that";
            return Err(Error::Agent(std::io::Error::other(moved)));
        }
        self.hand = Hand::new(&self.context, &self.path, &text)?;
        // What was found with other settings is looked at anew.
        let mut record = gather::record(&self.context)?;
        record.next_check = Some(Utc::now());
        record.write(&settings.paths.state)?;
        self.context.settings = settings;
        Ok(())
    }
}

impl Gathered {
    /// What the decision rests on.
    pub(super) fn given<'a>(
        &'a self,
        settings: &AgentSettings,
        obstacles: &'a Obstacles<'a>,
        now: DateTime<Utc>,
    ) -> Given<'a> {
        Given {
            host: &self.host,
            facts: &self.facts,
            policies: settings.policies,
            record: &self.record,
            orders: &self.orders,
            checked: self.checked.as_ref(),
            longest: settings.longest,
            permission: obstacles,
            now,
        }
    }
}

/// Whether an agent runs on this host; `None` where that cannot be told.
pub(super) fn is_running(context: &Context) -> Option<bool> {
    lock::is_held(&context.settings.paths.state)
}

/// Notes in the record how a step ended.
fn note_end(record: &mut Record, step: Kind, problem: Option<String>, agent: &AgentSettings) {
    match problem {
        None => record.clear_setback(step),
        Some(why) => record.set_back(timer::setback(record, step, why, agent, Utc::now())),
    }
}

//! One step, done by the command that a person would type.

use chrono::Utc;
use semver::Version;
use signpost::Access;

use super::gather::{self, Gathered};
use super::hand::Ended;
use super::wait::Waiting;
use super::{Agent, note_end, timer};
use crate::agent::next::Step;
use crate::agent::orders;
use crate::agent::record::{Kind, Pin, Record, RestartAsked};
use crate::agent::state::State;
use crate::boots::Attempt;
use crate::commands::{apply, place::Place};
use crate::error::{self, Error};
use crate::seen::journal::Event;
use crate::staged::Staged;

/// A step, and what was known when it was decided.
pub(super) struct Doing {
    pub(super) step: Step,
    pub(super) gathered: Gathered,
}

impl Agent {
    /// Does it. What keeps it from being done is noted, and it is tried again.
    ///
    /// # Errors
    ///
    /// Fails when nothing can be noted or started, and with [`Error::Stopped`].
    pub(super) async fn act(&mut self, doing: Doing, waiting: &mut Waiting) -> Result<(), Error> {
        let Doing { step, gathered } = doing;
        match step {
            Step::Check => self.check(gathered, waiting).await,
            Step::Offer(version) => self.offer(gathered, version),
            Step::Fetch(version) => self.fetch(gathered, version, waiting).await,
            Step::Arm(version) => self.arm(gathered, version, waiting).await,
            Step::Restart(version) => self.restart(gathered, version),
            Step::Stay(version) => self.stay(version),
            Step::Withdraw(version) => self.withdraw(gathered, version, waiting).await,
            Step::Settle(version) => self.settle(gathered, version),
        }
    }

    async fn check(&mut self, gathered: Gathered, waiting: &mut Waiting) -> Result<(), Error> {
        self.notify.status("looks for an update");
        let command = ["check-update", "--if-changed", "--quiet"];
        let ended = self.hand.run(&command, waiting, &self.notify).await?;
        self.used(Kind::Check, None)?;
        let problem = (!ended.is_well()).then(|| why(&ended, "check-update"));
        let version = gathered.host.version;
        let settings = &self.context.settings.agent;
        let mut record = gather::record(&self.context)?;
        note_end(&mut record, Kind::Check, problem, settings);
        match record.setback_of(Kind::Check).cloned() {
            None => {
                record.next_check = Some(timer::after_look(settings, 0, Utc::now()));
                self.journal.tell(&Event::CheckSucceeded { version });
            }
            Some(setback) => {
                record.next_check = Some(setback.again);
                let (reason, failures) = (setback.why, setback.count);
                self.journal.tell(&Event::CheckFailed { reason, failures });
            }
        }
        self.keep(&record)
    }

    fn offer(&mut self, gathered: Gathered, version: Version) -> Result<(), Error> {
        let mut record = gathered.record;
        record.pin = Some(Pin::new(version, gathered.host.version, Utc::now()));
        self.keep(&record)
    }

    async fn fetch(
        &mut self,
        gathered: Gathered,
        version: Version,
        waiting: &mut Waiting,
    ) -> Result<(), Error> {
        self.notify.status(&format!("fetches {version}"));
        let text = version.to_string();
        let command = ["update-image", "--image", &text];
        let ended = self.hand.run(&command, waiting, &self.notify).await?;
        self.used(Kind::Fetch, Some(&version))?;
        let problem = (!ended.is_well()).then(|| why(&ended, "update-image"));
        if let Some(reason) = problem.clone() {
            self.journal.tell(&Event::FetchFailed { version, reason });
        }
        let mut record = gathered.record;
        note_end(&mut record, Kind::Fetch, problem, &self.context.settings.agent);
        self.keep(&record)
    }

    async fn arm(
        &mut self,
        gathered: Gathered,
        version: Version,
        waiting: &mut Waiting,
    ) -> Result<(), Error> {
        // Somebody may have written another one meanwhile.
        let apply = ["update-apply", "--image", &version.to_string()];
        let ended = self.hand.run(&apply, waiting, &self.notify).await?;
        let problem = (!ended.is_well()).then(|| why(&ended, "update-apply"));
        let failed = problem.is_some();
        if let Some(reason) = problem.clone() {
            self.journal.tell(&Event::RestartFailed { version, reason });
        }
        let mut record = gathered.record;
        note_end(&mut record, Kind::Restart, problem, &self.context.settings.agent);
        self.keep(&record)?;
        // Refused since what lies there is not what was written: it is fetched again.
        match failed && ended.status.code() == Some(cli::Kind::Refused.code().into()) {
            true => self.forget_staged(),
            false => Ok(()),
        }
    }

    /// The record says so before the host is asked: whoever finds it in another boot knows that it came.
    fn restart(&mut self, gathered: Gathered, version: Version) -> Result<(), Error> {
        let (from, set) = (gathered.host.version, gathered.active.other());
        let mut record = gathered.record;
        let (boot, at) = (gathered.facts.boot, Utc::now());
        if let Some(pin) = &mut record.pin {
            pin.restart = Some(RestartAsked { boot, at });
        }
        record.put_off = None;
        self.keep(&record)?;
        self.used(Kind::Restart, Some(&version))?;
        self.journal.tell(&Event::Restarting { from, version: version.clone(), set });
        self.notify.status(&format!("restarts into {version}"));
        let Err(problem) = apply::restart(&self.context) else { return Ok(()) };
        let reason = error::chain(&problem);
        self.no_restart(record, version, reason)
    }

    fn stay(&mut self, version: Version) -> Result<(), Error> {
        let record = gather::record(&self.context)?;
        let reason = "the restart was asked for, and did not come".to_owned();
        self.no_restart(record, version, reason)
    }

    fn no_restart(
        &mut self,
        mut record: Record,
        version: Version,
        reason: String,
    ) -> Result<(), Error> {
        if let Some(pin) = &mut record.pin {
            pin.restart = None;
        }
        let settings = &self.context.settings.agent;
        note_end(&mut record, Kind::Restart, Some(reason.clone()), settings);
        self.journal.tell(&Event::RestartFailed { version, reason });
        self.keep(&record)
    }

    async fn withdraw(
        &mut self,
        gathered: Gathered,
        version: Version,
        waiting: &mut Waiting,
    ) -> Result<(), Error> {
        if gathered.facts.boots_next {
            // Nobody has said that this host is not to have it: it may be offered again.
            let revert = ["update-revert", "--allow-again"];
            let ended = self.hand.run(&revert, waiting, &self.notify).await?;
            if !ended.is_well() {
                let why = why(&ended, "update-revert");
                return Err(Error::Agent(std::io::Error::other(why)));
            }
        }
        if gathered.facts.staged.as_ref() == Some(&version) {
            self.forget_staged()?;
        }
        let set = gathered.active.other();
        self.journal.tell(&Event::UpdateWithdrawn { version, set });
        let mut record = gathered.record;
        record.let_go();
        self.keep(&record)
    }

    /// What lies on the inactive set is nobody's from here on. Under the disk's lock: no command may be writing there.
    fn forget_staged(&self) -> Result<(), Error> {
        let _place: Place = self.context.place(Access::Write)?;
        Ok(Staged::remove(&self.context.settings.paths.state)?)
    }

    fn settle(&mut self, gathered: Gathered, version: Version) -> Result<(), Error> {
        let failed = matches!(gathered.facts.state(), State::Failed(_));
        let running = gathered.host.version.clone();
        let event = if failed {
            let attempts = gathered.ledger.failed_versions();
            let attempt = attempts.into_iter().find(|one| one.version == version);
            let set = attempt.map_or(gathered.active.other(), |one| one.set);
            let reason = attempt.map(Attempt::cause_in_words).unwrap_or_default();
            Event::WentBack { version, set, to: running, reason }
        } else {
            let from = gathered.record.pin.as_ref().map(|pin| pin.from.clone());
            Event::BootGood { from, version, set: gathered.active }
        };
        self.journal.tell(&event);
        let mut record = gathered.record;
        record.let_go();
        self.keep(&record)
    }

    /// Leave to do a step is for once.
    fn used(&self, step: Kind, version: Option<&Version>) -> Result<(), Error> {
        let state = &self.context.settings.paths.state;
        // Nobody writes a file only to find that there was nothing in it.
        if !orders::read(state).is_ok_and(|orders| orders.lets(step, version)) {
            return Ok(());
        }
        Ok(orders::change(state, |orders| {
            let used = orders.lets(step, version);
            orders.go.take_if(|_| used);
        })?)
    }

    fn keep(&self, record: &Record) -> Result<(), Error> {
        Ok(record.write(&self.context.settings.paths.state)?)
    }
}

/// The words for a command that did not work.
fn why(ended: &Ended, command: &str) -> String {
    ended.last.clone().unwrap_or_else(|| format!("{command} ended with {}", ended.status))
}

//! What is done next, and what it waits for. Pure.
//!
//! The same function tells the agent what to do and `status` what it will do. It decides one step; when that is done, the facts are gathered
//! anew.

use chrono::{DateTime, TimeDelta, Utc};
use manifest::Host;
use semver::Version;
use serde::Serialize;

use super::checked::Checked;
use super::facts::Facts;
use super::orders::Orders;
use super::record::{Kind, Record};
use super::state::{State, Waiting};

/// How long a restart that was asked for may take to come.
pub const RESTART_LIMIT: TimeDelta = TimeDelta::minutes(10);

/// How often what gives no sign of itself is looked at again while something waits for it: who is logged in, the battery, hooks, the proof of
/// a start.
pub const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Whether a step is done by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It is, as soon as it may.
    #[default]
    Automatic,
    /// It is when an operator says `updog proceed`.
    Manual,
    /// The agent never does it.
    Off,
}

/// The policy of each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Looking at the repository.
    pub check: Policy,
    /// Fetching, writing and reading back.
    pub fetch: Policy,
    /// The flip and the restart.
    pub restart: Policy,
}

/// A step that can be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look at the repository.
    Check,
    /// Take this release up.
    Offer(Version),
    /// Bring this release onto the inactive set.
    Fetch(Version),
    /// Make it boot next.
    Arm(Version),
    /// Restart the host into it.
    Restart(Version),
    /// The restart has not come: be ready again.
    Stay(Version),
    /// Let this release go; what was armed is taken back.
    Withdraw(Version),
    /// Tell what came of it.
    Settle(Version),
}

/// Something that keeps a step from being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// The step.
    pub step: Kind,
    /// What keeps it, in a word for machines.
    pub code: &'static str,
    /// What keeps it, for people.
    pub reason: String,
    /// When that ends, or is looked at again; without one only a command ends it.
    pub until: Option<DateTime<Utc>>,
}

/// The answer to "may I?".
pub type Waits = Vec<Wait>;

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The step that can be done now.
    pub step: Option<Step>,
    /// What keeps the others.
    pub waits: Waits,
    /// When to decide again, if nothing happens before.
    pub wake: Option<DateTime<Utc>>,
}

/// Who is asked before the network is used for long, and before the host restarts. No wait is a yes.
pub trait Permission {
    /// What keeps fetching.
    fn fetch(&self) -> Waits;
    /// What keeps the restart.
    fn restart(&self) -> Waits;
}

/// Everything that the decision rests on.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The host and its settings.
    pub host: &'a Host,
    /// What is known.
    pub facts: &'a Facts,
    /// What may be done by itself.
    pub policies: Policies,
    /// What the agent remembers.
    pub record: &'a Record,
    /// What an operator wants.
    pub orders: &'a Orders,
    /// What the last look at the repository found.
    pub checked: Option<&'a Checked>,
    /// The longest time from one look to the next.
    pub longest: TimeDelta,
    /// Who is asked.
    pub permission: &'a dyn Permission,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Decides.
pub fn next(given: Given<'_>) -> Next {
    match given.facts.state() {
        State::Good(version) | State::Failed(version) => Next::step(Step::Settle(version)),
        State::Restarting(version) => given.restarting(version),
        State::Proving(version) => given.proving(&version),
        State::Held(_) => given.held(),
        State::Waiting(waiting) => given.waiting(waiting),
    }
}

impl Next {
    fn step(step: Step) -> Self {
        Self { step: Some(step), waits: Vec::new(), wake: None }
    }

    fn wait(waits: Waits) -> Self {
        let wake = waits.iter().filter_map(|wait| wait.until).min();
        Self { step: None, waits, wake }
    }

    /// Decides again at `at`, or before.
    fn or_at(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.wake = self.wake.into_iter().chain(at).min();
        self
    }
}

impl Given<'_> {
    fn restarting(&self, version: Version) -> Next {
        let asked = self.facts.pin.as_ref().and_then(|pin| pin.restart.as_ref());
        let asked = asked.map_or(self.now, |asked| asked.at);
        // A clock that went back since is no reason to wait for it.
        let late = asked > self.now || self.now - asked >= RESTART_LIMIT;
        if late {
            return Next::step(Step::Stay(version));
        }
        let reason = format!("the restart into {version} was asked for");
        let until = asked.checked_add_signed(RESTART_LIMIT);
        Next::wait(vec![Wait { step: Kind::Restart, code: "restarting", reason, until }])
    }

    fn proving(&self, version: &Version) -> Next {
        let reason = format!("{version} runs and was not found good yet");
        Next::wait(vec![Wait { step: Kind::Fetch, code: "proving", reason, until: self.again() }])
    }

    fn held(&self) -> Next {
        let hold = self.orders.hold.as_ref();
        let until = hold.and_then(|hold| hold.until);
        let why = hold.and_then(|hold| hold.why.as_deref());
        let reason = why.map_or("an operator holds it".to_owned(), |why| format!("held: {why}"));
        Next::wait(vec![Wait { step: Kind::Check, code: "held", reason, until }])
    }

    fn waiting(&self, waiting: Waiting) -> Next {
        if let Some(version) = waiting.version().filter(|version| self.is_over(version)) {
            return Next::step(Step::Withdraw(version.clone()));
        }
        let mut check = match self.check() {
            Ok(step) => return Next::step(step),
            Err(wait) => vec![wait],
        };
        let further = match waiting {
            Waiting::Idle => self.offer(),
            Waiting::Available(version) => self.fetch(version),
            Waiting::Staged(version) => self.staged(version),
            Waiting::Ready(version) => self.ready(version),
        };
        match further {
            Ok(step) => Next::step(step),
            Err(waits) => {
                check.extend(waits);
                // A release that has been on its way here for a while arrives without any change in the repository.
                let arrives = self.checked.and_then(|checked| checked.next_change);
                let automatic = self.policies.check == Policy::Automatic;
                Next::wait(check).or_at(arrives.filter(|at| automatic && *at > self.now))
            }
        }
    }

    /// Whether a release that was taken up is not to be taken any more.
    fn is_over(&self, version: &Version) -> bool {
        let Some(pin) = self.facts.pin.as_ref().filter(|pin| pin.version == *version) else {
            return false;
        };
        let seen = self.checked.filter(|_| !pin.by_hand);
        let seen = seen.filter(|seen| seen.is_for(self.host) && seen.at > pin.since);
        self.facts.declines(version) || seen.is_some_and(|seen| !seen.stands(version))
    }

    fn check(&self) -> Result<Step, Wait> {
        let go = self.orders.lets(Kind::Check, None);
        self.may(Kind::Check, self.policies.check, go)?;
        let due = self.due();
        if go || due <= self.now {
            return Ok(Step::Check);
        }
        let (code, reason) = match self.record.setback_of(Kind::Check) {
            Some(setback) => ("setback", setback.why.clone()),
            None => ("schedule", "the repository was looked at".to_owned()),
        };
        Err(Wait { step: Kind::Check, code, reason, until: Some(due) })
    }

    /// When the repository is looked at next.
    fn due(&self) -> DateTime<Utc> {
        let latest = self.now.checked_add_signed(self.longest).unwrap_or(self.now);
        let planned = match self.record.next_check {
            // The clock has gone back: nobody waits for years.
            Some(planned) if planned <= latest => planned,
            _ => self.now,
        };
        if self.record.setback_of(Kind::Check).is_some() {
            return planned;
        }
        // Only what arrives after the last look has not been seen by it.
        let checked = self.checked.filter(|checked| checked.is_for(self.host));
        let arrives = checked.and_then(|seen| seen.next_change.filter(|at| *at > seen.at));
        arrives.map_or(planned, |at| planned.min(at))
    }

    fn offer(&self) -> Result<Step, Waits> {
        let checked = self.checked.filter(|checked| checked.is_for(self.host));
        let Some(version) = checked.and_then(|checked| checked.chosen.as_ref()) else {
            return Err(Vec::new());
        };
        if self.facts.declines(version) {
            let reason =
                format!("{version} was taken back by an operator: `updog update` takes it again");
            let wait = Wait { step: Kind::Fetch, code: "declined", reason, until: None };
            return Err(vec![wait]);
        }
        match self.facts.failed.contains(version) {
            true => Err(Vec::new()),
            false => Ok(Step::Offer(version.clone())),
        }
    }

    fn fetch(&self, version: Version) -> Result<Step, Waits> {
        let go = self.orders.lets(Kind::Fetch, Some(&version));
        self.may(Kind::Fetch, self.policies.fetch, go).map_err(|wait| vec![wait])?;
        self.no_setback(Kind::Fetch)?;
        self.free(self.permission.fetch())?;
        Ok(Step::Fetch(version))
    }

    fn staged(&self, version: Version) -> Result<Step, Waits> {
        let go = self.orders.lets(Kind::Restart, Some(&version));
        match self.policies.restart {
            Policy::Off => return Err(vec![off(Kind::Restart)]),
            // Whoever restarts the host by hand is to get what lies there.
            Policy::Manual if !go => {
                self.no_setback(Kind::Restart)?;
                return Ok(Step::Arm(version));
            }
            Policy::Manual | Policy::Automatic => {}
        }
        self.may_restart()?;
        Ok(Step::Arm(version))
    }

    fn ready(&self, version: Version) -> Result<Step, Waits> {
        let go = self.orders.lets(Kind::Restart, Some(&version));
        self.may(Kind::Restart, self.policies.restart, go).map_err(|wait| vec![wait])?;
        self.may_restart()?;
        Ok(Step::Restart(version))
    }

    fn may_restart(&self) -> Result<(), Waits> {
        self.no_setback(Kind::Restart)?;
        self.free(self.permission.restart())
    }

    fn may(&self, step: Kind, policy: Policy, go: bool) -> Result<(), Wait> {
        match policy {
            Policy::Automatic => Ok(()),
            Policy::Manual if go => Ok(()),
            Policy::Manual => {
                let reason = "the configuration leaves it to `updog proceed`".to_owned();
                Err(Wait { step, code: "manual", reason, until: None })
            }
            Policy::Off => Err(off(step)),
        }
    }

    fn no_setback(&self, step: Kind) -> Result<(), Waits> {
        let Some(setback) = self.record.setback_of(step) else { return Ok(()) };
        // A clock that went back is no reason to wait for longer than ever.
        let again =
            setback.again.min(self.now.checked_add_signed(self.longest).unwrap_or(self.now));
        if again <= self.now || setback.at > self.now {
            return Ok(());
        }
        let reason = setback.why.clone();
        Err(vec![Wait { step, code: "setback", reason, until: Some(again) }])
    }

    fn free(&self, waits: Waits) -> Result<(), Waits> {
        if waits.is_empty() { Ok(()) } else { Err(waits) }
    }

    fn again(&self) -> Option<DateTime<Utc>> {
        self.now.checked_add_signed(LOOK_AGAIN)
    }
}

fn off(step: Kind) -> Wait {
    let reason = "switched off in the configuration".to_owned();
    Wait { step, code: "off", reason, until: None }
}

#[cfg(test)]
mod tests;

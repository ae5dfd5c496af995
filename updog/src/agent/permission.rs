//! "May I restart now?", and "may I use the network for long?".
//!
//! Each obstacle is a small module that says what it waits for. Whoever adds one, locks between hosts say, adds it to [`Obstacles`]; the
//! cheap ones are asked first, and hooks only when nothing else is in the way.

mod calendar;
mod hooks;
mod metered;
mod power;
mod sessions;
mod uptime;

use std::cell::RefCell;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::next::{LOOK_AGAIN, Permission, Wait, Waits};
use super::record::{Kind, PutOff};
use crate::config::AgentSettings;
use hooks::Wants;

/// Where the running system is looked at.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Power supplies, as the kernel lists them.
    pub power_supplies: PathBuf,
    /// What lists the sessions of people who are logged in.
    pub loginctl: PathBuf,
    /// What asks the network's manager.
    pub busctl: PathBuf,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            power_supplies: "/sys/class/power_supply".into(),
            loginctl: "loginctl".into(),
            busctl: "busctl".into(),
        }
    }
}

/// Who runs the hooks. `status` runs none: it tells what they said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// They are run.
    Hooks,
    /// What they said the last time counts.
    Nobody,
}

/// Everything that may be in the way.
pub struct Obstacles<'a> {
    settings: &'a AgentSettings,
    sources: Sources,
    ask: Ask,
    put_off: RefCell<Option<PutOff>>,
    said: RefCell<Option<Waits>>,
    now: DateTime<Utc>,
}

impl<'a> Obstacles<'a> {
    /// What is in the way at `now`; hooks have put the restart off as `put_off` says.
    pub fn new(
        settings: &'a AgentSettings,
        ask: Ask,
        put_off: Option<PutOff>,
        now: DateTime<Utc>,
    ) -> Self {
        let (put_off, said) = (RefCell::new(put_off), RefCell::new(None));
        Self { settings, sources: Sources::default(), ask, put_off, said, now }
    }

    /// As hooks have it by now.
    pub fn put_off(&self) -> Option<PutOff> {
        self.put_off.borrow().clone()
    }

    /// What a hook said that has put the restart off for as long as it may.
    pub fn overruled(&self) -> Option<PutOff> {
        self.put_off().filter(|one| self.is_over(one))
    }

    fn is_over(&self, one: &PutOff) -> bool {
        self.now - one.since >= self.settings.hooks_delay
    }

    fn again(&self) -> Option<DateTime<Utc>> {
        self.now.checked_add_signed(LOOK_AGAIN)
    }

    fn wait(&self, step: Kind, code: &'static str, reason: String) -> Wait {
        Wait { step, code, reason, until: self.again() }
    }

    fn before_hooks(&self) -> Waits {
        let settings = self.settings;
        let mut waits: Waits = calendar::wait(&settings.calendar, self.now).into_iter().collect();
        waits.extend(uptime::wait(settings.minimum_uptime, self.now));
        let again = self.again_after(&waits);
        let mut wait = |code, reason| {
            waits.push(Wait { step: Kind::Restart, code, reason, until: again });
        };
        if settings.while_logged_in.waits() {
            let people = sessions::people(&self.sources.loginctl);
            people.into_iter().for_each(|said| wait("logged-in", said));
        }
        if settings.on_battery.waits() && power::on_battery(&self.sources.power_supplies) {
            wait("battery", "the host runs on battery".to_owned());
        }
        waits
    }

    /// When what gives no sign is looked at again. Before what has a time is over, nothing would come of it.
    fn again_after(&self, known: &[Wait]) -> Option<DateTime<Utc>> {
        let ends: Option<Vec<_>> = known.iter().map(|wait| wait.until).collect();
        self.again().max(ends?.into_iter().max())
    }

    fn hooks(&self) -> Option<Wait> {
        if self.overruled().is_some() {
            return None;
        }
        let mut put_off = self.put_off.borrow_mut();
        let since = put_off.as_ref().map_or(self.now, |one| one.since);
        if self.ask == Ask::Hooks {
            let said = hooks::run(&self.settings.hooks_dirs, self.settings.hook_limit);
            let since = since.min(self.now);
            *put_off = said.map(|Wants { hook, why }| PutOff { since, hook, why });
        }
        put_off.as_ref().map(|PutOff { hook, why, .. }| {
            self.wait(Kind::Restart, "hook", format!("hook {hook} says wait: {why}"))
        })
    }
}

impl Permission for Obstacles<'_> {
    fn fetch(&self) -> Waits {
        if !self.settings.metered.waits() || !metered::is_metered(&self.sources.busctl) {
            return Waits::new();
        }
        vec![self.wait(Kind::Fetch, "metered", "the network is metered".to_owned())]
    }

    /// Asked once for each decision, however often the answer is looked at.
    fn restart(&self) -> Waits {
        let said = self.said.borrow().clone();
        said.unwrap_or_else(|| {
            let mut waits = self.before_hooks();
            if waits.is_empty() {
                waits.extend(self.hooks());
            }
            *self.said.borrow_mut() = Some(waits.clone());
            waits
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use chrono::TimeDelta;

    use super::*;
    use crate::config::Settings;

    /// What a restart waits for on a host with these windows on which nobody can say who is logged in: a code and a time each.
    fn waits(windows: &str, now: DateTime<Utc>) -> Vec<(&'static str, Option<DateTime<Utc>>)> {
        let text = format!(
            "metadata_base_url = 'file:///a'\ntargets_base_url = 'file:///a'\nseed = 1\n\
             [agent]\nminimum_uptime_seconds = 0\non_battery = 'go'\nhooks_dirs = []\n{windows}"
        );
        let settings = Settings::parse(&text, Path::new("updog.toml")).unwrap().agent;
        let mut obstacles = Obstacles::new(&settings, Ask::Nobody, None, now);
        obstacles.sources.loginctl = "/nonexistent/loginctl".into();
        obstacles.restart().into_iter().map(|wait| (wait.code, wait.until)).collect()
    }

    #[test]
    fn what_gives_no_sign_is_not_looked_at_before_a_window_opens() {
        let window = "[[agent.window]]\nstart = '03:00'\nlength_minutes = 60\n";
        let never = "[[agent.blackout]]\nfrom = '2000-01-01'\nto = '2200-01-01'\n";
        let opens: DateTime<Utc> = "2026-11-26T03:00:00Z".parse().unwrap();
        let before = opens - TimeDelta::hours(5);
        let at_opening = Some(opens);
        assert_eq!(waits(window, before), [("window", at_opening), ("logged-in", at_opening)]);
        assert_eq!(waits(window, opens), [("logged-in", opens.checked_add_signed(LOOK_AGAIN))]);
        let at_once = before.checked_add_signed(LOOK_AGAIN);
        assert_eq!(waits("", before), [("logged-in", at_once)]);
        assert_eq!(
            waits(&format!("{window}{never}"), before),
            [("window", None), ("logged-in", None)]
        );
    }
}

//! `[agent]`: how the host updates itself.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use schedule::{Blackout, Calendar, Poll, Window};
use serde::Deserialize;

use super::{Check, ConfigError};
use crate::agent::next::{Policies, Policy};

/// What the agent is told, checked.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Which steps are done by themselves.
    pub policies: Policies,
    /// How often the repository is looked at.
    pub poll: Poll,
    /// The longest time from one look to the next.
    pub longest: TimeDelta,
    /// How long the host is up before it is restarted.
    pub minimum_uptime: Duration,
    /// Whether a restart waits while somebody is logged in.
    pub while_logged_in: OnObstacle,
    /// Whether a restart waits while the host runs on battery.
    pub on_battery: OnObstacle,
    /// Whether fetching waits while the network is metered.
    pub metered: OnObstacle,
    /// Folders of executables that may put a restart off; a later one's file takes the place of an earlier one's of the same name.
    pub hooks_dirs: Vec<PathBuf>,
    /// How long all hooks together may take.
    pub hook_limit: Duration,
    /// For how long hooks may put a restart off.
    pub hooks_delay: TimeDelta,
    /// When the host may be restarted.
    pub calendar: Calendar,
    /// The folder from which node exporter takes metrics.
    pub metrics_dir: Option<PathBuf>,
    /// What says to others that a restart is waited for.
    pub reboot_required: PathBuf,
}

/// What is done about something that is in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnObstacle {
    /// It is waited for.
    #[default]
    Wait,
    /// It does not matter.
    Go,
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAgent {
    #[serde(default)]
    check: Policy,
    #[serde(default)]
    fetch: Policy,
    #[serde(default)]
    restart: Policy,
    check_interval_seconds: Option<u64>,
    max_interval_seconds: Option<u64>,
    minimum_uptime_seconds: Option<u64>,
    #[serde(default)]
    while_logged_in: OnObstacle,
    #[serde(default)]
    on_battery: OnObstacle,
    #[serde(default)]
    metered: OnObstacle,
    hooks_dirs: Option<Vec<PathBuf>>,
    hook_seconds: Option<u64>,
    hooks_delay_seconds: Option<u64>,
    metrics_dir: Option<PathBuf>,
    reboot_required_path: Option<PathBuf>,
    #[serde(default)]
    window: Vec<Window>,
    #[serde(default)]
    blackout: Vec<Blackout>,
}

/// Folders of hooks: what the image brings, and what the host adds or replaces.
const HOOKS: [&str; 2] = ["/usr/lib/updog/restart.d", "/etc/updog/restart.d"];

/// An hour, and the longest that failures make of it.
const INTERVALS: [u64; 2] = [3600, 86_400];

/// A year.
const LONG: u64 = 366 * 86_400;

impl OnObstacle {
    /// Whether it is waited for.
    pub fn waits(self) -> bool {
        self == Self::Wait
    }
}

impl Check<'_> {
    /// Checks the section.
    pub(super) fn agent(&self, raw: RawAgent) -> Result<AgentSettings, ConfigError> {
        let [interval, longest] = INTERVALS;
        let interval = raw.check_interval_seconds.unwrap_or(interval);
        let longest = raw.max_interval_seconds.unwrap_or(longest.max(interval));
        let poll = Poll::new(interval, longest);
        let poll = poll.map_err(|error| self.bad("agent.check_interval_seconds", error))?;
        let uptime = raw.minimum_uptime_seconds.unwrap_or(600);
        let delay = raw.hooks_delay_seconds.unwrap_or(86_400);
        Ok(AgentSettings {
            policies: Policies { check: raw.check, fetch: raw.fetch, restart: raw.restart },
            poll,
            // A tenth is added by chance.
            longest: self.length("agent.max_interval_seconds", longest + longest / 10)?,
            minimum_uptime: self.standing("agent.minimum_uptime_seconds", uptime)?,
            while_logged_in: raw.while_logged_in,
            on_battery: raw.on_battery,
            metered: raw.metered,
            hooks_dirs: self.places(raw.hooks_dirs, &HOOKS),
            hook_limit: self.hook_limit(raw.hook_seconds.unwrap_or(60))?,
            hooks_delay: self.length("agent.hooks_delay_seconds", delay)?,
            calendar: Calendar::new(raw.window, raw.blackout),
            metrics_dir: raw.metrics_dir.map(|path| self.place(Some(path), "")),
            reboot_required: self.place(raw.reboot_required_path, "/run/reboot-required"),
        })
    }

    fn standing(&self, field: &'static str, seconds: u64) -> Result<Duration, ConfigError> {
        match seconds {
            0..=LONG => Ok(Duration::from_secs(seconds)),
            _ => Err(self.bad(field, format!("must be from 0 to {LONG}"))),
        }
    }

    fn length(&self, field: &'static str, seconds: u64) -> Result<TimeDelta, ConfigError> {
        let length = self.standing(field, seconds.min(LONG.saturating_mul(2)))?;
        TimeDelta::from_std(length).map_err(|error| self.bad(field, error))
    }

    fn hook_limit(&self, seconds: u64) -> Result<Duration, ConfigError> {
        match seconds {
            1..=3600 => Ok(Duration::from_secs(seconds)),
            _ => Err(self.bad("agent.hook_seconds", "must be from 1 to 3600")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::super::Settings;
    use super::*;

    fn parse(section: &str) -> Result<AgentSettings, ConfigError> {
        let text = format!(
            "metadata_base_url = 'https://x/'\ntargets_base_url = 'https://x/'\nseed = 1\n{section}"
        );
        Settings::parse(&text, Path::new("/etc/waystone/updog.toml")).map(|all| all.agent)
    }

    #[test]
    fn without_a_section_the_documented_defaults_hold() {
        let settings = parse("").unwrap();
        assert_eq!(settings.policies, Policies::default());
        assert_eq!(settings.policies.restart, Policy::Automatic);
        assert_eq!(settings.minimum_uptime, Duration::from_secs(600));
        assert_eq!(settings.hooks_dirs, HOOKS.map(PathBuf::from));
        assert!(settings.calendar.at(chrono::DateTime::UNIX_EPOCH).is_open());
        assert_eq!(settings.reboot_required, Path::new("/run/reboot-required"));
    }

    #[test]
    fn policies_windows_and_blackouts_are_read() {
        let settings = parse(
            "[agent]\nfetch = 'manual'\nrestart = 'off'\nmetered = 'go'\n\
             [[agent.window]]\ndays = ['tue']\nstart = '02:00'\nlength_minutes = 120\ntime_zone = 'Europe/Berlin'\n\
             [[agent.blackout]]\nfrom = '2026-12-20'\nto = '2027-01-03'\n",
        );
        let settings = settings.unwrap();
        assert_eq!(settings.policies.fetch, Policy::Manual);
        assert_eq!((settings.policies.restart, settings.metered), (Policy::Off, OnObstacle::Go));
        let at = |time: &str| settings.calendar.at(time.parse().unwrap()).is_open();
        assert!(at("2026-12-01T02:00:00Z") && !at("2026-12-01T03:00:00Z"));
        assert!(!at("2026-12-22T02:00:00Z"));
    }

    #[test]
    fn values_that_make_no_sense_name_their_field() {
        for (line, field) in [
            ("check = 'never'", "check"),
            ("check_interval_seconds = 0", "agent.check_interval_seconds"),
            ("check_interval_seconds = 10\nmax_interval_seconds = 9", "interval"),
            ("minimum_uptime_seconds = 99999999999", "agent.minimum_uptime_seconds"),
            ("hook_seconds = 0", "agent.hook_seconds"),
            ("hooks_delay_seconds = 99999999999", "agent.hooks_delay_seconds"),
            ("while_logged_in = 'perhaps'", "while_logged_in"),
            ("windows = []", "windows"),
            ("[[agent.window]]\nstart = '25:00'\nlength_minutes = 1", "start"),
            ("[[agent.window]]\nstart = '02:00'\nlength_minutes = 0", "length_minutes"),
            (
                "[[agent.window]]\nstart = '02:00'\nlength_minutes = 1\ntime_zone = 'Europe/Berln'",
                "Berln",
            ),
            ("[[agent.blackout]]\nfrom = '2027-01-03'\nto = '2026-12-20'", "to"),
        ] {
            let error = parse(&format!("[agent]\n{line}")).unwrap_err().to_string();
            assert!(error.contains(field), "{line}: {error}");
        }
    }
}

//! `[health]`: what has to be well before a boot is marked good.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gptprio::Tries;
use serde::Deserialize;

use super::{Check, ConfigError};

/// What `updog health` is told, checked.
#[derive(Clone, Debug)]
pub struct HealthSettings {
    /// Folders of executables; a later one's file takes the place of an earlier one's of the same name.
    pub checks_dirs: Vec<PathBuf>,
    /// Units of systemd that have to be active.
    pub units: Vec<String>,
    /// How long they have to have been active without a restart.
    pub settle: Duration,
    /// Whether a set that was not proven yet is read back before it is marked good.
    pub verify_set: bool,
    /// How long all of it may take.
    pub time_limit: Duration,
    /// Starts that a set has until it is to be proven again; none: its starts are not counted.
    pub tries: Tries,
    /// The watchdog, if one is to be used.
    pub watchdog: Option<PathBuf>,
    /// The name that the kernel gives to a boot.
    pub boot_id: PathBuf,
    /// The kernel's command line.
    pub command_line: PathBuf,
    /// The firmware's variables.
    pub efivars: PathBuf,
    /// Folders with what the kernel said when it panicked.
    pub pstore_dirs: Vec<PathBuf>,
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHealth {
    checks_dirs: Option<Vec<PathBuf>>,
    units: Option<Vec<String>>,
    settle_seconds: Option<u64>,
    verify_set: Option<bool>,
    time_limit_seconds: Option<u64>,
    tries: Option<u8>,
    watchdog: Option<PathBuf>,
    boot_id_path: Option<PathBuf>,
    command_line_path: Option<PathBuf>,
    efivars_dir: Option<PathBuf>,
    pstore_dirs: Option<Vec<PathBuf>>,
}

/// Stands for no watchdog.
const NO_WATCHDOG: &str = "none";

/// Folders of checks: what the image brings, and what the host adds or replaces.
const CHECKS: [&str; 2] = ["/usr/lib/updog/health.d", "/etc/updog/health.d"];

/// Where the kernel keeps what it said last, and where systemd moves it.
const PSTORE: [&str; 2] = ["/sys/fs/pstore", "/var/lib/systemd/pstore"];

impl Check<'_> {
    /// Checks the section.
    pub(super) fn health(&self, raw: RawHealth) -> Result<HealthSettings, ConfigError> {
        let seconds = raw.time_limit_seconds.unwrap_or(300);
        if !(1..=86_400).contains(&seconds) {
            return Err(self.bad("health.time_limit_seconds", "must be from 1 to 86400"));
        }
        let settle = raw.settle_seconds.unwrap_or(10);
        if settle > 3600 {
            return Err(self.bad("health.settle_seconds", "must be from 0 to 3600"));
        }
        let tries = raw.tries.map_or(Some(Tries::REARM), Tries::new);
        let units = raw.units.unwrap_or_default();
        if units.iter().any(|unit| unit.is_empty() || unit.starts_with('-')) {
            return Err(self.bad("health.units", "must name units of systemd"));
        }
        let no_watchdog = raw.watchdog.as_deref() == Some(Path::new(NO_WATCHDOG));
        Ok(HealthSettings {
            checks_dirs: self.places(raw.checks_dirs, &CHECKS),
            units,
            settle: Duration::from_secs(settle),
            verify_set: raw.verify_set.unwrap_or(true),
            time_limit: Duration::from_secs(seconds),
            tries: tries.ok_or_else(|| self.bad("health.tries", "must be from 0 to 15"))?,
            watchdog: (!no_watchdog).then(|| self.place(raw.watchdog, "/dev/watchdog")),
            boot_id: self.place(raw.boot_id_path, "/proc/sys/kernel/random/boot_id"),
            command_line: self.place(raw.command_line_path, "/proc/cmdline"),
            efivars: self.place(raw.efivars_dir, handover::EFIVARS),
            pstore_dirs: self.places(raw.pstore_dirs, &PSTORE),
        })
    }

    pub(super) fn places(&self, paths: Option<Vec<PathBuf>>, defaults: &[&str]) -> Vec<PathBuf> {
        match paths {
            None => defaults.iter().map(PathBuf::from).collect(),
            Some(paths) => paths.into_iter().map(|path| self.place(Some(path), "")).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn parse(section: &str) -> Result<HealthSettings, ConfigError> {
        let text = format!(
            "metadata_base_url = 'https://x/'\ntargets_base_url = 'https://x/'\nseed = 1\n{section}"
        );
        Settings::parse(&text, Path::new("/etc/waystone/updog.toml")).map(|all| all.health)
    }

    #[test]
    fn without_a_section_the_documented_defaults_hold() {
        let settings = parse("").unwrap();
        assert_eq!(settings.checks_dirs, CHECKS.map(PathBuf::from));
        assert_eq!(settings.time_limit, Duration::from_secs(300));
        assert_eq!((settings.settle, settings.verify_set), (Duration::from_secs(10), true));
        assert_eq!((settings.tries, settings.units.len()), (Tries::REARM, 0));
        assert_eq!(settings.watchdog.unwrap(), Path::new("/dev/watchdog"));
    }

    #[test]
    fn relative_folders_count_from_the_file() {
        let settings =
            parse("[health]\nchecks_dirs = ['checks', '/x']\nwatchdog = 'none'").unwrap();
        let wanted = ["/etc/waystone/checks", "/x"].map(PathBuf::from);
        assert_eq!((settings.checks_dirs, settings.watchdog), (wanted.to_vec(), None));
        assert_eq!(parse("[health]\ntries = 0").unwrap().tries, Tries::ZERO);
    }

    #[test]
    fn values_that_make_no_sense_name_their_field() {
        for (line, field) in [
            ("time_limit_seconds = 0", "health.time_limit_seconds"),
            ("time_limit_seconds = 86401", "health.time_limit_seconds"),
            ("settle_seconds = 3601", "health.settle_seconds"),
            ("verify_set = 'no'", "verify_set"),
            ("tries = 16", "health.tries"),
            ("units = ['']", "health.units"),
            ("units = ['--failed']", "health.units"),
            ("check_dirs = []", "check_dirs"),
        ] {
            let error = parse(&format!("[health]\n{line}")).unwrap_err().to_string();
            assert!(error.contains(field), "{line}: {error}");
        }
    }
}

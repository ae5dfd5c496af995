//! What happened, in words and in fields.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use gptprio::SetId;
use semver::Version;

use super::Topic;
use crate::seen::StateName;

/// Something that happened on a host.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The repository was asked, and answered.
    CheckSucceeded {
        /// The version that runs.
        version: Version,
    },
    /// The repository could not be asked, or its answer was not to be trusted.
    CheckFailed {
        /// Why, with all causes.
        reason: String,
        /// How often one after the other, this time included.
        failures: u32,
    },
    /// There is an update that this host would take now.
    UpdateAvailable {
        /// The version that runs.
        from: Version,
        /// The version that there is.
        version: Version,
    },
    /// An update lies whole in the inactive set.
    UpdateStaged {
        /// The version that runs.
        from: Version,
        /// The version that was written.
        version: Version,
        /// The set.
        set: SetId,
    },
    /// An update could not be fetched, written or checked.
    FetchFailed {
        /// The version.
        version: Version,
        /// Why, with all causes.
        reason: String,
    },
    /// An update boots next.
    UpdateReady {
        /// The version that runs.
        from: Version,
        /// The version that boots next.
        version: Version,
        /// Its set.
        set: SetId,
    },
    /// An update that was to boot next was taken back.
    UpdateWithdrawn {
        /// The version.
        version: Version,
        /// Its set.
        set: SetId,
    },
    /// The restart waits for something.
    RestartWaits {
        /// The version that boots next.
        version: Version,
        /// A short code that does not change, such as `window`.
        reason: String,
        /// Until when at least, where that is known.
        until: Option<DateTime<Utc>>,
    },
    /// A hook puts the restart off.
    HookDelays {
        /// The version that boots next.
        version: Version,
        /// The hook's file.
        hook: String,
        /// What it said last.
        reason: String,
    },
    /// A hook has put the restart off for as long as it may.
    HookOverruled {
        /// The version that boots next.
        version: Version,
        /// The hook's file.
        hook: String,
    },
    /// The host restarts into an update.
    Restarting {
        /// The version that runs.
        from: Version,
        /// The version that boots next.
        version: Version,
        /// Its set.
        set: SetId,
    },
    /// The host was to restart and did not.
    RestartFailed {
        /// The version that boots next.
        version: Version,
        /// Why, with all causes.
        reason: String,
    },
    /// An update was proven good.
    BootGood {
        /// The version that ran before, where that is known.
        from: Option<Version>,
        /// The version that runs.
        version: Version,
        /// Its set.
        set: SetId,
    },
    /// What runs is not good.
    BootBad {
        /// The version that runs.
        version: Version,
        /// Its set.
        set: SetId,
        /// Why.
        reason: String,
    },
    /// An update failed, and what ran before runs again.
    WentBack {
        /// The version that failed.
        version: Version,
        /// The set in which it failed.
        set: SetId,
        /// The version that runs.
        to: Version,
        /// Why it failed, as far as known.
        reason: String,
    },
    /// Somebody holds the host where it is.
    Held {
        /// Who, or why.
        reason: String,
        /// Until when; `None` for as long as nobody lets it go.
        until: Option<DateTime<Utc>>,
    },
    /// The host goes on by itself.
    Resumed,
    /// The configuration is not usable, and what held before holds on.
    ConfigurationRefused {
        /// What is wrong with it.
        reason: String,
    },
}

impl Event {
    /// What it is about: its id and priority.
    pub fn topic(&self) -> Topic {
        match self {
            Self::CheckSucceeded { .. } => Topic::CheckSucceeded,
            Self::CheckFailed { .. } => Topic::CheckFailed,
            Self::UpdateAvailable { .. } => Topic::UpdateAvailable,
            Self::UpdateStaged { .. } => Topic::UpdateStaged,
            Self::FetchFailed { .. } => Topic::FetchFailed,
            Self::UpdateReady { .. } => Topic::UpdateReady,
            Self::UpdateWithdrawn { .. } => Topic::UpdateWithdrawn,
            Self::RestartWaits { .. } => Topic::RestartWaits,
            Self::HookDelays { .. } => Topic::HookDelays,
            Self::HookOverruled { .. } => Topic::HookOverruled,
            Self::Restarting { .. } => Topic::Restarting,
            Self::RestartFailed { .. } => Topic::RestartFailed,
            Self::BootGood { .. } => Topic::BootGood,
            Self::BootBad { .. } => Topic::BootBad,
            Self::WentBack { .. } => Topic::WentBack,
            Self::Held { .. } => Topic::Held,
            Self::Resumed => Topic::Resumed,
            Self::ConfigurationRefused { .. } => Topic::ConfigurationRefused,
        }
    }

    /// The state that the host is in afterwards, where the event says so.
    pub fn state(&self) -> Option<StateName> {
        match self {
            Self::UpdateAvailable { .. } => Some(StateName::Available),
            Self::UpdateStaged { .. } => Some(StateName::Staged),
            Self::UpdateReady { .. }
            | Self::RestartWaits { .. }
            | Self::HookDelays { .. }
            | Self::HookOverruled { .. }
            | Self::RestartFailed { .. } => Some(StateName::Ready),
            Self::Restarting { .. } => Some(StateName::Restarting),
            Self::BootGood { .. } => Some(StateName::Good),
            Self::WentBack { .. } => Some(StateName::Failed),
            Self::Held { .. } => Some(StateName::Held),
            Self::CheckSucceeded { .. }
            | Self::CheckFailed { .. }
            | Self::FetchFailed { .. }
            | Self::UpdateWithdrawn { .. }
            | Self::BootBad { .. }
            | Self::Resumed
            | Self::ConfigurationRefused { .. } => None,
        }
    }

    /// What it says beside its words: names of fields, which do not change, with their values.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let fields = [
            ("UPDOG_VERSION", self.version().map(Version::to_string)),
            ("UPDOG_FROM", self.from().map(Version::to_string)),
            ("UPDOG_SET", self.set().map(|set| set.to_string())),
            ("UPDOG_STATE", self.state().map(|state| state.to_string())),
            ("UPDOG_REASON", self.reason().map(str::to_owned)),
            ("UPDOG_UNTIL", self.until().map(time)),
            ("UPDOG_HOOK", self.hook().map(str::to_owned)),
            ("UPDOG_FAILURES", self.failures().map(|count| count.to_string())),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The version that it is about.
    fn version(&self) -> Option<&Version> {
        match self {
            Self::CheckSucceeded { version }
            | Self::UpdateAvailable { version, .. }
            | Self::UpdateStaged { version, .. }
            | Self::FetchFailed { version, .. }
            | Self::UpdateReady { version, .. }
            | Self::UpdateWithdrawn { version, .. }
            | Self::RestartWaits { version, .. }
            | Self::HookDelays { version, .. }
            | Self::HookOverruled { version, .. }
            | Self::Restarting { version, .. }
            | Self::RestartFailed { version, .. }
            | Self::BootGood { version, .. }
            | Self::BootBad { version, .. }
            | Self::WentBack { version, .. } => Some(version),
            Self::CheckFailed { .. }
            | Self::Held { .. }
            | Self::Resumed
            | Self::ConfigurationRefused { .. } => None,
        }
    }

    /// The version that an update starts from.
    fn from(&self) -> Option<&Version> {
        match self {
            Self::UpdateAvailable { from, .. }
            | Self::UpdateStaged { from, .. }
            | Self::UpdateReady { from, .. }
            | Self::Restarting { from, .. }
            | Self::WentBack { to: from, .. } => Some(from),
            Self::BootGood { from, .. } => from.as_ref(),
            _ => None,
        }
    }

    fn set(&self) -> Option<SetId> {
        match self {
            Self::UpdateStaged { set, .. }
            | Self::UpdateReady { set, .. }
            | Self::UpdateWithdrawn { set, .. }
            | Self::Restarting { set, .. }
            | Self::BootGood { set, .. }
            | Self::BootBad { set, .. }
            | Self::WentBack { set, .. } => Some(*set),
            _ => None,
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::CheckFailed { reason, .. }
            | Self::FetchFailed { reason, .. }
            | Self::RestartWaits { reason, .. }
            | Self::HookDelays { reason, .. }
            | Self::RestartFailed { reason, .. }
            | Self::BootBad { reason, .. }
            | Self::WentBack { reason, .. }
            | Self::Held { reason, .. }
            | Self::ConfigurationRefused { reason } => Some(reason),
            _ => None,
        }
    }

    fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::RestartWaits { until, .. } | Self::Held { until, .. } => *until,
            _ => None,
        }
    }

    fn hook(&self) -> Option<&str> {
        match self {
            Self::HookDelays { hook, .. } | Self::HookOverruled { hook, .. } => Some(hook),
            _ => None,
        }
    }

    fn failures(&self) -> Option<u32> {
        match self {
            Self::CheckFailed { failures, .. } => Some(*failures),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckSucceeded { version } => write!(out, "looked for an update of {version}"),
            Self::CheckFailed { reason, failures } => {
                write!(out, "cannot look for updates ({failures} times now): {reason}")
            }
            Self::UpdateAvailable { from, version } => {
                write!(out, "there is an update from {from} to {version}")
            }
            Self::UpdateStaged { version, set, .. } => {
                write!(out, "{version} lies whole in set {set} and does not boot yet")
            }
            Self::FetchFailed { version, reason } => {
                write!(out, "cannot fetch {version}: {reason}")
            }
            Self::UpdateReady { version, set, .. } => {
                write!(out, "{version} in set {set} boots next")
            }
            Self::UpdateWithdrawn { version, set } => {
                write!(out, "{version} in set {set} was taken back")
            }
            Self::RestartWaits { version, reason, until } => {
                write!(out, "the restart into {version} waits: {reason}")?;
                until_in_words(out, *until)
            }
            Self::HookDelays { version, hook, reason } => {
                write!(out, "{hook} puts the restart into {version} off: {reason}")
            }
            Self::HookOverruled { version, hook } => {
                write!(out, "{hook} has put the restart into {version} off for as long as it may")
            }
            Self::Restarting { from, version, .. } => {
                write!(out, "restarting from {from} into {version}")
            }
            Self::RestartFailed { version, reason } => {
                write!(out, "cannot restart into {version}: {reason}")
            }
            Self::BootGood { version, set, .. } => write!(out, "{version} in set {set} is good"),
            Self::BootBad { version, set, reason } => {
                write!(out, "{version} in set {set} is not good: {reason}")
            }
            Self::WentBack { version, set, to, reason } => {
                write!(out, "{version} in set {set} failed, {to} runs again: {reason}")
            }
            Self::Held { reason, until } => {
                write!(out, "updates are held: {reason}")?;
                until_in_words(out, *until)
            }
            Self::Resumed => out.write_str("updates go on"),
            Self::ConfigurationRefused { reason } => {
                write!(out, "the configuration is refused: {reason}")
            }
        }
    }
}

fn until_in_words(out: &mut fmt::Formatter<'_>, until: Option<DateTime<Utc>>) -> fmt::Result {
    until.map_or(Ok(()), |until| write!(out, ", until {}", until.format("%Y-%m-%d %H:%M UTC")))
}

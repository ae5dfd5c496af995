//! Everything that is told of a host, as plain values.

use chrono::{DateTime, Utc};
use gptprio::{BootBits, SetId};
use semver::Version;
use serde::Serialize;

use super::StateName;
use crate::boots::{Ledger, Outcome};

/// A host at one moment. What is `None` is unknown, or is not so; an empty list says that there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Version of the running system.
    pub version: Option<Version>,
    /// Variant of the running system.
    pub variant: Option<String>,
    /// The set that runs.
    pub set: Option<SetId>,
    /// The set that boots next; `None` beside known [`sets`](Self::sets): none can.
    pub next: Option<SetId>,
    /// Where the host is on its way.
    pub state: Option<StateName>,
    /// Since when.
    pub state_since: Option<DateTime<Utc>>,
    /// The version that the host is on its way to, or has come to.
    pub pinned: Option<Version>,
    /// Until when the host is held where it is; `None` where it is not, or for as long as nobody lets it go.
    pub hold_until: Option<DateTime<Utc>>,
    /// The sets of the disk, in its order.
    pub sets: Vec<SetFacts>,
    /// How looking for updates goes, where the host does it by itself.
    pub check: Option<Check>,
    /// Whether a restart is waited for.
    pub restart: Option<Restart>,
    /// What the attempts came to that the ledger remembers.
    pub attempts: Option<Attempts>,
    /// The versions that have failed here and are not taken again.
    pub failed_versions: Option<Vec<Version>>,
    /// When the metadata that was verified last expires, by role.
    pub metadata_expires: Vec<(String, DateTime<Utc>)>,
    /// What was looked for and could not be read, so that all that it tells is unknown.
    pub unreadable: Vec<Source>,
}

/// A set of the disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetFacts {
    /// Its name.
    pub set: SetId,
    /// What runs or lies there, where that is known.
    pub version: Option<String>,
    /// Its boot bits.
    #[serde(flatten)]
    pub bits: BootBits,
}

/// How looking for updates goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Check {
    /// When it was done the last time.
    pub last: Option<DateTime<Utc>>,
    /// Whether that went well.
    pub succeeded: Option<bool>,
    /// When it went well the last time.
    pub last_success: Option<DateTime<Utc>>,
    /// How often one after the other it did not, up to now.
    pub failures: Option<u32>,
    /// When it is planned next.
    pub next: Option<DateTime<Utc>>,
}

/// A restart that an update needs, or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Restart {
    /// Whether one is waited for.
    pub waiting: bool,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// What holds it, as short codes that do not change, such as `window`.
    pub held_by: Vec<String>,
}

/// How many attempts came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// They boot next and have not been seen to start.
    pub waiting: usize,
    /// They were started and have not been proven good since.
    pub unproven: usize,
    /// They were proven good.
    pub good: usize,
    /// Another set took their place, or nothing could.
    pub failed: usize,
    /// The operator went back.
    pub withdrawn: usize,
}

/// Where facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The disk and its boot bits.
    Disk,
    /// os-release of the running system.
    Host,
    /// The record of what was staged.
    Staged,
    /// The ledger of boots.
    Ledger,
    /// The records of the agent.
    Agent,
}

impl Attempts {
    /// Counts what a ledger remembers.
    pub fn of(ledger: &Ledger) -> Self {
        let count = |outcome| ledger.attempts.iter().filter(|one| one.outcome == outcome).count();
        Self {
            waiting: count(Outcome::Waiting),
            unproven: count(Outcome::Unproven),
            good: count(Outcome::Good),
            failed: count(Outcome::Failed),
            withdrawn: count(Outcome::Withdrawn),
        }
    }

    /// Each count with its name, in the order of an attempt's life.
    pub fn by_outcome(self) -> [(&'static str, usize); 5] {
        [
            ("waiting", self.waiting),
            ("unproven", self.unproven),
            ("good", self.good),
            ("failed", self.failed),
            ("withdrawn", self.withdrawn),
        ]
    }
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Disk, Self::Host, Self::Staged, Self::Ledger, Self::Agent];

    /// The name, as it stands in metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Host => "host",
            Self::Staged => "staged",
            Self::Ledger => "ledger",
            Self::Agent => "agent",
        }
    }
}

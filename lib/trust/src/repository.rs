//! A repository whose four roles were all verified.

use chrono::{DateTime, Utc};

use crate::{Damage, Role, RoleName, Root, Snapshot, Target, Targets, Timestamp, Verified};

/// All that is trusted, at one time, of one repository.
#[derive(Clone, Debug)]
pub struct Repository {
    root: Verified<Root>,
    timestamp: Verified<Timestamp>,
    snapshot: Verified<Snapshot>,
    targets: Verified<Targets>,
    /// The time as of which all this is trusted.
    now: DateTime<Utc>,
    damage: Vec<Damage>,
}

/// The versions of the four roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Version of the root.
    pub root: u64,
    /// Version of the timestamp.
    pub timestamp: u64,
    /// Version of the snapshot.
    pub snapshot: u64,
    /// Version of the targets metadata.
    pub targets: u64,
}

impl Repository {
    pub(crate) fn new(
        root: Verified<Root>,
        timestamp: Verified<Timestamp>,
        snapshot: Verified<Snapshot>,
        targets: Verified<Targets>,
        now: DateTime<Utc>,
    ) -> Self {
        Self { root, timestamp, snapshot, targets, now, damage: Vec::new() }
    }

    /// The time as of which everything was verified.
    pub fn verified_at(&self) -> DateTime<Utc> {
        self.now
    }

    pub(crate) fn with_damage(self, damage: Vec<Damage>) -> Self {
        Self { damage, ..self }
    }

    /// The target of this name, if the top-level targets role has it with a digest that we know.
    pub fn target(&self, name: &str) -> Option<Target> {
        self.targets.target(name, self.root.consistent_snapshot()).ok()?
    }

    /// All targets of the top-level targets role that have a digest that we know, in no order.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.targets.entries().filter_map(move |(name, _)| self.target(name))
    }

    /// The versions of the four roles.
    pub fn versions(&self) -> Versions {
        Versions {
            root: self.root.version(),
            timestamp: self.timestamp.version(),
            snapshot: self.snapshot.version(),
            targets: self.targets.version(),
        }
    }

    /// When each role expires, the next one first.
    pub fn expiries(&self) -> Vec<(RoleName, DateTime<Utc>)> {
        let mut expiries = vec![
            (RoleName::Root, self.root.expires()),
            (RoleName::Timestamp, self.timestamp.expires()),
            (RoleName::Snapshot, self.snapshot.expires()),
            (RoleName::Targets, self.targets.expires()),
        ];
        expiries.sort_by_key(|(_, at)| *at);
        expiries
    }

    /// Stored files that were damaged, could be done without, and are whole again.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The verified root.
    pub fn root_metadata(&self) -> &Verified<Root> {
        &self.root
    }

    /// The verified timestamp.
    pub fn timestamp_metadata(&self) -> &Verified<Timestamp> {
        &self.timestamp
    }

    /// The verified snapshot.
    pub fn snapshot_metadata(&self) -> &Verified<Snapshot> {
        &self.snapshot
    }

    /// The verified targets metadata.
    pub fn targets_metadata(&self) -> &Verified<Targets> {
        &self.targets
    }
}

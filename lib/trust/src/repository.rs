//! A repository whose four roles were all verified.

use chrono::{DateTime, Utc};

use crate::{
    Damage, Error, Result, Role, RoleName, Root, Snapshot, Target, Targets, Timestamp, Verified,
};

/// All that is trusted, at one time, of one repository.
#[derive(Clone, Debug)]
pub struct Repository {
    root: Verified<Root>,
    timestamp: Verified<Timestamp>,
    snapshot: Verified<Snapshot>,
    targets: Verified<Targets>,
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
    ) -> Result<Self> {
        let unusable = targets.entries().find(|(_, entry)| entry.hashes().sha256().is_none());
        if let Some((name, _)) = unusable {
            let reason = format!("the target {name:?} has no sha256");
            return Err(Error::Malformed { role: RoleName::Targets, reason });
        }
        Ok(Self { root, timestamp, snapshot, targets, damage: Vec::new() })
    }

    pub(crate) fn with_damage(self, damage: Vec<Damage>) -> Self {
        Self { damage, ..self }
    }

    /// The target of this name, if the top-level targets role has it.
    pub fn target(&self, name: &str) -> Option<Target> {
        self.targets.target(name, self.root.consistent_snapshot())
    }

    /// All targets of the top-level targets role, in no order.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        let consistent = self.root.consistent_snapshot();
        self.targets.entries().filter_map(move |(name, _)| self.targets.target(name, consistent))
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

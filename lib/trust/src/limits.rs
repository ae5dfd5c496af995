//! How much is read at most, so that an endless answer ends.

use crate::RoleName;

/// Upper bounds on what a repository may make its reader hold or do.
///
/// With the usual ones no metadata makes its reader hold more than 32 MiB, the metadata included; nor does a search through
/// delegated roles, beside the repository that it starts from.
///
/// Lengths are in bytes. A length that signed metadata states must lie within the limit of its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of one root.
    pub root: u64,
    /// Length of the timestamp.
    pub timestamp: u64,
    /// Length of the snapshot.
    pub snapshot: u64,
    /// Length of the targets metadata.
    pub targets: u64,
    /// Delegated roles that one search for a target visits.
    pub delegations: u32,
    /// Roots that one refresh follows.
    pub root_rotations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root: 512 << 10,
            timestamp: 16 << 10,
            snapshot: 2 << 20,
            targets: 4 << 20,
            delegations: 32,
            root_rotations: 1024,
        }
    }
}

impl Limits {
    /// Length of a file of `role`.
    pub fn of(&self, role: RoleName) -> u64 {
        match role {
            RoleName::Root => self.root,
            RoleName::Timestamp => self.timestamp,
            RoleName::Snapshot => self.snapshot,
            RoleName::Targets => self.targets,
        }
    }
}

//! What earlier runs trusted: the memory against rollback.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{Draft, Role, RoleName, Root, Snapshot, Targets, Timestamp, Verified};

/// Stored metadata that still verifies under the current root, expired or not, whatever ids that root gives the keys.
///
/// Its versions are the floors that new metadata may not go below. Two files remember the versions of snapshot and
/// targets. The timestamp's own the snapshot makes up for: an older timestamp that names no older snapshot is no more than
/// a repeated answer, and expires sooner. So one damaged file is survived:
///
/// | damaged | floor of the snapshot from | floor of the targets from |
/// |---|---|---|
/// | – | timestamp and snapshot | snapshot |
/// | timestamp | snapshot | snapshot |
/// | snapshot | timestamp | targets |
/// | targets | timestamp and snapshot | snapshot |
///
/// The versions of delegated roles are remembered by the snapshot alone. One that is damaged takes them with it: to use that,
/// an attacker needs the keys of timestamp and snapshot, for a newer snapshot that names older roles.
///
/// A timestamp without a snapshot beside it holds up its own version only: the snapshot that it names was never seen, or
/// signed with a key that was withdrawn.
#[derive(Clone, Debug, Default)]
pub struct Known {
    timestamp: Option<Verified<Timestamp>>,
    snapshot: Option<Verified<Snapshot>>,
    targets: Option<Verified<Targets>>,
    /// The snapshot was lost, not withdrawn: the targets metadata stands in for it.
    snapshot_lost: bool,
}

/// The stored bytes of the roles below root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) timestamp: StoredFile,
    pub(crate) snapshot: StoredFile,
    pub(crate) targets: StoredFile,
}

/// Absent, readable, or there and not readable with the reason.
pub(crate) type StoredFile = Option<Result<Bytes, String>>;

/// A stored file that does not verify, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) role: RoleName,
    pub(crate) reason: String,
    /// Whether nothing else remembers what the file remembered.
    pub(crate) fatal: bool,
}

impl Known {
    /// Nothing is known, as on the first run.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Verifies stored bytes again; what does not verify is returned beside.
    pub(crate) fn recall(stored: Stored, root: &Root) -> (Self, Vec<Unusable>) {
        let mut unusable = Vec::new();
        let timestamp = recall(stored.timestamp, root, &mut unusable);
        let snapshot = recall(stored.snapshot, root, &mut unusable);
        let snapshot_lost = unusable.iter().any(|file| file.role == RoleName::Snapshot);
        let targets = recall(stored.targets, root, &mut unusable);
        let known = Self { timestamp, snapshot, targets, snapshot_lost };
        for file in &mut unusable {
            file.fatal = known.is_lost(file.role);
        }
        (known, unusable)
    }

    /// The roles whose stored bytes do not verify under `root`.
    pub(crate) fn unusable(stored: Stored, root: &Root) -> impl Iterator<Item = RoleName> {
        let (_, unusable) = Self::recall(stored, root);
        unusable.into_iter().map(|file| file.role)
    }

    /// Whether no other file makes up for the loss of this one.
    fn is_lost(&self, role: RoleName) -> bool {
        match role {
            RoleName::Timestamp => self.snapshot.is_none(),
            RoleName::Snapshot => self.timestamp.is_none() || self.targets.is_none(),
            RoleName::Targets | RoleName::Root => false,
        }
    }

    /// The timestamp that was trusted last.
    pub fn timestamp(&self) -> Option<&Verified<Timestamp>> {
        self.timestamp.as_ref()
    }

    /// The snapshot that was trusted last.
    pub fn snapshot(&self) -> Option<&Verified<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// The targets metadata that was trusted last.
    pub fn targets(&self) -> Option<&Verified<Targets>> {
        self.targets.as_ref()
    }

    /// The earliest that it can be: the time at which the newest trusted timestamp was signed.
    pub(crate) fn not_before(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let signed = self.timestamp.as_ref().and_then(|timestamp| timestamp.signed());
        signed.map_or(now, |signed| signed.max(now))
    }

    /// The targets metadata that was trusted last, everything else let go.
    pub(crate) fn into_targets(self) -> Option<Verified<Targets>> {
        self.targets
    }

    /// Whether a snapshot was trusted that no root has withdrawn since, even if its file is damaged by now.
    pub(crate) fn holds_snapshot(&self) -> bool {
        self.snapshot.is_some() || self.snapshot_lost
    }

    /// The version below which no snapshot is accepted.
    pub(crate) fn snapshot_floor(&self) -> u64 {
        let timestamp = self.timestamp.as_ref().filter(|_| self.holds_snapshot());
        let named = timestamp.map(|timestamp| timestamp.snapshot().version());
        let held = self.snapshot.as_ref().map(|snapshot| snapshot.version());
        named.max(held).unwrap_or(0)
    }

    /// The files that a new snapshot has to name still, and their lowest versions.
    pub(crate) fn file_floors(&self) -> impl Iterator<Item = (&str, u64)> {
        let listed = self.snapshot.iter().flat_map(|snapshot| snapshot.files());
        let stand_in = self.targets.as_ref().filter(|_| self.snapshot_lost);
        listed
            .map(|(name, file)| (name, file.version()))
            .chain(stand_in.map(|targets| (RoleName::Targets.file_name(), targets.version())))
    }
}

fn recall<T: Role>(
    file: StoredFile,
    root: &Root,
    unusable: &mut Vec<Unusable>,
) -> Option<Verified<T>> {
    let verified = file?.and_then(|bytes| {
        let verified = Draft::parse(bytes).and_then(|draft| draft.verify_stored(root));
        verified.map_err(|error| error.to_string())
    });
    verified.map_err(|reason| unusable.push(Unusable { role: T::NAME, reason, fatal: false })).ok()
}

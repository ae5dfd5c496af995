//! The loading order as types: root → timestamp → snapshot → targets (TUF specification, 5.3 to 5.6).
//!
//! Pure: bytes, what was trusted before, and the time in; the next phase or an error out. An error
//! leaves what was trusted as it was.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::verified::{Checks, not_below};
use crate::{
    Draft, Error, Known, Metafile, Repository, Result, Role, RoleName, Root, Snapshot, Targets,
    Timestamp, Verified,
};

/// What a newer root means for the metadata that was trusted under the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The keys that vouched for it still do, under whatever ids.
    Kept,
    /// A key was withdrawn, or more of them have to sign now: what does not verify under the newer root no longer holds
    /// versions up (recovery from a fast-forward attack, 5.3.11).
    Withdrawn,
}

impl Rotation {
    /// Compares the keys of the roles whose metadata is stored.
    pub(crate) fn between(old: &Root, new: &Root) -> Self {
        let withdrawn = |role| {
            let kept = new.keys(role);
            old.keys(role).iter().any(|key| !kept.contains(key))
                || new.threshold(role) > old.threshold(role)
        };
        let roles = [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];
        if roles.into_iter().any(withdrawn) { Self::Withdrawn } else { Self::Kept }
    }
}

/// A trusted root, which may not be the newest.
#[derive(Clone, Debug)]
pub struct RootPhase {
    root: Verified<Root>,
}

impl RootPhase {
    /// Starts with a root that is trusted because of where it comes from; its own keys must have
    /// signed it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::Threshold`].
    pub fn start(bytes: Bytes) -> Result<Self> {
        Ok(Self { root: Draft::parse(bytes)?.verify_by_itself()? })
    }

    /// The newest root so far.
    pub fn root(&self) -> &Verified<Root> {
        &self.root
    }

    /// The file that holds the next root, if there is one.
    pub fn next_file(&self) -> String {
        RoleName::Root.versioned(self.root.version().saturating_add(1))
    }

    /// Goes on to the next root, which the keys of this one and its own must have signed.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Threshold`] or [`Error::WrongVersion`]; the phase stays at the
    /// root that it had.
    pub fn advance(&mut self, bytes: Bytes) -> Result<Rotation> {
        let next = Draft::parse(bytes)?.verify_after(&self.root)?;
        let rotation = Rotation::between(&self.root, &next);
        self.root = next;
        Ok(rotation)
    }

    /// Takes the root as the newest one.
    ///
    /// # Errors
    ///
    /// [`Error::Expired`].
    pub fn settle(self, now: DateTime<Utc>) -> Result<TimestampPhase> {
        self.root.check_expiry(now)?;
        Ok(TimestampPhase { root: self.root, now })
    }
}

/// The root is settled; the timestamp comes next.
#[derive(Clone, Debug)]
pub struct TimestampPhase {
    root: Verified<Root>,
    now: DateTime<Utc>,
}

impl TimestampPhase {
    /// The settled root.
    pub fn root(&self) -> &Verified<Root> {
        &self.root
    }

    /// Accepts a timestamp. One of the version that is known already changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Threshold`], [`Error::Rollback`] or [`Error::Expired`].
    pub fn accept(self, known: &Known, bytes: Bytes) -> Result<SnapshotPhase> {
        let fresh = Draft::<Timestamp>::parse(bytes)?.verify(&self.root)?;
        self.take(known, fresh)
    }

    /// Accepts a timestamp whose signatures were checked.
    ///
    /// # Errors
    ///
    /// As [`TimestampPhase::accept`].
    pub(crate) fn take(self, known: &Known, fresh: Verified<Timestamp>) -> Result<SnapshotPhase> {
        let timestamp = match known.timestamp() {
            Some(old) if old.version() == fresh.version() && known.holds_snapshot() => old.clone(),
            Some(old) => {
                not_below(RoleName::Timestamp, old.version(), fresh.version())?;
                fresh
            }
            None => fresh,
        };
        not_below(RoleName::Snapshot, known.snapshot_floor(), timestamp.snapshot().version())?;
        timestamp.check_expiry(self.now)?;
        Ok(SnapshotPhase { root: self.root, timestamp, now: self.now })
    }
}

/// The timestamp is settled; the snapshot that it names comes next.
#[derive(Clone, Debug)]
pub struct SnapshotPhase {
    root: Verified<Root>,
    timestamp: Verified<Timestamp>,
    now: DateTime<Utc>,
}

impl SnapshotPhase {
    /// The settled timestamp.
    pub fn timestamp(&self) -> &Verified<Timestamp> {
        &self.timestamp
    }

    /// Goes on with the time at which the timestamp says that it was signed, if the clock is behind it: what had
    /// expired by then stays expired, whatever the clock says.
    ///
    /// # Errors
    ///
    /// [`Error::Expired`] if root or timestamp had.
    pub fn not_before_signed(mut self) -> Result<Self> {
        self.now = self.timestamp.signed().max(Some(self.now)).unwrap_or(self.now);
        self.root.check_expiry(self.now)?;
        self.timestamp.check_expiry(self.now)?;
        Ok(self)
    }

    /// The file that holds the snapshot.
    pub fn file(&self) -> String {
        file_name(&self.root, RoleName::Snapshot, self.timestamp.snapshot())
    }

    /// How many bytes of it are read at most.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] if the signed length is beyond `limit`.
    pub fn bound(&self, limit: u64) -> Result<u64> {
        self.timestamp.snapshot().bound(&self.file(), limit)
    }

    /// Whether the snapshot that is known already is the one.
    pub fn is_known(&self, known: &Known) -> bool {
        known.snapshot().is_some_and(|old| is_file(old, self.timestamp.snapshot()))
    }

    /// Accepts the snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLength`], [`Error::WrongHash`], [`Error::Malformed`], [`Error::Threshold`],
    /// [`Error::WrongVersion`], [`Error::Rollback`] or [`Error::Expired`].
    pub fn accept(self, known: &Known, bytes: Bytes) -> Result<TargetsPhase> {
        self.timestamp.snapshot().check(&self.file(), &bytes)?;
        let snapshot = Draft::<Snapshot>::parse(bytes)?.verify(&self.root)?;
        self.take(known, snapshot)
    }

    /// Accepts a snapshot whose signatures were checked when it was recalled.
    ///
    /// # Errors
    ///
    /// As [`SnapshotPhase::accept`].
    pub(crate) fn accept_stored(
        self,
        known: &Known,
        snapshot: Verified<Snapshot>,
    ) -> Result<TargetsPhase> {
        self.timestamp.snapshot().check(&self.file(), snapshot.bytes())?;
        self.take(known, snapshot)
    }

    fn take(self, known: &Known, snapshot: Verified<Snapshot>) -> Result<TargetsPhase> {
        snapshot.check_version(self.timestamp.snapshot().version())?;
        let targets = named(&snapshot, RoleName::Targets.file_name())?.clone();
        for (name, floor) in known.file_floors() {
            not_below(RoleName::Targets, floor, named(&snapshot, name)?.version())?;
        }
        snapshot.check_expiry(self.now)?;
        Ok(TargetsPhase {
            root: self.root,
            timestamp: self.timestamp,
            snapshot,
            targets,
            now: self.now,
        })
    }
}

/// The snapshot is settled; the targets metadata that it names comes next.
#[derive(Clone, Debug)]
pub struct TargetsPhase {
    root: Verified<Root>,
    timestamp: Verified<Timestamp>,
    snapshot: Verified<Snapshot>,
    /// What the snapshot says of the top-level targets metadata.
    targets: Metafile,
    now: DateTime<Utc>,
}

impl TargetsPhase {
    /// The settled snapshot.
    pub fn snapshot(&self) -> &Verified<Snapshot> {
        &self.snapshot
    }

    /// The file that holds the targets metadata.
    pub fn file(&self) -> String {
        file_name(&self.root, RoleName::Targets, &self.targets)
    }

    /// How many bytes of it are read at most.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] if the signed length is beyond `limit`.
    pub fn bound(&self, limit: u64) -> Result<u64> {
        self.targets.bound(&self.file(), limit)
    }

    /// Whether the targets metadata that is known already is the one.
    pub fn is_known(&self, known: &Known) -> bool {
        known.targets().is_some_and(|old| is_file(old, &self.targets))
    }

    /// Accepts the targets metadata.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLength`], [`Error::WrongHash`], [`Error::Malformed`], [`Error::Threshold`],
    /// [`Error::WrongVersion`] or [`Error::Expired`].
    pub fn accept(self, bytes: Bytes) -> Result<Repository> {
        self.targets.check(&self.file(), &bytes)?;
        let targets = Draft::<Targets>::parse(bytes)?.verify(&self.root)?;
        self.take(targets)
    }

    /// Accepts targets metadata whose signatures were checked when it was recalled.
    ///
    /// # Errors
    ///
    /// As [`TargetsPhase::accept`].
    pub(crate) fn accept_stored(self, targets: Verified<Targets>) -> Result<Repository> {
        self.targets.check(&self.file(), targets.bytes())?;
        self.take(targets)
    }

    fn take(self, targets: Verified<Targets>) -> Result<Repository> {
        targets.check_version(self.targets.version())?;
        targets.check_expiry(self.now)?;
        Ok(Repository::new(self.root, self.timestamp, self.snapshot, targets, self.now))
    }
}

fn file_name(root: &Root, role: RoleName, file: &Metafile) -> String {
    if root.consistent_snapshot() {
        role.versioned(file.version())
    } else {
        role.file_name().to_owned()
    }
}

/// What a snapshot says of a file that it must name.
pub(crate) fn named<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Metafile> {
    snapshot.file(name).ok_or_else(|| Error::Malformed {
        role: RoleName::Snapshot,
        reason: format!("it does not name {name}"),
    })
}

/// Whether metadata that was trusted before is the file that is signed for now.
fn is_file<T: Role>(old: &Verified<T>, file: &Metafile) -> bool {
    old.version() == file.version() && file.check(T::NAME.as_str(), old.bytes()).is_ok()
}

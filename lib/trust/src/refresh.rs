//! The shell: runs the phases over a source and a store.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::verified::count;
use crate::{
    Damage, Error, Fetched, Known, Limits, MetadataSource, Repository, Result, Role, RoleName,
    RootPhase, Rotation, Search, SnapshotPhase, Step, Store, Target, TargetsPhase, TimestampPhase,
};

/// Brings the store up to date with `source` and returns what is trusted at `now`.
///
/// `shipped_root` is the root that came with the operating system. `now` is what the clock says, or the build date of the
/// image where the clock is behind it; the newest trusted timestamp may put it later. Each role is stored as soon as it is
/// accepted, so that what was learnt is kept even if a later one fails.
///
/// # Errors
///
/// Any [`Error`]; [`Error::kind`] tells a refusal from a failure.
pub async fn refresh<S: MetadataSource>(
    source: &S,
    store: &Store,
    shipped_root: &[u8],
    now: DateTime<Utc>,
) -> Result<Repository> {
    refresh_within(&Limits::default(), source, store, shipped_root, now).await
}

/// [`refresh`] with other limits than the usual ones.
///
/// # Errors
///
/// As [`refresh`].
pub async fn refresh_within<S: MetadataSource>(
    limits: &Limits,
    source: &S,
    store: &Store,
    shipped_root: &[u8],
    now: DateTime<Utc>,
) -> Result<Repository> {
    let run = Run { limits, source, store };
    let root = run.newest_root(shipped_root).await?;
    let (known, damage) = recall(store, &root, limits)?;
    let timestamp = root.settle(known.not_before(now))?;
    let snapshot = run.timestamp(timestamp, &known).await?;
    let targets = run.snapshot(snapshot, &known).await?;
    let repository = run.targets(targets, known).await?;
    Ok(repository.with_damage(damage))
}

/// Looks for a target through delegated roles, and keeps what they said.
///
/// Only what the search comes to is fetched, and what is stored and still valid is not fetched again.
///
/// # Errors
///
/// Any [`Error`]; [`Error::Delegated`] if a role on the way cannot be used.
pub async fn find<S: MetadataSource>(
    limits: &Limits,
    source: &S,
    store: &Store,
    repository: &Repository,
    name: &str,
) -> Result<Option<Target>> {
    let run = Run { limits, source, store };
    let mut search = Search::new(repository, name, limits.delegations)?;
    loop {
        match search.step()? {
            Step::Done(found) => return Ok(found),
            Step::Load { role, file } => {
                if accept_stored(&mut search, store, &role, limits).is_ok_and(|known| known) {
                    continue;
                }
                let bytes = run.need(&file, search.bound(limits.targets)?).await?;
                search.accept(bytes.clone())?;
                store.keep_delegated(&role, &bytes)?;
            }
        }
    }
}

/// Whether the role is stored; an error if it is, and is not what the search needs.
pub(crate) fn accept_stored(
    search: &mut Search<'_>,
    store: &Store,
    role: &str,
    limits: &Limits,
) -> Result<bool> {
    let Some(bytes) = store.read_delegated(role, limits)? else { return Ok(false) };
    search.accept(bytes).map(|()| true)
}

/// The newest root that is at hand without a source.
pub(crate) struct Start {
    pub(crate) phase: RootPhase,
    /// What the shipped root withdraws, if it is newer than the stored one.
    pub(crate) rotation: Rotation,
    /// Whether it is not stored yet.
    is_new: bool,
}

impl Start {
    pub(crate) fn choose(store: &Store, shipped_root: &[u8], limits: &Limits) -> Result<Self> {
        let shipped = RootPhase::start(Bytes::copy_from_slice(shipped_root))?;
        let Some(bytes) = store.read(RoleName::Root, limits)? else {
            return Ok(Self { phase: shipped, rotation: Rotation::Kept, is_new: true });
        };
        let stored = RootPhase::start(bytes).map_err(|error| Error::Damaged {
            path: store.folder().join(RoleName::Root.file_name()),
            reason: error.to_string(),
        })?;
        if shipped.root().version() <= stored.root().version() {
            return Ok(Self { phase: stored, rotation: Rotation::Kept, is_new: false });
        }
        let rotation = Rotation::between(stored.root(), shipped.root());
        Ok(Self { phase: shipped, rotation, is_new: true })
    }
}

/// What the store remembers below the root, and the files of it that are damaged.
fn recall(store: &Store, phase: &RootPhase, limits: &Limits) -> Result<(Known, Vec<Damage>)> {
    let (known, unusable) = Known::recall(store.read_below_root(limits)?, phase.root());
    let path = |role: RoleName| store.folder().join(role.file_name());
    match unusable.iter().find(|file| file.fatal) {
        Some(file) => Err(Error::Damaged { path: path(file.role), reason: file.reason.clone() }),
        None => {
            let damage = |file: crate::known::Unusable| Damage {
                path: path(file.role),
                reason: file.reason,
            };
            Ok((known, unusable.into_iter().map(damage).collect()))
        }
    }
}

/// One refresh.
struct Run<'a, S> {
    limits: &'a Limits,
    source: &'a S,
    store: &'a Store,
}

impl<S: MetadataSource> Run<'_, S> {
    async fn newest_root(&self, shipped_root: &[u8]) -> Result<RootPhase> {
        let Start { mut phase, rotation, is_new } =
            Start::choose(self.store, shipped_root, self.limits)?;
        if is_new {
            self.store.keep_root(phase.root(), rotation, self.limits)?;
        } else {
            self.store.finish_withdrawal(phase.root(), self.limits)?;
        }
        for _ in 0..self.limits.root_rotations {
            match self.fetch(&phase.next_file(), self.limits.root).await? {
                Fetched::Absent => return Ok(phase),
                Fetched::Bytes(bytes) => {
                    let rotation = phase.advance(bytes)?;
                    self.store.keep_root(phase.root(), rotation, self.limits)?;
                }
            }
        }
        match self.fetch(&phase.next_file(), self.limits.root).await? {
            Fetched::Absent => Ok(phase),
            Fetched::Bytes(_) => Err(Error::TooManyRoots { limit: self.limits.root_rotations }),
        }
    }

    async fn timestamp(&self, phase: TimestampPhase, known: &Known) -> Result<SnapshotPhase> {
        let bytes = self.need(RoleName::Timestamp.file_name(), self.limits.timestamp).await?;
        let next = phase.accept(known, bytes)?.not_before_signed()?;
        self.store.keep(RoleName::Timestamp, next.timestamp().bytes(), self.limits)?;
        Ok(next)
    }

    async fn snapshot(&self, phase: SnapshotPhase, known: &Known) -> Result<TargetsPhase> {
        let next = match known.snapshot().filter(|_| phase.is_known(known)) {
            Some(snapshot) => phase.accept_stored(known, snapshot.clone())?,
            None => {
                let limit = phase.bound(self.limits.snapshot)?;
                let bytes = self.need(&phase.file(), limit).await?;
                phase.accept(known, bytes)?
            }
        };
        self.store.keep(RoleName::Snapshot, next.snapshot().bytes(), self.limits)?;
        Ok(next)
    }

    /// What was known is let go before its successor is read: the two need not be held at a time.
    async fn targets(&self, phase: TargetsPhase, known: Known) -> Result<Repository> {
        let is_known = phase.is_known(&known);
        let repository = match known.into_targets().filter(|_| is_known) {
            Some(targets) => phase.accept_stored(targets)?,
            None => {
                let limit = phase.bound(self.limits.targets)?;
                let bytes = self.need(&phase.file(), limit).await?;
                phase.accept(bytes)?
            }
        };
        self.store.keep(RoleName::Targets, repository.targets_metadata().bytes(), self.limits)?;
        Ok(repository)
    }

    async fn need(&self, name: &str, limit: u64) -> Result<Bytes> {
        match self.fetch(name, limit).await? {
            Fetched::Bytes(bytes) => Ok(bytes),
            Fetched::Absent => Err(Error::Missing { name: name.to_owned() }),
        }
    }

    /// Holds a source to its limit, which it may have ignored.
    async fn fetch(&self, name: &str, limit: u64) -> Result<Fetched> {
        let fetched = self.source.fetch(name, limit).await?;
        match &fetched {
            Fetched::Bytes(bytes) if count(bytes.len()) > limit => {
                Err(Error::TooLong { name: name.to_owned(), limit })
            }
            _ => Ok(fetched),
        }
    }
}

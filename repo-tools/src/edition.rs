//! The next state of the metadata, signed, and accepted by the updater's own code.

use std::collections::HashMap;
use std::num::NonZeroU64;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use tough::schema::{Hashes, Metafile, Root, Snapshot, Targets, Timestamp};
use trust::{Known, Repository, RoleName, RootPhase, Sha256, Versions};

use crate::keys::Keyring;
use crate::sign::sign;
use crate::{Depth, Error, ExpiryPolicy, Result, time};

/// The four roles, to be signed.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    pub(crate) root: Root,
    pub(crate) targets: Targets,
    pub(crate) snapshot: Snapshot,
    pub(crate) timestamp: Timestamp,
}

/// What signing takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing<'a> {
    pub(crate) keys: &'a Keyring,
    pub(crate) policy: &'a ExpiryPolicy,
    pub(crate) now: DateTime<Utc>,
}

/// Signed metadata.
#[derive(Debug)]
pub(crate) struct Edition {
    /// Files in the order in which they are to be written: the timestamp, which makes all of it
    /// visible, is the last one.
    pub(crate) files: Vec<(String, Bytes)>,
    /// What a client will see.
    pub(crate) repository: Repository,
}

impl Edition {
    /// Raises, dates and signs the roles from `depth` on; `old` is what is published, if anything is.
    pub(crate) fn sign(
        roles: Roles,
        old: Option<&Repository>,
        depth: Depth,
        signing: Signing<'_>,
    ) -> Result<Self> {
        let Roles { root, targets, snapshot, timestamp } = roles;
        let versions = old.map_or(NOTHING, Repository::versions);
        let mut press = Press { root, versions, signing, files: Vec::new() };
        let kept = |depth_of_role| old.filter(|_| depth < depth_of_role);
        let new_root = match kept(Depth::Root) {
            Some(_) => None,
            None => Some(press.root()?),
        };
        let targets = match kept(Depth::Targets) {
            Some(old) => old.targets_metadata().bytes().clone(),
            None => press.targets(targets)?,
        };
        let snapshot = match kept(Depth::Snapshot) {
            Some(old) => old.snapshot_metadata().bytes().clone(),
            None => press.snapshot(snapshot, &targets)?,
        };
        let timestamp = press.timestamp(timestamp, &snapshot)?;
        let files = press.files;
        let old_root = old.map(|old| old.root_metadata().bytes().clone());
        let roots = old_root.into_iter().chain(new_root);
        let repository =
            accept(roots, timestamp, snapshot, targets, signing.now).map_err(|source| {
                Error::Trust { what: "clients would refuse the new metadata", source }
            })?;
        Ok(Self { files, repository })
    }
}

/// The field of the timestamp that says when it was signed; clients hold it against a clock that is behind.
const SIGNED: &str = "x-waystone-signed";

/// Versions before the first ones.
const NOTHING: Versions = Versions { root: 0, timestamp: 0, snapshot: 0, targets: 0 };

/// Signs one role after the other.
struct Press<'a> {
    root: Root,
    /// The published versions, raised for what is signed.
    versions: Versions,
    signing: Signing<'a>,
    files: Vec<(String, Bytes)>,
}

impl Press<'_> {
    fn root(&mut self) -> Result<Bytes> {
        self.root.version = raise(&mut self.versions.root, RoleName::Root)?;
        self.root.expires = time::expiry(self.signing.now, self.signing.policy.root)?;
        let bytes = sign(&self.root, RoleName::Root, &self.root, self.signing.keys)?;
        self.files.push((RoleName::Root.versioned(self.versions.root), bytes.clone()));
        self.files.push((RoleName::Root.file_name().to_owned(), bytes.clone()));
        Ok(bytes)
    }

    fn targets(&mut self, mut targets: Targets) -> Result<Bytes> {
        targets.version = raise(&mut self.versions.targets, RoleName::Targets)?;
        targets.expires = time::expiry(self.signing.now, self.signing.policy.targets)?;
        let bytes = sign(&targets, RoleName::Targets, &self.root, self.signing.keys)?;
        self.files.push((RoleName::Targets.versioned(self.versions.targets), bytes.clone()));
        Ok(bytes)
    }

    fn snapshot(&mut self, mut snapshot: Snapshot, targets: &Bytes) -> Result<Bytes> {
        snapshot.version = raise(&mut self.versions.snapshot, RoleName::Snapshot)?;
        snapshot.expires = time::expiry(self.signing.now, self.signing.policy.snapshot)?;
        let file = metafile(targets, self.versions.targets, RoleName::Targets)?;
        snapshot.meta.insert(RoleName::Targets.file_name().to_owned(), file);
        let bytes = sign(&snapshot, RoleName::Snapshot, &self.root, self.signing.keys)?;
        self.files.push((RoleName::Snapshot.versioned(self.versions.snapshot), bytes.clone()));
        Ok(bytes)
    }

    fn timestamp(&mut self, mut timestamp: Timestamp, snapshot: &Bytes) -> Result<Bytes> {
        timestamp.version = raise(&mut self.versions.timestamp, RoleName::Timestamp)?;
        timestamp.expires = time::expiry(self.signing.now, self.signing.policy.timestamp)?;
        let file = metafile(snapshot, self.versions.snapshot, RoleName::Snapshot)?;
        timestamp.meta.insert(RoleName::Snapshot.file_name().to_owned(), file);
        let signed = self.signing.now.to_rfc3339_opts(SecondsFormat::Secs, true);
        timestamp._extra.insert(SIGNED.to_owned(), signed.into());
        let bytes = sign(&timestamp, RoleName::Timestamp, &self.root, self.signing.keys)?;
        self.files.push((RoleName::Timestamp.file_name().to_owned(), bytes.clone()));
        Ok(bytes)
    }
}

fn raise(version: &mut u64, role: RoleName) -> Result<NonZeroU64> {
    *version = version.saturating_add(1);
    number(*version, role)
}

fn number(version: u64, role: RoleName) -> Result<NonZeroU64> {
    let reason = "its version is zero".to_owned();
    NonZeroU64::new(version).ok_or(Error::Schema { role, reason })
}

/// What names a file in the metadata above it.
fn metafile(bytes: &Bytes, version: u64, role: RoleName) -> Result<Metafile> {
    let sha256 = Sha256::of(bytes).as_bytes().to_vec().into();
    Ok(Metafile {
        length: u64::try_from(bytes.len()).ok(),
        hashes: Some(Hashes { sha256, _extra: HashMap::new() }),
        version: number(version, role)?,
        _extra: HashMap::new(),
    })
}

/// Does what a client will do.
fn accept(
    roots: impl IntoIterator<Item = Bytes>,
    timestamp: Bytes,
    snapshot: Bytes,
    targets: Bytes,
    now: DateTime<Utc>,
) -> trust::Result<Repository> {
    let mut roots = roots.into_iter();
    let mut phase = RootPhase::start(roots.next().unwrap_or_default())?;
    for root in roots {
        phase.advance(root)?;
    }
    let nothing = Known::nothing();
    phase.settle(now)?.accept(&nothing, timestamp)?.accept(&nothing, snapshot)?.accept(targets)
}

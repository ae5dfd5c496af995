//! What was kept for this boot: a local TUF repository, verified here and now.
//!
//! `updog` has kept the metadata and the targets as they were received (`docs/formats.md`, "What is kept for the next boot"). They are verified from the
//! root that came with the running image, without a network and without a clock: what had expired when the timestamp was signed is refused, what
//! expired since is not, for a boot must not depend on the publisher's calendar. `kept.json` is not read: which migrations run follows from the signed manifest.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use manifest::{Manifest, Migrations};
use trust::{Limits, RootPhase, Target, as_signed};

use crate::error::failed;
use crate::{Error, Result, Sealed};

/// Name of the manifest among the targets.
const MANIFEST: &str = "manifest.json";

/// Longest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 16 << 20;

/// Longest target of a migration that is read, in bytes.
const MAX_PACKED: u64 = 64 << 20;

/// Where migrations come from. What it gives was verified.
pub trait Source {
    /// The steps between versions.
    fn migrations(&self) -> &Migrations;

    /// A migration, verified and sealed.
    ///
    /// # Errors
    ///
    /// Fails when it is missing or not what was signed.
    fn program(&self, name: &str) -> Result<Sealed>;
}

/// A verified local repository.
#[derive(Debug)]
pub struct Repository {
    trusted: trust::Repository,
    manifest: Manifest,
    targets: PathBuf,
}

impl Repository {
    /// Verifies the metadata in `metadata` and the manifest in `targets`, from the root at `root`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when a file is not there, [`Error::Unverified`] when one is not what was signed.
    pub fn load(root: &Path, metadata: &Path, targets: &Path) -> Result<Self> {
        let trusted = below_root(newest_root(root, metadata)?, metadata)?;
        let targets = targets.to_owned();
        let manifest = trusted.target(MANIFEST);
        let manifest = manifest.ok_or_else(|| Error::NoTarget { name: MANIFEST.to_owned() })?;
        let manifest = verified(&targets, &manifest, MAX_MANIFEST)?;
        let manifest = Manifest::parse(&manifest).map_err(Error::Manifest)?;
        Ok(Self { trusted, manifest, targets })
    }
}

impl Source for Repository {
    fn migrations(&self) -> &Migrations {
        &self.manifest.migrations
    }

    fn program(&self, name: &str) -> Result<Sealed> {
        let target = self.trusted.target(name);
        let target = target.ok_or_else(|| Error::NoTarget { name: name.to_owned() })?;
        Sealed::new(name, &verified(&self.targets, &target, MAX_PACKED)?)
    }
}

/// Follows the roots from the one that came with the image to the newest that was kept.
fn newest_root(shipped: &Path, metadata: &Path) -> Result<RootPhase> {
    let limits = Limits::default();
    let absent = || failed("read", shipped)(ErrorKind::NotFound.into());
    let bytes = read(shipped, limits.root)?.ok_or_else(absent)?;
    let mut phase = RootPhase::start(bytes).map_err(unverified(shipped))?;
    for _ in 0..limits.root_rotations {
        let path = metadata.join(phase.next_file());
        let Some(bytes) = read(&path, limits.root)? else { break };
        phase.advance(bytes).map_err(unverified(&path))?;
    }
    Ok(phase)
}

fn below_root(root: RootPhase, metadata: &Path) -> Result<trust::Repository> {
    let read = |name: &str, limit| need(&metadata.join(name), limit);
    let refused = |name: &str, error| unverified(&metadata.join(name))(error);
    as_signed(root, &Limits::default(), read, refused)
}

/// The bytes of a target, whole and as signed.
fn verified(folder: &Path, target: &Target, limit: u64) -> Result<Bytes> {
    let file = target.path();
    if file.starts_with('.') || file.contains(['/', '\\', '\0']) {
        return Err(Error::Name { name: target.name().to_owned() });
    }
    if target.length() > limit {
        return Err(Error::Large { name: target.name().to_owned(), limit });
    }
    let path = folder.join(file);
    let bytes = need(&path, target.length())?;
    target.check(&bytes).map_err(unverified(&path))?;
    Ok(bytes)
}

fn need(path: &Path, limit: u64) -> Result<Bytes> {
    read(path, limit)?.ok_or_else(|| Error::Missing { path: path.to_owned() })
}

/// A file of at most `limit` bytes, if it is there.
fn read(path: &Path, limit: u64) -> Result<Option<Bytes>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let read = read.map_err(failed("read", path))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit {
        let name = path.display().to_string();
        return Err(unverified(path)(trust::Error::TooLong { name, limit }));
    }
    Ok(Some(bytes.into()))
}

fn unverified(path: &Path) -> impl FnOnce(trust::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Unverified { path, source }
}

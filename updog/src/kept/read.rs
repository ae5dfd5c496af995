//! From the generation that counts to what is verified again.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use manifest::Manifest;
use trust::{Limits, Repository, Role, RootPhase, Target, as_signed};

use super::error::{damaged, reading, unverified};
use super::record::{self, Record};
use super::{
    CURRENT, GENERATION, KeptError, MANIFEST, METADATA, TARGETS, Wanted, metadata_directory,
    migration_directory, plain,
};
use crate::plan;

/// Longest record that is read, in bytes.
const MAX_RECORD: u64 = 64 << 10;

/// What is kept, verified in this run.
#[derive(Debug)]
pub struct Kept {
    /// Between which versions it leads.
    pub record: Record,
    /// The verified metadata.
    pub repository: Repository,
    /// The verified manifest.
    pub manifest: Manifest,
    /// The migrations on the way, in the order of a step up, each whole.
    pub migrations: Vec<Target>,
    /// The generation's folder, with `metadata` and `targets`.
    pub folder: PathBuf,
}

impl Kept {
    /// What a migrator is given as its metadata: a local TUF repository.
    pub fn metadata_directory(&self) -> PathBuf {
        metadata_directory(&self.folder)
    }

    /// What a migrator is given as its migrations: the targets of that repository.
    pub fn migration_directory(&self) -> PathBuf {
        migration_directory(&self.folder)
    }
}

/// Verifies what is kept in `folder`, from the root that came with the running image, without a network and without
/// a clock. Every byte of every target is compared.
///
/// # Errors
///
/// [`KeptError::Damaged`] when something is missing, [`KeptError::Unverified`] when something is not what was signed.
pub fn load(folder: &Path, shipped_root: &[u8]) -> Result<Option<Kept>, KeptError> {
    let Some(_lock) = lock(folder)? else { return Ok(None) };
    let Some(name) = current(folder)? else { return Ok(None) };
    let generation = Generation { folder: folder.join(name) };
    generation.load(Bytes::copy_from_slice(shipped_root)).map(Some)
}

/// A metadata file of the generation that counts, not verified; nothing if it cannot be had.
pub(crate) fn metadata(folder: &Path, name: &str, limit: u64) -> Option<Bytes> {
    let generation = folder.join(current(folder).ok()??);
    file(&generation.join(METADATA).join(plain(name).ok()?), limit).ok()?
}

/// Name of the generation that counts.
pub(super) fn current(folder: &Path) -> Result<Option<String>, KeptError> {
    let link = folder.join(CURRENT);
    let to = match fs::read_link(&link) {
        Ok(to) => to,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            return Err(damaged(&link, "it is no link"));
        }
        Err(error) => return Err(reading(&link)(error)),
    };
    let name = to.to_str().filter(|name| name.starts_with(GENERATION) && !name.contains('/'));
    name.map(|name| Some(name.to_owned())).ok_or_else(|| {
        damaged(&link, format_args!("it leads to {}, which is no generation", to.display()))
    })
}

/// Whether a generation holds exactly this, whole.
pub(super) fn holds(folder: &Path, wanted: &Wanted) -> bool {
    let generation = Generation { folder: folder.to_owned() };
    let same = |path: &Path, bytes: &[u8]| {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        file(path, length).is_ok_and(|kept| kept.as_deref() == Some(bytes))
    };
    let metadata = |(name, bytes): &(String, Bytes)| same(&generation.metadata(name), bytes);
    same(&folder.join(record::FILE), &wanted.record.to_json())
        && count(&folder.join(METADATA)) == Some(wanted.metadata.len())
        && count(&folder.join(TARGETS)) == Some(wanted.targets.len())
        && wanted.metadata.iter().all(metadata)
        && wanted.targets.iter().all(|target| generation.target(target).is_ok())
}

fn count(folder: &Path) -> Option<usize> {
    fs::read_dir(folder).ok().map(Iterator::count)
}

/// Any number of readers at a time, and no writer beside them; nothing if there is no folder.
fn lock(folder: &Path) -> Result<Option<File>, KeptError> {
    let handle = match File::open(folder) {
        Ok(handle) => handle,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reading(folder)(error)),
    };
    match handle.try_lock_shared() {
        Ok(()) => Ok(Some(handle)),
        Err(TryLockError::WouldBlock) => Err(KeptError::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(reading(folder)(error)),
    }
}

/// A file of at most `limit` bytes, if it is there.
fn file(path: &Path, limit: u64) -> Result<Option<Bytes>, KeptError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reading(path)(error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(reading(path))?;
    match u64::try_from(read) {
        Ok(read) if read <= limit => Ok(Some(bytes.into())),
        _ => Err(damaged(path, format_args!("it is longer than {limit} bytes"))),
    }
}

/// A file that has to be there.
fn need(path: &Path, limit: u64) -> Result<Bytes, KeptError> {
    file(path, limit)?.ok_or_else(|| damaged(path, "it is missing"))
}

struct Generation {
    folder: PathBuf,
}

impl Generation {
    fn metadata(&self, name: &str) -> PathBuf {
        self.folder.join(METADATA).join(name)
    }

    fn load(self, shipped_root: Bytes) -> Result<Kept, KeptError> {
        let path = self.folder.join(record::FILE);
        let record = Record::parse(&need(&path, MAX_RECORD)?);
        let record = record.map_err(|problem| damaged(&path, problem))?;
        let root = self.root(shipped_root, &record)?;
        let repository = self.below_root(root)?;
        let path = self.folder.join(TARGETS);
        let missing = || damaged(&path, "its metadata lists no manifest.json");
        let bytes = self.target(&repository.target(MANIFEST).ok_or_else(missing)?)?;
        let manifest = Manifest::parse(&bytes).map_err(|error| damaged(&path, error))?;
        let migrations = self.migrations(&record, &repository, &manifest)?;
        Ok(Kept { record, repository, manifest, migrations, folder: self.folder })
    }

    /// Follows the roots from the one that came with the image to the newest that is kept.
    fn root(&self, shipped: Bytes, record: &Record) -> Result<RootPhase, KeptError> {
        let folder = self.folder.join(METADATA);
        let mut phase = RootPhase::start(shipped).map_err(unverified(&folder))?;
        let limit = Limits::default().root;
        while phase.root().version() < record.root {
            let path = self.metadata(&phase.next_file());
            phase.advance(need(&path, limit)?).map_err(unverified(&path))?;
        }
        Ok(phase)
    }

    fn below_root(&self, root: RootPhase) -> Result<Repository, KeptError> {
        let read = |name: &str, limit| need(&self.metadata(name), limit);
        let refused = |name: &str, error| unverified(&self.metadata(name))(error);
        as_signed(root, &Limits::default(), read, refused)
    }

    /// The migrations that the signed manifest names for the way, each compared.
    fn migrations(
        &self,
        record: &Record,
        repository: &Repository,
        manifest: &Manifest,
    ) -> Result<Vec<Target>, KeptError> {
        let names = plan::migrations(manifest, &record.from, &record.version)
            .map_err(|error| damaged(&self.folder, error))?;
        let find = |name: &String| {
            let target = repository.target(name).ok_or_else(|| {
                damaged(&self.folder, format_args!("its metadata does not list {name}"))
            })?;
            self.target(&target).map(|_| target)
        };
        names.iter().map(find).collect()
    }

    /// The bytes of a target, whole and as signed.
    fn target(&self, target: &Target) -> Result<Bytes, KeptError> {
        let path = self.folder.join(TARGETS).join(plain(&target.path())?);
        let bytes = need(&path, target.length())?;
        target.check(&bytes).map_err(unverified(&path))?;
        Ok(bytes)
    }
}

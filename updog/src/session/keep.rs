//! What of a session is kept for the next boot.

use std::path::Path;

use bytes::Bytes;
use trust::{Fetched, Limits, MetadataSource, Role, RoleName, RootPhase, SourceError, Target};

use super::{Session, Small};
use crate::config::Settings;
use crate::error::Error;
use crate::kept::{self, MANIFEST, Record, Wanted};
use crate::mirrors::Setback;
use crate::plan::Plan;

impl Session {
    /// Keeps what the next boot needs for `plan`: metadata, the manifest and the migrations, the bytes that were verified. `approve` is given
    /// their folder before they count.
    ///
    /// # Errors
    ///
    /// Fails when something cannot be fetched or is not the signed one, the folder cannot be written, or `approve` does.
    pub fn keep(
        &self,
        settings: &Settings,
        plan: &Plan,
        approve: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let folder = &settings.paths.migrations;
        let root = self.repository.versions().root;
        let manifest = self.repository.target(MANIFEST).ok_or(Error::NoManifest)?;
        let wanted = Wanted {
            record: Record::new(plan.from.clone(), plan.version.clone(), root),
            metadata: self.metadata(folder)?,
            targets: [vec![manifest], plan.migrations.clone()].concat(),
        };
        let small = Small { runtime: &self.runtime, mirrors: &self.mirrors };
        let fetch = |target: &Target| match target.name() {
            MANIFEST => Ok(self.manifest_bytes.clone()),
            _ => small.target(target),
        };
        kept::keep(folder, &wanted, fetch, approve, &mut |_| Ok(())).map(drop)
    }

    /// The verified metadata by the names that the files have in a repository.
    fn metadata(&self, kept: &Path) -> Result<Vec<(String, Bytes)>, Error> {
        let (repository, versions) = (&self.repository, self.repository.versions());
        let name = |role: RoleName, version| match repository.root_metadata().consistent_snapshot()
        {
            true => role.versioned(version),
            false => role.file_name().to_owned(),
        };
        let timestamp = RoleName::Timestamp.file_name().to_owned();
        let snapshot = name(RoleName::Snapshot, versions.snapshot);
        let targets = name(RoleName::Targets, versions.targets);
        let mut files = self.roots(kept)?;
        files.push((timestamp, repository.timestamp_metadata().bytes().clone()));
        files.push((snapshot, repository.snapshot_metadata().bytes().clone()));
        files.push((targets, repository.targets_metadata().bytes().clone()));
        Ok(files)
    }

    /// The roots up to the newest, each vouched for by the one before, from the first that the repository still has: an image
    /// that came with an older root than this one may boot next, too.
    fn roots(&self, kept: &Path) -> Result<Vec<(String, Bytes)>, Error> {
        let shipped = RootPhase::start(self.shipped_root.clone()).map_err(Error::Trust)?;
        let shipped = shipped.root().version();
        let newest = self.repository.root_metadata();
        let most = u64::from(Limits::default().root_rotations);
        let mut chain = Chain::default();
        for version in newest.version().saturating_sub(most).max(1)..newest.version() {
            let name = RoleName::Root.versioned(version);
            if version == shipped {
                chain.add(name, self.shipped_root.clone())?;
            } else if !self.root(kept, &name, &mut chain)? {
                match version < shipped {
                    true => chain = Chain::default(),
                    false => return Err(Error::Trust(trust::Error::Missing { name })),
                }
            }
        }
        chain.add(RoleName::Root.versioned(newest.version()), newest.bytes().clone())?;
        Ok(chain.roots)
    }

    /// Adds one root, if there is one: as it is kept already, or else as the repository has it.
    fn root(&self, kept: &Path, name: &str, chain: &mut Chain) -> Result<bool, Error> {
        let limit = Limits::default().root;
        let known = kept::metadata(kept, name, limit);
        if known.is_some_and(|bytes| chain.add(name.to_owned(), bytes).is_ok()) {
            return Ok(true);
        }
        let failed = |error: SourceError| Setback::Mirror(Error::Trust(error.into()));
        self.mirrors.ask(|mirror| {
            match self.runtime.block_on(mirror.fetch(name, limit)).map_err(failed)? {
                Fetched::Bytes(bytes) => {
                    chain.add(name.to_owned(), bytes).map_err(Setback::Mirror)?;
                    Ok(true)
                }
                Fetched::Absent => Ok(false),
            }
        })
    }
}

/// Roots, each of which vouches for the next.
#[derive(Default)]
struct Chain {
    last: Option<RootPhase>,
    roots: Vec<(String, Bytes)>,
}

impl Chain {
    fn add(&mut self, name: String, bytes: Bytes) -> Result<(), Error> {
        match &mut self.last {
            Some(last) => drop(last.advance(bytes.clone()).map_err(Error::Trust)?),
            None => self.last = Some(RootPhase::start(bytes.clone()).map_err(Error::Trust)?),
        }
        self.roots.push((name, bytes));
        Ok(())
    }
}

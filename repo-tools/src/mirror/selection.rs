//! What goes into a bundle.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use manifest::{Manifest, Update};
use semver::Version;
use trust::{Repository, Role, RoleName, Target};

use super::checked::Checked;
use crate::files::{reading, writing};
use crate::layout::MANIFEST;
use crate::publish::is_flat;
use crate::published::load_manifest;
use crate::verify::{file, verify};
use crate::{Error, Layout, Result};

/// Which releases; what is left out may be anything.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Their versions.
    pub versions: Vec<Version>,
    /// Their variant.
    pub variant: Option<String>,
    /// Their architecture.
    pub arch: Option<String>,
}

/// The files of a bundle, none of them written yet.
#[derive(Debug)]
pub struct Selection {
    layout: Layout,
    pub(super) repository: Repository,
    pub(super) releases: Vec<String>,
    /// By their names in the bundle.
    pub(super) files: BTreeMap<String, Content>,
}

/// What a file of a bundle holds.
#[derive(Debug)]
pub(super) enum Content {
    /// Verified metadata.
    Metadata(Bytes),
    /// A target, to be compared when it is copied.
    Target(Target),
}

/// Verifies the repository as of `now` and chooses what goes into a bundle.
///
/// # Errors
///
/// Refuses a repository that a host would refuse at that time; fails if no release is of a version that was chosen, or of the
/// variant and architecture.
pub fn select(layout: &Layout, choice: &Choice, now: DateTime<Utc>) -> Result<Selection> {
    let repository = verify(layout, now)?;
    let manifest = load_manifest(layout, &repository)?;
    let updates = choice.updates(&manifest)?;
    let mut files = metadata(layout, &repository)?;
    files.extend(targets(&repository, &manifest, &updates)?);
    let releases = updates.iter().map(|update| update.label()).collect();
    Ok(Selection { layout: layout.clone(), repository, releases, files })
}

impl Choice {
    fn updates<'m>(&self, manifest: &'m Manifest) -> Result<Vec<&'m Update>> {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let fits =
            |update: &&Update| is(&self.variant, &update.variant) && is(&self.arch, &update.arch);
        let mut updates: Vec<&Update> = manifest.updates.iter().filter(fits).collect();
        if updates.is_empty() && (self.variant.is_some() || self.arch.is_some()) {
            let hosts = [&self.variant, &self.arch].map(|name| name.as_deref().unwrap_or("any"));
            return Err(Error::NoRelease(format!("for {}", hosts.join(" "))));
        }
        if let Some(missing) =
            self.versions.iter().find(|version| updates.iter().all(|it| it.version != **version))
        {
            return Err(Error::NoRelease(missing.to_string()));
        }
        if !self.versions.is_empty() {
            updates.retain(|update| self.versions.contains(&update.version));
        }
        Ok(updates)
    }
}

/// The metadata files, as a host will ask for them.
fn metadata(layout: &Layout, repository: &Repository) -> Result<BTreeMap<String, Content>> {
    let root = repository.root_metadata();
    let versioned = |role: RoleName, version| match root.consistent_snapshot() {
        true => role.versioned(version),
        false => role.file_name().to_owned(),
    };
    let versions = repository.versions();
    let mut files: Vec<(String, Bytes)> = Vec::new();
    for version in 1..root.version() {
        let name = RoleName::Root.versioned(version);
        // It was there when the way to the newest root was followed.
        let missing = || Error::NoRepository(layout.metadata().to_owned());
        files.push((name.clone(), file(layout, &name)?.ok_or_else(missing)?));
    }
    let timestamp = RoleName::Timestamp.file_name().to_owned();
    let snapshot = versioned(RoleName::Snapshot, versions.snapshot);
    let targets = versioned(RoleName::Targets, versions.targets);
    files.push((RoleName::Root.versioned(root.version()), root.bytes().clone()));
    files.push((timestamp, repository.timestamp_metadata().bytes().clone()));
    files.push((snapshot, repository.snapshot_metadata().bytes().clone()));
    files.push((targets, repository.targets_metadata().bytes().clone()));
    let named = |(name, bytes)| (format!("metadata/{name}"), Content::Metadata(bytes));
    Ok(files.into_iter().map(named).collect())
}

/// The manifest, the images and frames of `updates`, all packs that lead to them, and every migration.
fn targets(
    repository: &Repository,
    manifest: &Manifest,
    updates: &[&Update],
) -> Result<BTreeMap<String, Content>> {
    let images = updates.iter().flat_map(|update| update.images.names());
    let migrations = manifest.migrations.iter().flat_map(|(_, _, names)| names);
    // The hosts that come are those of other releases, which were not chosen.
    let packs = updates.iter().flat_map(|update| &update.packs).map(|pack| pack.target.as_str());
    let frames = updates.iter().filter_map(|update| update.frames.as_ref());
    let frames = frames.flat_map(|frames| frames.names());
    let names =
        images.chain(packs).chain(frames).chain(migrations.map(String::as_str)).chain([MANIFEST]);
    let mut files = BTreeMap::new();
    for name in names {
        let unlisted = || Error::Unlisted(name.to_owned());
        let target = repository.target(name).ok_or_else(unlisted)?;
        if !is_flat(name) {
            return Err(Error::TargetName(name.to_owned()));
        }
        files.insert(format!("targets/{}", target.path()), Content::Target(target));
    }
    Ok(files)
}

impl Content {
    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Metadata(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Target(target) => target.length(),
        }
    }
}

impl Selection {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(Content::length).fold(0, u64::saturating_add)
    }

    /// Number of targets.
    pub(super) fn targets(&self) -> usize {
        self.files.values().filter(|content| matches!(content, Content::Target(_))).count()
    }

    /// Gives the bytes of a file to `take`, which must read them to their end. A target that is not the signed one is an error, however
    /// far `take` has come by then; what `take` says itself is one of writing `path`.
    pub(super) fn give(
        &self,
        content: &Content,
        path: &std::path::Path,
        progress: &dyn Fn(u64),
        take: impl FnOnce(&mut dyn Read) -> io::Result<()>,
    ) -> Result<()> {
        match content {
            Content::Metadata(bytes) => take(&mut &bytes[..]).map_err(writing(path)),
            Content::Target(target) => {
                let source = self.layout.targets().join(target.path());
                let file = File::open(&source).map_err(reading(&source))?;
                let mut checked = Checked::new(file, &source, target, progress);
                let taken = take(&mut checked);
                checked.finish()?;
                taken.map_err(writing(path))
            }
        }
    }

    /// Gives the bytes of a file to `out`.
    pub(super) fn copy(
        &self,
        content: &Content,
        path: &std::path::Path,
        out: &mut impl Write,
        progress: &dyn Fn(u64),
    ) -> Result<()> {
        self.give(content, path, progress, |bytes| io::copy(bytes, out).map(drop))
    }
}

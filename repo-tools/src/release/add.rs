//! `release add`: from a build's folder to a release that hosts see.

use std::fmt;
use std::path::PathBuf;

use cli::ByteCount;
use manifest::{Manifest, Schedule, Update};
use semver::Version;
use serde::Serialize;

use super::{migrations, same_hosts};
use crate::files::Observer;
use crate::parts::{Image, Parts};
use crate::publish::{Author, Change};
use crate::refresh::RoleVersions;
use crate::{Depth, Error, Result};

/// A release that is to be published.
#[derive(Clone, Debug)]
pub struct Add {
    /// Folder of the build, with `build-report.json`.
    pub parts: PathBuf,
    /// When it reaches whom; everyone at once if nothing is said.
    pub schedule: Option<Schedule>,
    /// Folder with `migrations.toml` and the migrations that it names.
    pub migrations: Option<PathBuf>,
    /// The highest version that hosts may run; the highest release if nothing is said.
    pub max_version: Option<Version>,
    /// Takes the place of a release of the same version, whatever that holds.
    pub replace: bool,
    /// Does not look whether the images decompress to what the report says.
    pub unchecked: bool,
}

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The repository was changed.
    Done,
    /// The repository was so already.
    NothingToDo,
}

/// What `release add` did.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// Whether anything was done.
    pub outcome: Outcome,
    /// Variant.
    pub variant: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: Version,
    /// The highest version that hosts may run.
    pub max_version: Version,
    /// The release's targets.
    pub targets: Vec<AddedTarget>,
    /// When the first and the last host may take it; nothing: at once.
    pub from: Option<String>,
    /// When all hosts may.
    pub until: Option<String>,
    /// Versions of the metadata now.
    pub versions: RoleVersions,
}

/// One target of an added release.
#[derive(Clone, Debug, Serialize)]
pub struct AddedTarget {
    /// Name of the target.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
    /// Digest.
    pub sha256: String,
    /// Whether it was not in the repository yet.
    pub is_new: bool,
}

/// Publishes a release.
///
/// # Errors
///
/// Nothing is visible, or changed for readers, unless this returns `Ok`.
pub fn add(author: &Author, add: &Add, observer: &mut dyn Observer) -> Result<Added> {
    let mut change = Change::begin(author)?;
    let parts = Parts::load(&add.parts)?;
    let update = with_waves(parts.update()?, add.schedule.as_ref());
    let images = parts.images()?;
    let steps = add.migrations.as_deref().map(migrations::load).transpose()?;
    let versions = change.published.repository.versions();
    let is_published = images.iter().all(|image| is_target(&change, image));
    let entry = enter(&mut change.published.manifest, update, add, is_published)?;
    let have_steps = steps.as_ref().is_none_or(|steps| steps.are_in(&change.published));
    let mut added = Added::new(&entry, &images, versions.into());
    if entry.is_same && have_steps {
        return Ok(added);
    }
    change.can_sign(Depth::Targets)?;
    for (image, target) in images.iter().zip(&mut added.targets) {
        let targets = author.layout.targets();
        target.is_new = parts.copy(image, targets, add.unchecked, observer)?;
        change.enter(&image.name, image.report.transport.length, image.sha256)?;
    }
    if let Some(steps) = steps {
        steps.publish(&mut change, add.replace, observer)?;
    }
    change.write_manifest(observer)?;
    added.versions = change.publish(Depth::Targets, observer)?.into();
    added.outcome = Outcome::Done;
    Ok(added)
}

fn with_waves(mut update: Update, schedule: Option<&Schedule>) -> Update {
    let schedule = schedule.cloned().unwrap_or_default();
    update.waves = schedule.waves;
    update.waves_end = schedule.waves_end;
    update
}

/// Whether the image is a target already.
fn is_target(change: &Change<'_>, image: &Image<'_>) -> bool {
    let target = change.published.repository.target(&image.name);
    target.is_some_and(|target| target.sha256() == Some(image.sha256))
}

/// A release in its place.
#[derive(Debug)]
struct Entry {
    update: Update,
    /// It was there already.
    is_same: bool,
}

/// Puts a release into the manifest, and lets the other releases for the same hosts know its version.
///
/// `is_published` says whether its targets are those of the repository.
fn enter(manifest: &mut Manifest, new: Update, add: &Add, is_published: bool) -> Result<Entry> {
    let place =
        manifest.updates.iter().position(|old| same_hosts(old, &new) && old.version == new.version);
    if let Some(old) = place.map(|place| &manifest.updates[place])
        && !add.replace
    {
        refuse_other(old, &new, add.schedule.is_some(), is_published)?;
        return Ok(Entry { update: old.clone(), is_same: true });
    }
    let mut update = new;
    update.max_version = max_version(manifest, &update, add.max_version.as_ref())?;
    for other in manifest.updates.iter_mut().filter(|other| same_hosts(other, &update)) {
        // A host above another release's max_version would be sent back to that release. One that was
        // withdrawn stays so.
        if other.is_offered() && other.max_version < update.max_version {
            other.max_version = update.max_version.clone();
        }
    }
    match place {
        Some(place) => manifest.updates[place] = update.clone(),
        None => manifest.updates.push(update.clone()),
    }
    Ok(Entry { update, is_same: false })
}

/// Refuses a release that is published as another one.
fn refuse_other(old: &Update, new: &Update, has_waves: bool, is_published: bool) -> Result<()> {
    let label = old.label();
    if !old.is_offered() {
        return Err(Error::WasWithdrawn(label));
    }
    if !is_published || old.images != new.images || old.contents != new.contents {
        return Err(Error::Different(label));
    }
    if has_waves && old.schedule() != new.schedule() {
        return Err(Error::OtherWaves(label));
    }
    Ok(())
}

/// The highest version that hosts of the new release may run.
fn max_version(manifest: &Manifest, new: &Update, given: Option<&Version>) -> Result<Version> {
    if let Some(max_version) = given {
        if *max_version < new.version {
            let (max_version, version) = (max_version.clone(), new.version.clone());
            return Err(Error::MaxVersion { max_version, version });
        }
        return Ok(max_version.clone());
    }
    let others = manifest.updates.iter().filter(|old| same_hosts(old, new) && old.is_offered());
    let highest = others.map(|old| old.max_version.clone()).max();
    Ok(highest.unwrap_or_else(|| new.version.clone()).max(new.version.clone()))
}

impl Added {
    fn new(entry: &Entry, images: &[Image<'_>], versions: RoleVersions) -> Self {
        let update = &entry.update;
        let waves = update.schedule().waves();
        let targets = images.iter().map(|image| AddedTarget {
            name: image.name.clone(),
            length: image.report.transport.length,
            sha256: image.sha256.to_string(),
            is_new: false,
        });
        Self {
            outcome: Outcome::NothingToDo,
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            version: update.version.clone(),
            max_version: update.max_version.clone(),
            targets: targets.collect(),
            from: waves.first().map(|wave| crate::time::stamp(wave.start)),
            until: waves.last().map(|wave| crate::time::stamp(wave.end)),
            versions,
        }
    }
}

impl fmt::Display for Added {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, arch, version, .. } = self;
        let verb = match self.outcome {
            Outcome::Done => "published ",
            Outcome::NothingToDo => "unchanged ",
        };
        writeln!(out, "{verb} {variant} {arch} {version}")?;
        for target in &self.targets {
            let note = if target.is_new { "" } else { "  (there already)" };
            writeln!(out, "  {}  {}{note}", target.name, ByteCount(target.length))?;
        }
        match (&self.from, &self.until) {
            (Some(from), Some(until)) => write!(out, "  to all hosts between {from} and {until}"),
            _ => write!(out, "  to all hosts at once"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn update(version: &str) -> Update {
        let json = format!(
            r#"{{"variant":"v","arch":"a","version":"{version}","max_version":"{version}","waves":{{}},
                "images":{{"boot":"b","root":"r","hash":"h"}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn options() -> Add {
        Add {
            parts: PathBuf::new(),
            schedule: None,
            migrations: None,
            max_version: None,
            replace: false,
            unchecked: false,
        }
    }

    fn manifest(versions: &[&str]) -> Manifest {
        let mut manifest = Manifest::default();
        for version in versions {
            enter(&mut manifest, update(version), &options(), false).unwrap();
        }
        manifest
    }

    fn max_versions(manifest: &Manifest) -> Vec<String> {
        manifest.updates.iter().map(|update| update.max_version.to_string()).collect()
    }

    #[test]
    fn older_releases_allow_the_newer_version() {
        assert_eq!(max_versions(&manifest(&["1.0.0", "1.2.0", "1.1.0"])), ["1.2.0"; 3]);
    }

    #[test]
    fn releases_for_other_hosts_are_left_alone() {
        let mut manifest = manifest(&["1.0.0"]);
        let other = Update { arch: "other".into(), ..update("2.0.0") };
        enter(&mut manifest, other, &options(), false).unwrap();
        assert_eq!(max_versions(&manifest), ["1.0.0", "2.0.0"]);
    }

    #[test]
    fn a_withdrawn_release_stays_withdrawn_when_a_newer_one_comes() {
        let mut manifest = manifest(&["1.0.0", "1.1.0"]);
        manifest.updates[1].max_version = Version::new(1, 0, 0);
        manifest.updates[0].max_version = Version::new(1, 0, 0);
        enter(&mut manifest, update("1.2.0"), &options(), false).unwrap();
        assert_eq!(max_versions(&manifest), ["1.2.0", "1.0.0", "1.2.0"]);
        let again = enter(&mut manifest, update("1.1.0"), &options(), true).unwrap_err();
        assert!(matches!(again, Error::WasWithdrawn(_)), "{again}");
        let replace = Add { replace: true, ..options() };
        enter(&mut manifest, update("1.1.0"), &replace, true).unwrap();
        assert_eq!(max_versions(&manifest), ["1.2.0", "1.2.0", "1.2.0"]);
    }

    #[test]
    fn the_same_release_again_is_nothing_to_do_and_another_is_refused() {
        let mut manifest = manifest(&["1.0.0"]);
        let before = manifest.clone();
        assert!(enter(&mut manifest, update("1.0.0"), &options(), true).unwrap().is_same);
        let other = enter(&mut manifest, update("1.0.0"), &options(), false).unwrap_err();
        assert!(matches!(other, Error::Different(_)), "{other}");
        assert_eq!(manifest, before);
    }

    #[test]
    fn a_highest_version_below_the_release_is_refused() {
        let add = Add { max_version: Some(Version::new(0, 9, 0)), ..options() };
        let error = enter(&mut Manifest::default(), update("1.0.0"), &add, false).unwrap_err();
        assert!(matches!(error, Error::MaxVersion { .. }), "{error}");
    }
}

//! `release add`: from a build's folder to a release that hosts see.

use std::collections::BTreeSet;
use std::path::PathBuf;

use manifest::{Manifest, Pack, Schedule, Update};
use semver::Version;

use super::added::{Added, Outcome};
use super::lacking::{Lacking, Made};
use super::migrations::{self, Release};
use super::same_hosts;
use crate::files::Observer;
use crate::frames::{self, Form, Framing};
use crate::obstacle::Unfit;
use crate::packs::Packing;
use crate::parts::{Image, Parts};
use crate::publish::{Author, Change};
use crate::unpacked::Files;
use crate::{Depth, Error, Result};

/// A release that is to be published.
#[derive(Clone, Debug)]
pub struct Add {
    /// Folder of the build, with `build-report.json`.
    pub parts: PathBuf,
    /// When it reaches whom; everyone at once if nothing is said.
    pub schedule: Option<Schedule>,
    /// Folder with migrations, and `migrations.toml` if they are not one step from the release before.
    pub migrations: Option<PathBuf>,
    /// The highest version that hosts may run; the highest release if nothing is said.
    pub max_version: Option<Version>,
    /// Takes the place of a release of the same version, whatever that holds.
    pub replace: bool,
    /// Does not look whether the images decompress to what the report says.
    pub unchecked: bool,
    /// Packs from older releases.
    pub packing: Packing,
    /// In which form the images are published.
    pub framing: Framing,
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
    let release = Release { version: update.version.clone(), before: before(&change, &update) };
    let steps = add.migrations.as_deref().map(|folder| migrations::load(folder, &release));
    let steps = steps.transpose()?;
    let versions = change.published.repository.versions();
    let is_published = images.iter().all(|image| is_target(&change, image));
    let mut entry = enter(&mut change.published.manifest, update, add, is_published)?;
    let have_steps = steps.as_ref().is_none_or(|steps| steps.are_in(&change.published));
    let is_there = entry.is_same && have_steps;
    let lacking = Lacking::of(&change, &entry.update, add);
    if is_there && lacking.is_nothing() {
        let added = Added::new(&change, &entry.update, &[], versions.into());
        return Ok(added.with_gaps(&change.published.manifest));
    }
    change.can_sign(Depth::Targets)?;
    let mut new = Vec::new();
    if !is_there && !frames::are_images(&entry.update) {
        new = copy(&mut change, &parts, &images, add.unchecked, observer)?;
    }
    let files = entry.files(&change, &parts)?;
    let made = lacking.make(&mut change, &entry.update, files, add, observer)?;
    let is_new = !is_there || made.is_something();
    entry.take(&mut change, &made);
    new.extend_from_slice(&made.new);
    let mut added = Added::new(&change, &entry.update, &new, versions.into());
    (added.without_frames, added.without_pack) = (made.without_frames, made.without_pack);
    if !is_new {
        return Ok(added.with_gaps(&change.published.manifest));
    }
    if let Some(steps) = steps {
        steps.publish(&mut change, add.replace, observer)?;
    }
    added = added.with_gaps(&change.published.manifest);
    change.write_manifest(observer)?;
    added.versions = change.publish(Depth::Targets, observer)?.into();
    added.outcome = Outcome::Done;
    Ok(added)
}

/// The newest release for the same hosts that is older.
fn before(change: &Change<'_>, update: &Update) -> Option<Version> {
    let updates = change.published.manifest.updates.iter();
    let older = updates.filter(|other| same_hosts(other, update) && other.version < update.version);
    older.map(|other| other.version.clone()).max()
}

/// Copies the images, and has them be targets. Names those that were not there yet.
fn copy(
    change: &mut Change<'_>,
    parts: &Parts,
    images: &[Image<'_>],
    unchecked: bool,
    observer: &mut dyn Observer,
) -> Result<Vec<String>> {
    let mut new = Vec::new();
    for image in images {
        if parts.copy(image, change.layout().targets(), unchecked, observer)? {
            new.push(image.name.clone());
        }
        change.enter(&image.name, image.report.transport.length, image.sha256)?;
    }
    Ok(new)
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
    /// Where it is in the manifest.
    place: usize,
    /// It was there already.
    is_same: bool,
    /// Targets of the release whose place it took.
    replaced: Vec<String>,
}

impl Entry {
    /// Where the compressed images are: as targets, unless they are to be frames that are made of the build.
    fn files(&self, change: &Change<'_>, parts: &Parts) -> Result<Result<Files, Unfit>> {
        match frames::are_images(&self.update) && !self.is_same {
            true => parts.files().map(Ok),
            false => Ok(Files::of_targets(change, &self.update)),
        }
    }

    /// Has what was made in the manifest beside what is there, and no targets of a release that was replaced which nothing names now.
    fn take(&mut self, change: &mut Change<'_>, made: &Made) {
        let is_new = |pack: &Pack| made.packs.iter().any(|new| new.target == pack.target);
        let Update { packs, frames, .. } = &mut self.update;
        packs.retain(|pack| !is_new(pack));
        packs.extend_from_slice(&made.packs);
        packs.sort_by(|left, right| right.from.cmp(&left.from));
        *frames = made.frames.clone().or(frames.take());
        let updates = &mut change.published.manifest.updates;
        updates[self.place].packs.clone_from(packs);
        updates[self.place].frames.clone_from(frames);
        let named: BTreeSet<String> = updates.iter().flat_map(targets).collect();
        for gone in self.replaced.iter().filter(|name| !named.contains(*name)) {
            change.leave(gone);
        }
    }
}

/// The targets of a release.
fn targets(update: &Update) -> impl Iterator<Item = String> {
    let packs = update.packs.iter().map(|pack| pack.target.as_str());
    let frames = update.frames.iter().flat_map(|frames| frames.names());
    update.images.names().into_iter().chain(packs).chain(frames).map(str::to_owned)
}

/// Puts a release into the manifest, and lets the other releases for the same hosts know its version.
///
/// `is_published` says whether its targets are those of the repository.
fn enter(manifest: &mut Manifest, new: Update, add: &Add, is_published: bool) -> Result<Entry> {
    let place =
        manifest.updates.iter().position(|old| same_hosts(old, &new) && old.version == new.version);
    if let Some(place) = place
        && !add.replace
    {
        let old = &manifest.updates[place];
        refuse_other(old, &new, add.schedule.is_some(), is_published)?;
        return Ok(Entry { update: old.clone(), place, is_same: true, replaced: Vec::new() });
    }
    let mut update = new;
    if add.framing.form == Form::Frames {
        update.images = frames::image_names(&update);
    }
    update.max_version = max_version(manifest, &update, add.max_version.as_ref())?;
    for other in manifest.updates.iter_mut().filter(|other| same_hosts(other, &update)) {
        // A host above another release's max_version would be sent back to that release. One that was
        // withdrawn stays so.
        if other.is_offered() && other.max_version < update.max_version {
            other.max_version = update.max_version.clone();
        }
    }
    let place = place.unwrap_or(manifest.updates.len());
    let mut replaced = Vec::new();
    match manifest.updates.get_mut(place) {
        Some(old) => replaced = targets(&std::mem::replace(old, update.clone())).collect(),
        None => manifest.updates.push(update.clone()),
    }
    Ok(Entry { update, place, is_same: false, replaced })
}

/// Refuses a release that is published as another one.
fn refuse_other(old: &Update, new: &Update, has_waves: bool, is_published: bool) -> Result<()> {
    let label = old.label();
    if !old.is_offered() {
        return Err(Error::WasWithdrawn(label));
    }
    // Frames are known by what they give; the form of what is published does not change.
    let is_same = frames::are_images(old) || (is_published && old.images == new.images);
    if !is_same || old.contents != new.contents {
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
            packing: Packing::default(),
            framing: Framing::default(),
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

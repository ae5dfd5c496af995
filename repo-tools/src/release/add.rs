//! `release add`: from a build's folder to a release that hosts see.

use std::path::PathBuf;

use manifest::{Manifest, Pack, Schedule, Update};
use semver::Version;

use super::added::{Added, AddedTarget, Outcome};
use super::{migrations, same_hosts};
use crate::files::Observer;
use crate::packs::{self, AddedPack, Packed, Packing};
use crate::parts::{Image, Parts};
use crate::publish::{Author, Change};
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
    /// Packs from older releases.
    pub packing: Packing,
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
    let mut entry = enter(&mut change.published.manifest, update, add, is_published)?;
    let have_steps = steps.as_ref().is_none_or(|steps| steps.are_in(&change.published));
    let mut added = Added::new(&entry.update, &images, versions.into());
    added.packs = named_packs(&change, &entry.update);
    let is_there = entry.is_same && have_steps;
    let lacking = packs::lacking(&change, &entry.update, add.packing.most);
    if is_there && lacking.is_empty() {
        return Ok(added);
    }
    change.can_sign(Depth::Targets)?;
    if !is_there {
        copy(&mut change, &parts, &images, add.unchecked, &mut added.targets, observer)?;
    }
    let packed = packs::make(&mut change, &entry.update, &lacking, &add.packing, observer)?;
    let has_new_packs = !packed.packs.is_empty();
    entry.take_packs(&mut change, packed, &mut added);
    if is_there && !has_new_packs {
        return Ok(added);
    }
    if let Some(steps) = steps {
        steps.publish(&mut change, add.replace, observer)?;
    }
    change.write_manifest(observer)?;
    added.versions = change.publish(Depth::Targets, observer)?.into();
    added.outcome = Outcome::Done;
    Ok(added)
}

/// Copies the images, and has them be targets.
fn copy(
    change: &mut Change<'_>,
    parts: &Parts,
    images: &[Image<'_>],
    unchecked: bool,
    added: &mut [AddedTarget],
    observer: &mut dyn Observer,
) -> Result<()> {
    for (image, target) in images.iter().zip(added) {
        target.is_new = parts.copy(image, change.layout().targets(), unchecked, observer)?;
        change.enter(&image.name, image.report.transport.length, image.sha256)?;
    }
    Ok(())
}

/// The packs that a release has already.
fn named_packs(change: &Change<'_>, update: &Update) -> Vec<AddedPack> {
    let named = |pack: &Pack| {
        let target = change.named(&pack.target)?;
        let (from, sha256) = (pack.from.clone(), target.sha256.to_string());
        Some(AddedPack { from, name: target.name, length: target.length, sha256, is_new: false })
    };
    update.packs.iter().filter_map(named).collect()
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
    /// Packs of the release whose place it took.
    replaced: Vec<Pack>,
}

impl Entry {
    /// Has packs in the manifest beside those that are there, and no others as targets.
    fn take_packs(&mut self, change: &mut Change<'_>, packed: Packed, added: &mut Added) {
        let is_new = |pack: &Pack| packed.packs.iter().any(|new| new.target == pack.target);
        for gone in self.replaced.iter().filter(|pack| !is_new(pack)) {
            change.leave(&gone.target);
        }
        let packs = &mut self.update.packs;
        packs.retain(|pack| !is_new(pack));
        packs.extend(packed.packs);
        packs.sort_by(|left, right| right.from.cmp(&left.from));
        change.published.manifest.updates[self.place].packs.clone_from(packs);
        added.packs.extend(packed.added);
        added.packs.sort_by(|left, right| right.from.cmp(&left.from));
        added.without_pack = packed.without;
    }
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
        Some(old) => replaced = std::mem::replace(old, update.clone()).packs,
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

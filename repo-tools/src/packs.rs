//! Delta packs beside a release: what hosts of older releases lack of it.
//!
//! A pack is made of what is published, not of what a build's folder holds: the targets of both releases are compared with
//! what is signed for, decompressed into files without names, and compared with the manifest. It is a target like any other, and the
//! manifest names it, so that hosts which know nothing of packs pass it over.
//!
//! A release that is not fit for a pack, or would save too little by one, is published without it; why is said. Only what fails
//! in the world ends the run. What a cut leaves is nothing: the next run makes the pack again.
//!
//! Memory: that of the maker, see [`MEMORY`]; images and packs lie in files.

mod maker;
mod obstacle;
mod unpacked;

use std::path::PathBuf;

use manifest::{Content, Digest, Manifest, Pack, Update};
use pack::make::Level;
use semver::Version;
use serde::Serialize;

use crate::Result;
use crate::files::Observer;
use crate::publish::Change;
use crate::release::same_hosts;
use maker::{Made, Maker};
use obstacle::Obstacle;

/// What the maker's threads may take: with the leaves of images of 900 MiB, all stays below 256 MiB.
const MEMORY: usize = 224 << 20;

/// How many packs a release gets, and how they are made.
#[derive(Clone, Debug, Default)]
pub struct Packing {
    /// From how many older releases, the newest first.
    pub most: usize,
    /// How hard to compress.
    pub level: Level,
    /// Folder for decompressed images, in files without names; that of the targets if nothing is said.
    pub work: Option<PathBuf>,
    /// Shows no progress.
    pub quiet: bool,
}

/// A pack of an added release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddedPack {
    /// The release that hosts have.
    pub from: Version,
    /// Name of the target.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
    /// Digest.
    pub sha256: String,
    /// Whether it was not in the repository yet.
    pub is_new: bool,
}

/// An older release whose hosts fetch all of the added one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithoutPack {
    /// The release that hosts have.
    pub from: Version,
    /// Why there is no pack, in words.
    pub reason: String,
}

/// Packs of one release that were made, and those that were not.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    pub(crate) packs: Vec<Pack>,
    pub(crate) added: Vec<AddedPack>,
    pub(crate) without: Vec<WithoutPack>,
}

/// The older releases that a release is to have packs from, and has none.
pub(crate) fn lacking(change: &Change<'_>, update: &Update, most: usize) -> Vec<Update> {
    let has = |old: &Update| {
        let root_hash = old.contents.as_ref().map(|contents| contents.root_hash);
        let mut packs = update.packs.iter();
        packs.any(|pack| {
            Some(pack.from_root_hash) == root_hash && change.named(&pack.target).is_some()
        })
    };
    let older = older(&change.published.manifest, update, most);
    older.into_iter().filter(|old| !has(old)).cloned().collect()
}

/// The last releases for the same hosts that are offered, the newest first.
fn older<'m>(manifest: &'m Manifest, update: &Update, most: usize) -> Vec<&'m Update> {
    let is_older =
        |old: &&Update| same_hosts(old, update) && old.is_offered() && old.version < update.version;
    let mut older: Vec<_> = manifest.updates.iter().filter(is_older).collect();
    older.sort_by(|left, right| right.version.cmp(&left.version));
    older.truncate(most);
    older
}

/// Makes packs from `older` releases to one whose targets have their names, and names them.
pub(crate) fn make(
    change: &mut Change<'_>,
    update: &Update,
    older: &[Update],
    packing: &Packing,
    observer: &mut dyn Observer,
) -> Result<Packed> {
    let mut packed = Packed::default();
    if older.is_empty() {
        return Ok(packed);
    }
    let maker = match Maker::new(change, update, packing) {
        Ok(maker) => maker,
        Err(obstacle) => {
            let reason = reason(obstacle)?;
            let without = |old: &Update| WithoutPack::new(old, reason.clone());
            packed.without = older.iter().map(without).collect();
            return Ok(packed);
        }
    };
    for old in older {
        match maker.make(change, old, &packed.packs) {
            Ok(made) => packed.take(change, update, old, made, observer)?,
            Err(obstacle) => packed.without.push(WithoutPack::new(old, reason(obstacle)?)),
        }
    }
    Ok(packed)
}

/// Why there is no pack, unless that is to end the run.
fn reason(obstacle: Obstacle) -> Result<String> {
    match obstacle {
        Obstacle::Unfit(unfit) => Ok(unfit.to_string()),
        Obstacle::Fault(error) => Err(error),
    }
}

impl WithoutPack {
    fn new(old: &Update, reason: String) -> Self {
        Self { from: old.version.clone(), reason }
    }
}

impl Packed {
    /// Gives a pack its name, as a target and in the manifest.
    fn take(
        &mut self,
        change: &mut Change<'_>,
        update: &Update,
        old: &Update,
        mut made: Made,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let Update { variant, arch, version, .. } = update;
        let from = old.version.clone();
        let name = format!("{variant}-{arch}-{version}-from-{from}.pack");
        change.enter(&name, made.length, made.sha256)?;
        let is_new = made.place(change.layout().targets(), &name, observer)?;
        let head = Content::new(made.head_length, made.head_sha256);
        self.packs.push(Pack::new(from.clone(), Digest::new(made.from.0), name.clone(), head));
        let (length, sha256) = (made.length, made.sha256.to_string());
        self.added.push(AddedPack { from, name, length, sha256, is_new });
        Ok(())
    }
}

//! Delta packs beside a release: what hosts of older releases lack of it.
//!
//! A pack is made of what is published: the images of both releases are compared with what is signed for, decompressed into files
//! without names, and compared with the manifest. It is a target like any other, and the
//! manifest names it, so that hosts which know nothing of packs pass it over.
//!
//! A release that is not fit for a pack, or would save too little by one, is published without it; why is said. Only what fails
//! in the world ends the run. What a cut leaves is nothing: the next run makes the pack again.
//!
//! Memory: that of the maker, see [`MEMORY`]; images and packs lie in files.

mod maker;

use std::path::PathBuf;

use manifest::{Content, Digest, Manifest, Pack, Update};
use pack::make::Level;
use semver::Version;
use serde::Serialize;

use crate::files::Observer;
use crate::publish::Change;
use crate::release::same_hosts;
use crate::spooled::Spooled;
use crate::unpacked::Unpacked;
use maker::{Made, Maker};

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
    /// Targets that were not there yet.
    pub(crate) new: Vec<String>,
    pub(crate) without: Vec<WithoutPack>,
}

/// Those of the older releases that a release has no pack from.
pub(crate) fn lacking(change: &Change<'_>, update: &Update, older: &[Update]) -> Vec<Update> {
    let has = |old: &Update| {
        let root_hash = old.contents.as_ref().map(|contents| contents.root_hash);
        let mut packs = update.packs.iter();
        packs.any(|pack| {
            Some(pack.from_root_hash) == root_hash && change.named(&pack.target).is_some()
        })
    };
    older.iter().filter(|old| !has(old)).cloned().collect()
}

/// The last releases for the same hosts that are offered, the newest first.
pub(crate) fn older<'m>(manifest: &'m Manifest, update: &Update, most: usize) -> Vec<&'m Update> {
    let is_older =
        |old: &&Update| same_hosts(old, update) && old.is_offered() && old.version < update.version;
    let mut older: Vec<_> = manifest.updates.iter().filter(is_older).collect();
    older.sort_by(|left, right| right.version.cmp(&left.version));
    older.truncate(most);
    older
}

/// Makes packs from `older` releases to one whose targets have their names, and names them.
///
/// `new` holds its images, or says why they cannot be used.
pub(crate) fn make(
    change: &mut Change<'_>,
    update: &Update,
    older: &[Update],
    new: Result<&Unpacked, &String>,
    packing: &Packing,
    observer: &mut dyn Observer,
) -> crate::Result<Packed> {
    let mut packed = Packed::default();
    let new = match new {
        Ok(new) => new,
        Err(reason) => {
            let without = |old: &Update| WithoutPack::new(old, reason.clone());
            packed.without = older.iter().map(without).collect();
            return Ok(packed);
        }
    };
    let maker = Maker::new(change, update, new, packing);
    for old in older {
        match maker.make(change, old, &packed.packs) {
            Ok(made) => packed.take(change, update, old, made, observer)?,
            Err(obstacle) => packed.without.push(WithoutPack::new(old, obstacle.reason()?)),
        }
    }
    Ok(packed)
}

impl Packing {
    /// The folder for files without names.
    pub(crate) fn work(&self, change: &Change<'_>) -> PathBuf {
        self.work.clone().unwrap_or_else(|| change.layout().targets().to_owned())
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
    ) -> crate::Result<()> {
        let Update { variant, arch, version, .. } = update;
        let from = old.version.clone();
        let name = format!("{variant}-{arch}-{version}-from-{from}.pack");
        let Spooled { length, sha256, .. } = made.pack;
        change.enter(&name, length, sha256)?;
        if made.pack.place(change.layout().targets(), &name, observer)? {
            self.new.push(name.clone());
        }
        let head = Content::new(made.head_length, made.head_sha256);
        self.packs.push(Pack::new(from, Digest::new(made.from.0), name, head));
        Ok(())
    }
}

//! Making one pack, and giving it its place.

use std::path::PathBuf;
use std::sync::OnceLock;

use cli::Progress;
use manifest::{Digest, Pack, Update};
use pack::make::{self, MakeError, Options};
use trust::Sha256;
use verity::{BLOCK_SIZE, BlockHasher, Params, RootHash, available_threads};

use super::{MEMORY, Packing};
use crate::Error;
use crate::files::{reading, writing};
use crate::obstacle::{Obstacle, Unfit};
use crate::publish::Change;
use crate::spooled::Spooled;
use crate::unpacked::{Files, Tree, Unpacked};

/// Of ten bytes of the images, a pack may have so many.
const MOST_TENTHS: u64 = 7;

/// The release that packs lead to.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    packing: &'a Packing,
    work: PathBuf,
    new: &'a Unpacked,
    /// Bytes of its compressed images.
    images: u64,
}

/// A pack in a file without a name.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) pack: Spooled,
    pub(super) head_length: u64,
    pub(super) head_sha256: Digest,
    pub(super) from: RootHash,
}

impl<'a> Maker<'a> {
    /// Packs to `new`, the release `update`.
    pub(super) fn new(
        change: &Change<'_>,
        update: &Update,
        new: &'a Unpacked,
        packing: &'a Packing,
    ) -> Self {
        let lengths = update.images.names().map(|name| change.named(name));
        let images = lengths.into_iter().flatten().map(|target| target.length).sum();
        Self { packing, work: packing.work(change), new, images }
    }

    /// Makes the pack for hosts of `old`, unless they have one in `others`.
    pub(super) fn make(
        &self,
        change: &Change<'_>,
        old: &Update,
        others: &[Pack],
    ) -> Result<Made, Obstacle> {
        let files = Files::of_targets(change, old)?;
        let tree = Tree::read(&files, old, &self.work)?;
        self.compare(&tree.params)?;
        let unpacked = tree.unpack(&files, &self.work)?;
        let from = unpacked.images().root_hash;
        let is_other = others.iter().any(|other| *other.from_root_hash.as_bytes() == from.0);
        if is_other || from == self.new.images().root_hash {
            return Err(Unfit::Same(from).into());
        }
        let made = self.write(old, &unpacked)?;
        let (pack, images) = (made.pack.length, self.images);
        match pack.saturating_mul(10) <= images.saturating_mul(MOST_TENTHS) {
            true => Ok(made),
            false => Err(Unfit::TooLarge { pack, images }.into()),
        }
    }

    /// A host makes the new tree with the salt and the UUID of the old one.
    fn compare(&self, old: &Params) -> Result<(), Unfit> {
        if old.salt != self.new.params.salt {
            return Err(Unfit::Salt { old: old.salt.clone(), new: self.new.params.salt.clone() });
        }
        if old.uuid == self.new.params.uuid { Ok(()) } else { Err(Unfit::Uuid) }
    }

    fn write(&self, old: &Update, unpacked: &Unpacked) -> Result<Made, Obstacle> {
        let options =
            Options { level: self.packing.level, threads: available_threads(), memory: MEMORY };
        let zero = BlockHasher::new(&self.new.params.salt).digest(&[0; BLOCK_SIZE]);
        let temporary = || tempfile::tempfile_in(&self.work).map_err(writing(&self.work));
        let (mut spool, mut file) = (temporary()?, temporary()?);
        let shown = OnceLock::new();
        let start =
            |total| Progress::new(format!("pack from {}", old.version), total, self.packing.quiet);
        let progress = |bytes, total| shown.get_or_init(|| start(total)).add(bytes);
        let (old_images, new_images) = (unpacked.images(), self.new.images());
        let made =
            make::make(&old_images, &new_images, &zero, &options, &mut spool, &mut file, &progress);
        let made = made.map_err(|source| obstacle(old, source))?;
        shown.into_inner().into_iter().for_each(Progress::finish);
        Ok(Made {
            pack: Spooled::measure(file).map_err(reading(&self.work))?,
            head_length: u64::try_from(made.head.len()).unwrap_or(u64::MAX),
            head_sha256: Digest::new(*Sha256::of(&made.head).as_bytes()),
            from: old_images.root_hash,
        })
    }
}

/// A release that the format cannot take, as against what fails.
fn obstacle(old: &Update, source: MakeError) -> Obstacle {
    match source {
        MakeError::TooManyRuns | MakeError::TooLarge { .. } => Unfit::Make(source).into(),
        source => Error::Pack { from: old.version.clone(), source }.into(),
    }
}

//! Making one pack, and giving it its place.

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cli::Progress;
use manifest::{Digest, Pack, Update};
use pack::make::{self, MakeError, Options};
use trust::Sha256;
use verity::{BLOCK_SIZE, BlockHasher, Params, RootHash, available_threads};

use super::obstacle::{Obstacle, Unfit};
use super::unpacked::{Tree, Unpacked};
use super::{MEMORY, Packing};
use crate::files::{Observer, Unnamed, reading, writing};
use crate::parts::holds;
use crate::publish::{Change, target_path};
use crate::tee::Tee;
use crate::{Error, Result};

/// Of ten bytes of the images, a pack may have so many.
const MOST_TENTHS: u64 = 7;

/// The release that packs lead to.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    packing: &'a Packing,
    work: PathBuf,
    new: Unpacked,
    params: Params,
    /// Bytes of its compressed images.
    images: u64,
}

/// A pack in a file without a name.
#[derive(Debug)]
pub(super) struct Made {
    file: File,
    pub(super) length: u64,
    pub(super) sha256: Sha256,
    pub(super) head_length: u64,
    pub(super) head_sha256: Digest,
    pub(super) from: RootHash,
}

impl<'a> Maker<'a> {
    /// Decompresses the images of a release whose targets have their names.
    pub(super) fn new(
        change: &Change<'_>,
        update: &Update,
        packing: &'a Packing,
    ) -> Result<Self, Obstacle> {
        let targets = || change.layout().targets().to_owned();
        let work = packing.work.clone().unwrap_or_else(targets);
        let tree = Tree::read(change, update, &work)?;
        tree.gives_hash_image(&work)?;
        let params = tree.params.clone();
        let new = tree.unpack(change, &work)?;
        let lengths = update.images.names().map(|name| change.named(name));
        let images = lengths.into_iter().flatten().map(|target| target.length).sum();
        Ok(Self { packing, work, new, params, images })
    }

    /// Makes the pack for hosts of `old`, unless they have one in `others`.
    pub(super) fn make(
        &self,
        change: &Change<'_>,
        old: &Update,
        others: &[Pack],
    ) -> Result<Made, Obstacle> {
        let tree = Tree::read(change, old, &self.work)?;
        self.compare(&tree.params)?;
        let unpacked = tree.unpack(change, &self.work)?;
        let from = unpacked.images().root_hash;
        let is_other = others.iter().any(|other| *other.from_root_hash.as_bytes() == from.0);
        if is_other || from == self.new.images().root_hash {
            return Err(Unfit::Same(from).into());
        }
        let made = self.write(old, &unpacked)?;
        let (pack, images) = (made.length, self.images);
        match pack.saturating_mul(10) <= images.saturating_mul(MOST_TENTHS) {
            true => Ok(made),
            false => Err(Unfit::TooLarge { pack, images }.into()),
        }
    }

    /// A host makes the new tree with the salt and the UUID of the old one.
    fn compare(&self, old: &Params) -> Result<(), Unfit> {
        if old.salt != self.params.salt {
            return Err(Unfit::Salt { old: old.salt.clone(), new: self.params.salt.clone() });
        }
        if old.uuid == self.params.uuid { Ok(()) } else { Err(Unfit::Uuid) }
    }

    fn write(&self, old: &Update, unpacked: &Unpacked) -> Result<Made, Obstacle> {
        let options =
            Options { level: self.packing.level, threads: available_threads(), memory: MEMORY };
        let zero = BlockHasher::new(&self.params.salt).digest(&[0; BLOCK_SIZE]);
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
        Ok(Made::measure(file, &made.head, old_images.root_hash).map_err(reading(&self.work))?)
    }
}

/// A release that the format cannot take, as against what fails.
fn obstacle(old: &Update, source: MakeError) -> Obstacle {
    match source {
        MakeError::TooManyRuns | MakeError::TooLarge { .. } => Unfit::Make(source).into(),
        source => Error::Pack { from: old.version.clone(), source }.into(),
    }
}

impl Made {
    fn measure(mut file: File, head: &[u8], from: RootHash) -> io::Result<Self> {
        file.rewind()?;
        let mut tee = Tee::new(&file, io::sink(), u64::MAX);
        io::copy(&mut tee, &mut io::sink())?;
        let found = tee.finish();
        Ok(Self {
            file,
            length: found.length,
            sha256: found.sha256,
            head_length: u64::try_from(head.len()).unwrap_or(u64::MAX),
            head_sha256: Digest::new(*Sha256::of(head).as_bytes()),
            from,
        })
    }

    /// Copies it into `targets`. Says whether it was not there yet.
    pub(super) fn place(
        &mut self,
        targets: &Path,
        name: &str,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let path = target_path(targets, name, self.sha256);
        if holds(&path, self.length, self.sha256)? {
            return Ok(false);
        }
        let mut unnamed = Unnamed::create(&path)?;
        let copied = self.file.rewind().and_then(|()| io::copy(&mut self.file, unnamed.file()));
        if let Err(error) = copied {
            unnamed.discard();
            return Err(writing(&path)(error));
        }
        unnamed.name(observer)?;
        Ok(true)
    }
}

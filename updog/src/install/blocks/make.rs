//! Carries a recipe out: both images written, read back, and the tree made of what was read.

use std::fs::File;
use std::io::Read;
use std::thread;

use manifest::Contents;
use pack::Image;
use signpost::SetLayout;
use verity::{BlockHasher, Leaves, Params};

use super::build::{Build, Materials};
use super::new_set::NewSet;
use super::read_back::{Outcome, read_back, read_tree};
use super::recipe::Recipe;
use super::supply::Supply;
use super::{Bad, DeltaError, Running, tree};
use crate::install::DecodeError;
use crate::install::settling::Settling;
use crate::install::writer::{Told, Writer};
use crate::plan::Part;

/// What a set is made with.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) disk: &'a File,
    /// The set that is written.
    pub(super) layout: &'a SetLayout,
    pub(super) contents: &'a Contents,
    pub(super) running: &'a Running,
    /// Salt and UUID of the new tree.
    pub(super) params: &'a Params,
    /// Told of bytes that were written.
    pub(super) written: &'a (dyn Fn(u64) + Sync),
    /// Told of bytes that were read back.
    pub(super) checked: &'a (dyn Fn(u64) + Sync),
}

impl Making<'_> {
    /// Makes the set. What is fetched comes from `supply`; old blocks that are not what they must be are noted in `bad`.
    ///
    /// # Errors
    ///
    /// Fails with [`DeltaError::Holes`] when blocks are missing in the end, and with what kept the set from becoming the release.
    pub(super) fn run(
        &self,
        recipe: &Recipe,
        supply: &mut dyn Supply,
        bad: &mut Bad,
    ) -> Result<(), DeltaError> {
        let new = NewSet::open(self.disk, self.layout).map_err(DecodeError::Write)?;
        new.forget_tree().map_err(DecodeError::Write)?;
        let hasher = BlockHasher::new(&self.params.salt);
        let settling = Settling::default();
        let (holes, read) = thread::scope(|scope| {
            let read = || read_back(&new, self.contents, &hasher, &settling, self.checked);
            let reading = thread::Builder::new().spawn_scoped(scope, read);
            let reading = reading.map_err(DecodeError::Thread)?;
            let ending = settling.until_dropped();
            let holes = self.images(recipe, supply, bad, (&new, &hasher, &settling));
            drop(ending);
            Ok::<_, DecodeError>((holes, reading.join()))
        })?;
        // What went wrong with the writing explains what could not be read.
        let holes = holes?;
        if holes > 0 {
            return Err(DeltaError::Holes { blocks: holes });
        }
        let leaves = read.map_err(|_| DeltaError::Stopped)?;
        self.finish(&new, recipe, leaves)
    }

    fn images(
        &self,
        recipe: &Recipe,
        supply: &mut dyn Supply,
        bad: &mut Bad,
        (new, hasher, settling): (&NewSet, &BlockHasher, &Settling),
    ) -> Result<u64, DeltaError> {
        let mut holes = 0;
        for (image, part) in [(Image::Root, Part::Root), (Image::Boot, Part::Boot)] {
            let recipe = recipe.of(image);
            let watermark = settling.of(part);
            let written = |bytes| {
                watermark.wrote(bytes);
                (self.written)(bytes);
            };
            let told = Told { written: &written, passed: &|bytes| watermark.wrote(bytes) };
            let spilled = new.spill(image, &recipe.spilled);
            let materials = Materials { running: self.running, new, spilled, hasher };
            holes += Writer::run(new.of(image), told, |writer| {
                Build::new((image, recipe), &materials, supply, bad, writer).run()
            })?;
            if holes > 0 {
                // Nobody needs to read to its end what is not whole.
                settling.abandon();
            }
            watermark.end();
        }
        Ok(holes)
    }

    /// The tree, of what was read back.
    fn finish(&self, new: &NewSet, recipe: &Recipe, read: Outcome) -> Result<(), DeltaError> {
        let leaves = read?;
        let others = others(recipe, &leaves);
        if others > 0 {
            return Err(DeltaError::Holes { blocks: others });
        }
        tree::write(&new.hash, &leaves, self.params, self.contents)?;
        Ok(read_tree(new, &self.contents.hash, self.checked)?)
    }
}

/// How many blocks of the root image are not what they must be.
fn others(recipe: &Recipe, leaves: &Leaves) -> u64 {
    let prefixes = leaves.digests().iter().map(verity::Prefix::of);
    let pairs = recipe.root.wanted.iter().zip(prefixes);
    let other = pairs.filter(|(wanted, found)| wanted.is_known() && *wanted != found);
    u64::try_from(other.count()).unwrap_or(u64::MAX)
}

/// Takes what is still arriving of a set that was made, so that whoever sends it comes to an end. Of one that was not, nothing more is wanted.
pub(super) fn finish(
    made: Result<(), DeltaError>,
    mut arriving: impl Read,
) -> Result<(), DeltaError> {
    made?;
    let _ = std::io::copy(&mut arriving, &mut std::io::sink());
    Ok(())
}

//! Making the frames of one release.

use std::io;
use std::path::PathBuf;

use ::frames::make::{self, FRAME_BLOCKS_OF_OLD, Level, MakeError, Older, Options, Source};
use cli::Progress;
use manifest::{Frames, Update};
use verity::{BLOCK_SIZE, BlockHasher, available_threads};

use super::{Framed, Framing};
use crate::files::Observer;
use crate::obstacle::{Obstacle, Unfit};
use crate::packs::Packing;
use crate::publish::Change;
use crate::spooled::Spooled;
use crate::unpacked::{Files, Tree, Unpacked};
use crate::{Error, Result};

/// What frames are made of.
pub(super) struct Maker<'a> {
    label: String,
    new: &'a Unpacked,
    older: Vec<Older>,
    framing: Framing,
    quiet: bool,
    work: PathBuf,
}

/// Frames of both images and their index, in files without names.
pub(super) struct Made {
    index: Spooled,
    root: Spooled,
    boot: Spooled,
}

impl<'a> Maker<'a> {
    /// Looks at the older releases. One that cannot be read, or has another salt, is passed over: its hosts have nothing in common with the new one.
    pub(super) fn new(
        change: &Change<'_>,
        update: &Update,
        older: &[Update],
        new: &'a Unpacked,
        (framing, packing): (Framing, &Packing),
    ) -> Result<Self> {
        let work = packing.work(change);
        let mut maker = Self {
            label: update.label(),
            new,
            older: Vec::new(),
            framing,
            quiet: packing.quiet,
            work,
        };
        for old in older {
            match maker.blocks(change, old) {
                Ok(blocks) => maker.older.extend(blocks),
                Err(Obstacle::Unfit(_)) => {}
                Err(Obstacle::Fault(error)) => return Err(error),
            }
        }
        Ok(maker)
    }

    /// What the blocks of an older release are, if they can be compared.
    fn blocks(&self, change: &Change<'_>, old: &Update) -> Result<Option<Older>, Obstacle> {
        let files = Files::of_targets(change, old)?;
        let tree = Tree::read(&files, old, &self.work)?;
        let is_same = tree.params.salt == self.new.params.salt;
        is_same.then(|| tree.blocks(&files, &self.work)).transpose()
    }

    /// Makes the frames of both images, and the index.
    pub(super) fn make(&self) -> Result<Made, Obstacle> {
        let [root, boot] = self.new.sources();
        let progress = Progress::new("frames", root.length + boot.length, self.quiet);
        let (root, root_made) = self.frames(&root, &progress)?;
        let (boot, boot_made) = self.frames(&boot, &progress)?;
        progress.finish();
        let index = make::index(&self.new.params, &root_made, &boot_made);
        let index = index.map_err(|source| self.obstacle(source))?;
        let index = Spooled::write(&self.work, |out| out.write_all(&index))?;
        Ok(Made { index, root, boot })
    }

    fn frames(
        &self,
        source: &Source<'_>,
        progress: &Progress,
    ) -> Result<(Spooled, make::Made), Obstacle> {
        let zero = BlockHasher::new(&self.new.params.salt).digest(&[0; BLOCK_SIZE]);
        let (level, new_level) = match self.framing.level {
            Some(level) => (level, level),
            None => (Level::default(), Level::NEW),
        };
        let (threads, frame_blocks) = (available_threads(), FRAME_BLOCKS_OF_OLD);
        let options = Options { level, new_level, threads, frame_blocks };
        let mut outcome = None;
        let spooled = Spooled::write(&self.work, |out| {
            let add = |bytes| progress.add(bytes);
            match make::frames(source, &self.older, &zero, &options, out, &add) {
                Err(MakeError::Write(error)) => return Err(error),
                made => outcome = Some(made),
            }
            Ok::<_, io::Error>(())
        })?;
        let made = outcome.expect("an outcome goes with what was written");
        Ok((spooled, made.map_err(|source| self.obstacle(source))?))
    }

    /// A release that the format cannot take, as against what fails.
    fn obstacle(&self, source: MakeError) -> Obstacle {
        match source {
            MakeError::TooManyBlocks(_) | MakeError::TooLarge(_) => Unfit::Frames(source).into(),
            source => Error::Frames { release: self.label.clone(), source }.into(),
        }
    }
}

impl Made {
    /// Gives them their names, and says which of them are new.
    pub(super) fn place(
        self,
        change: &mut Change<'_>,
        frames: Frames,
        observer: &mut dyn Observer,
    ) -> Result<Framed> {
        let mut new = Vec::new();
        for (mut spooled, name) in
            [(self.root, &frames.root), (self.boot, &frames.boot), (self.index, &frames.index)]
        {
            change.enter(name, spooled.length, spooled.sha256)?;
            if spooled.place(change.layout().targets(), name, observer)? {
                new.push(name.clone());
            }
        }
        Ok(Framed { frames, new })
    }
}

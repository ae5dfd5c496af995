//! What a release is to have beside its images, or in place of them: frames, and packs from older releases.

use manifest::{Frames, Pack, Update};

use super::Add;
use crate::files::Observer;
use crate::frames::{self, Framed};
use crate::obstacle::{Obstacle, Unfit};
use crate::packs::{self, Packed, WithoutPack};
use crate::publish::Change;
use crate::unpacked::{Files, Unpacked};
use crate::{Error, Result};

/// What there is not yet.
pub(super) struct Lacking {
    frames: bool,
    /// The releases that there are to be packs from.
    packs_from: Vec<Update>,
    /// The releases that hosts may have, as frames are cut for them.
    older: Vec<Update>,
}

/// What was made of it; all of it is named as targets.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) frames: Option<Frames>,
    pub(super) without_frames: Option<String>,
    pub(super) packs: Vec<Pack>,
    pub(super) without_pack: Vec<WithoutPack>,
    /// Targets that were not there yet.
    pub(super) new: Vec<String>,
}

impl Lacking {
    pub(super) fn of(change: &Change<'_>, update: &Update, add: &Add) -> Self {
        let older = |most| -> Vec<Update> {
            packs::older(&change.published.manifest, update, most).into_iter().cloned().collect()
        };
        Self {
            frames: frames::are_lacking(change, update, add.framing.form),
            packs_from: packs::lacking(change, update, &older(add.packing.most)),
            older: older(add.framing.older),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.frames && self.packs_from.is_empty()
    }

    /// Makes it of the images in `files`.
    pub(super) fn make(
        &self,
        change: &mut Change<'_>,
        update: &Update,
        files: Result<Files, Unfit>,
        add: &Add,
        observer: &mut dyn Observer,
    ) -> Result<Made> {
        let mut made = Made::default();
        if self.is_nothing() {
            return Ok(made);
        }
        let unpacked = unpack(&files, update, &add.packing.work(change))?;
        let unpacked = unpacked.as_ref();
        if self.frames {
            let options = (add.framing, &add.packing);
            made.take_frames(frames::make(
                change,
                update,
                &self.older,
                unpacked,
                options,
                observer,
            )?);
            if frames::are_images(update) {
                made.place_hash(change, update, &files, add, observer)?;
            }
        }
        let from = &self.packs_from;
        made.take_packs(packs::make(change, update, from, unpacked, &add.packing, observer)?);
        Ok(made)
    }
}

/// The images in `files`, or why they cannot be used.
fn unpack(
    files: &Result<Files, Unfit>,
    update: &Update,
    work: &std::path::Path,
) -> Result<Result<Unpacked, String>> {
    match files {
        Ok(files) => match Unpacked::of(files, update, work) {
            Ok(unpacked) => Ok(Ok(unpacked)),
            Err(obstacle) => obstacle.reason().map(Err),
        },
        Err(unfit) => Ok(Err(unfit.to_string())),
    }
}

impl Made {
    /// Whether hosts get to see any of it.
    pub(super) fn is_something(&self) -> bool {
        self.frames.is_some() || !self.packs.is_empty()
    }

    fn take_frames(&mut self, framed: Result<Framed, String>) {
        match framed {
            Ok(framed) => {
                self.frames = Some(framed.frames);
                self.new.extend(framed.new);
            }
            Err(reason) => self.without_frames = Some(reason),
        }
    }

    fn take_packs(&mut self, packed: Packed) {
        self.packs = packed.packs;
        self.without_pack = packed.without;
        self.new.extend(packed.new);
    }

    /// Completes a release that has nothing but frames, or refuses it.
    fn place_hash(
        &mut self,
        change: &mut Change<'_>,
        update: &Update,
        files: &Result<Files, Unfit>,
        add: &Add,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let refuse = |reason| Error::NoFrames { release: update.label(), reason };
        if let Some(reason) = self.without_frames.take() {
            return Err(refuse(reason));
        }
        let files = files.as_ref().map_err(|unfit| refuse(unfit.to_string()))?;
        let work = add.packing.work(change);
        match frames::place_hash(change, update, files, &work, observer) {
            Ok(is_new) => self.new.extend(is_new.then(|| update.images.hash.clone())),
            Err(Obstacle::Unfit(unfit)) => return Err(refuse(unfit.to_string())),
            Err(Obstacle::Fault(error)) => return Err(error),
        }
        Ok(())
    }
}

//! Seekable frames beside a release, or in place of its images: hosts fetch ranges of them for what they lack.
//!
//! Frames are cut by what older releases hold, whether packs come from them or not. A release that is not fit for frames is published
//! without them, and why is said, unless it was to have nothing else. What a cut leaves is nothing: the next run makes the same frames again.
//!
//! | target | what |
//! |---|---|
//! | `…-frames.index` | what the blocks of both images are, and where their frames lie |
//! | `…-root.frames.zst`, `…-boot.frames.zst` | the frames, which decompress to the image as one stream |
//! | `…-hash.img.zst` | the hash image, where there are no images in lz4 |

mod maker;

use std::io::Seek;
use std::path::Path;

use ::frames::make::Level;
use clap::ValueEnum;
use manifest::{Frames, Images, Update};

use crate::files::{Observer, reading};
use crate::obstacle::{Obstacle, Unfit};
use crate::packs::Packing;
use crate::publish::Change;
use crate::spooled::Spooled;
use crate::unpacked::{Files, Unpacked, unpack};
use maker::Maker;

/// Digests give way to no level.
const HASH_LEVEL: i32 = 1;

/// In which form the images of a release are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Whole images in lz4, and frames beside them
    #[default]
    Both,
    /// Frames alone, for hosts that read zstd
    Frames,
    /// Whole images in lz4 alone
    Lz4,
}

/// By what how many older releases hold frames are cut, if nothing is said.
pub(crate) const OLDER: u8 = 8;

/// How the images of a release are published.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// In which form.
    pub form: Form,
    /// How hard to compress frames; what is new harder than the rest, if nothing is said.
    pub level: Option<Level>,
    /// By what how many older releases hold they are cut, the newest first.
    pub older: usize,
}

impl Default for Framing {
    fn default() -> Self {
        Self { form: Form::default(), level: None, older: usize::from(OLDER) }
    }
}

/// What the targets of a release's frames are named.
pub(crate) fn names(update: &Update) -> Frames {
    let start = start(update);
    let images = ["root", "boot"].map(|image| format!("{start}-{image}.frames.zst"));
    let [root, boot] = images;
    Frames::new(format!("{start}-frames.index"), root, boot)
}

/// What the images of a release are named that has nothing but frames.
pub(crate) fn image_names(update: &Update) -> Images {
    let Frames { root, boot, .. } = names(update);
    Images::new(boot, root, format!("{}-hash.img.zst", start(update)))
}

fn start(update: &Update) -> String {
    format!("{}-{}-{}", update.variant, update.arch, update.version)
}

/// Whether the images of a release are its frames.
pub(crate) fn are_images(update: &Update) -> bool {
    update.images == Images { extra: update.images.extra.clone(), ..image_names(update) }
}

/// Whether a release is to have frames and has none.
pub(crate) fn are_lacking(change: &Change<'_>, update: &Update, form: Form) -> bool {
    let is_named = |frames: &Frames| frames.names().iter().all(|it| change.named(it).is_some());
    form != Form::Lz4 && !update.frames.as_ref().is_some_and(is_named)
}

/// Targets of one release that have their names.
#[derive(Debug)]
pub(crate) struct Framed {
    pub(crate) frames: Frames,
    /// Those that were not there yet.
    pub(crate) new: Vec<String>,
}

/// Makes the frames of a release and has them be targets, or says why there are none.
///
/// `new` holds its images, or says why they cannot be used; `older` are the releases that hosts may have.
pub(crate) fn make(
    change: &mut Change<'_>,
    update: &Update,
    older: &[Update],
    new: Result<&Unpacked, &String>,
    options: (Framing, &Packing),
    observer: &mut dyn Observer,
) -> crate::Result<Result<Framed, String>> {
    let new = match new {
        Ok(new) => new,
        Err(reason) => return Ok(Err(reason.clone())),
    };
    let maker = Maker::new(change, update, older, new, options)?;
    match maker.make() {
        Ok(made) => made.place(change, names(update), observer).map(Ok),
        Err(obstacle) => obstacle.reason().map(Err),
    }
}

/// Has the hash image be a target in zstd. Says whether it was not there yet.
pub(crate) fn place_hash(
    change: &mut Change<'_>,
    update: &Update,
    files: &Files,
    work: &Path,
    observer: &mut dyn Observer,
) -> Result<bool, Obstacle> {
    let contents = update.contents.as_ref();
    let contents = contents.ok_or_else(|| Unfit::NoContents(update.version.clone()))?;
    let mut hash = unpack(&files.hash, &contents.hash, work)?;
    hash.rewind().map_err(reading(work))?;
    let mut spooled = Spooled::write(work, |out| zstd::stream::copy_encode(hash, out, HASH_LEVEL))?;
    let name = &update.images.hash;
    change.enter(name, spooled.length, spooled.sha256)?;
    Ok(spooled.place(change.layout().targets(), name, observer)?)
}

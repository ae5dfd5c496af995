//! A release's images as they lie on a disk, taken from its targets.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use manifest::{Content, Contents, Update};
use pack::make::{Images, Padded, Source};
use trust::Sha256;
use verity::{BlockHasher, Leaves, Params, RootHash, Unreadable, available_threads};

use super::obstacle::{Obstacle, Unfit};
use crate::files::{reading, writing};
use crate::publish::{Change, Named};
use crate::tee::{Measured, Tee};

/// A release whose hash image was read up to the root hash.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    update: &'a Update,
    contents: &'a Contents,
    leaves: Leaves,
    pub(super) params: Params,
}

/// A release whose images were decompressed, and compared with the manifest.
#[derive(Debug)]
pub(super) struct Unpacked {
    root: File,
    boot: Padded<File>,
    root_leaves: Leaves,
    boot_leaves: Leaves,
    root_hash: RootHash,
}

impl<'a> Tree<'a> {
    /// Reads the tree of a release.
    pub(super) fn read(
        change: &Change<'_>,
        update: &'a Update,
        work: &Path,
    ) -> Result<Self, Obstacle> {
        let version = || update.version.clone();
        let contents = update.contents.as_ref().ok_or_else(|| Unfit::NoContents(version()))?;
        let hash = unpack(change, &update.images.hash, &contents.hash, work)?;
        let root_hash = RootHash(*contents.root_hash.as_bytes());
        let (leaves, superblock) = Leaves::read(&hash, contents.hash.length, &root_hash)
            .map_err(|source| unusable(update, source))?;
        if superblock.data_blocks.bytes() != contents.root.length {
            return Err(Unfit::OtherTree(version()).into());
        }
        Ok(Self { update, contents, leaves, params: superblock.params })
    }

    /// Whether a host that has the leaves and the parameters can make the hash image.
    pub(super) fn gives_hash_image(&self, work: &Path) -> Result<(), Obstacle> {
        let mut file = tempfile::tempfile_in(work).map_err(writing(work))?;
        let tree = |source| unusable(self.update, source);
        self.leaves.write_tree(&self.params, &mut file).map_err(tree)?;
        file.rewind().map_err(reading(work))?;
        let mut tee = Tee::new(file, io::sink(), self.contents.hash.length);
        io::copy(&mut tee, &mut io::sink()).map_err(reading(work))?;
        match is(&tee.finish(), &self.contents.hash) {
            true => Ok(()),
            false => Err(Unfit::OtherTree(self.update.version.clone()).into()),
        }
    }

    /// Decompresses the other images.
    pub(super) fn unpack(self, change: &Change<'_>, work: &Path) -> Result<Unpacked, Obstacle> {
        let images = &self.update.images;
        let root = unpack(change, &images.root, &self.contents.root, work)?;
        let boot = unpack(change, &images.boot, &self.contents.boot, work)?;
        let boot = Padded::new(boot, self.contents.boot.length);
        let hasher = BlockHasher::new(&self.params.salt);
        let tree = |source| unusable(self.update, source);
        let boot_leaves = Leaves::of_data(
            &boot,
            boot.length(),
            &hasher,
            Unreadable::Refuse,
            available_threads(),
            &|_| (),
        )
        .map_err(tree)?;
        let root_hash = RootHash(*self.contents.root_hash.as_bytes());
        Ok(Unpacked { root, boot, root_leaves: self.leaves, boot_leaves, root_hash })
    }
}

impl Unpacked {
    /// The images as the maker of packs takes them.
    pub(super) fn images(&self) -> Images<'_> {
        Images {
            root: Source { data: &self.root, leaves: &self.root_leaves },
            boot: Source { data: &self.boot, leaves: &self.boot_leaves },
            root_hash: self.root_hash,
        }
    }
}

fn unusable(update: &Update, source: verity::Error) -> Unfit {
    Unfit::Tree { release: update.version.clone(), source }
}

/// Decompresses a target into a file without a name, and compares both with what is said of them.
fn unpack(
    change: &Change<'_>,
    name: &str,
    content: &Content,
    work: &Path,
) -> Result<File, Obstacle> {
    let target = change.named(name).ok_or_else(|| Unfit::Unlisted(name.to_owned()))?;
    let unfit = |reason: &str| Unfit::Target { name: name.to_owned(), reason: reason.to_owned() };
    let file = match File::open(&target.path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unfit("is missing").into());
        }
        opened => opened.map_err(reading(&target.path))?,
    };
    let mut raw = tempfile::tempfile_in(work).map_err(writing(work))?;
    let mut tee = Tee::new(file, io::sink(), target.length);
    let found = decompress(&mut tee, &mut raw, content.length);
    let rest = io::copy(&mut tee, &mut io::sink()).map_err(reading(&target.path))?;
    if !is_target(&tee.finish(), &target) {
        return Err(unfit("is not the file that was signed for").into());
    }
    match found {
        Ok(found) if rest == 0 && is(&found, content) => Ok(raw),
        Ok(_) => Err(unfit("does not decompress to what the manifest says").into()),
        Err(Failed::Write(error)) => Err(writing(work)(error).into()),
        Err(Failed::Frame(error)) => Err(unfit(&format!("does not decompress: {error}")).into()),
    }
}

/// Why a target was not decompressed.
enum Failed {
    Frame(io::Error),
    Write(io::Error),
}

/// Decompresses a frame, up to one byte more than `limit`.
fn decompress(from: impl Read, to: impl Write, limit: u64) -> Result<Measured, Failed> {
    let decoder = lz4::Decoder::new(from).map_err(Failed::Frame)?;
    let mut raw = Tee::new(decoder, to, limit);
    let copied = io::copy(&mut raw, &mut io::sink());
    match raw.write_error.take() {
        Some(error) => Err(Failed::Write(error)),
        None => copied.map(|_| raw.finish()).map_err(Failed::Frame),
    }
}

fn is(found: &Measured, content: &Content) -> bool {
    found.length == content.length && found.sha256 == Sha256::from(*content.sha256.as_bytes())
}

fn is_target(found: &Measured, target: &Named) -> bool {
    found.length == target.length && found.sha256 == target.sha256
}

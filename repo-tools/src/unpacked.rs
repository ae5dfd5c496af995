//! A release's images as they lie on a disk, taken from their compressed files: targets, or those of a build.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::path::Path;

use ::frames::make::Older;
use manifest::{Content, Contents, Update};
use pack::make::{Images, Padded, Source};
use trust::Sha256;
use verity::{BlockHasher, Leaves, Params, RootHash, Unreadable, available_threads};

use crate::files::{reading, writing};
use crate::obstacle::{Obstacle, Unfit};
use crate::publish::{Change, Named};
use crate::tee::{Measured, Tee};

/// How frames of zstd begin.
const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// The compressed files of a release's images.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) boot: Named,
    pub(crate) root: Named,
    pub(crate) hash: Named,
}

/// A release whose hash image was read up to the root hash.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    update: &'a Update,
    contents: &'a Contents,
    leaves: Leaves,
    pub(crate) params: Params,
}

/// A release whose images were decompressed, and compared with the manifest.
#[derive(Debug)]
pub(crate) struct Unpacked {
    root: File,
    boot: Padded<File>,
    /// Bytes of root and boot image.
    lengths: [u64; 2],
    root_leaves: Leaves,
    boot_leaves: Leaves,
    root_hash: RootHash,
    pub(crate) params: Params,
}

impl Files {
    /// Those that are targets.
    pub(crate) fn of_targets(change: &Change<'_>, update: &Update) -> Result<Self, Unfit> {
        let named = |name: &str| change.named(name).ok_or_else(|| Unfit::Unlisted(name.to_owned()));
        let images = &update.images;
        Ok(Self {
            boot: named(&images.boot)?,
            root: named(&images.root)?,
            hash: named(&images.hash)?,
        })
    }
}

impl<'a> Tree<'a> {
    /// Reads the tree of a release.
    pub(crate) fn read(files: &Files, update: &'a Update, work: &Path) -> Result<Self, Obstacle> {
        let version = || update.version.clone();
        let contents = update.contents.as_ref().ok_or_else(|| Unfit::NoContents(version()))?;
        let hash = unpack(&files.hash, &contents.hash, work)?;
        let root_hash = RootHash(*contents.root_hash.as_bytes());
        let (leaves, superblock) = Leaves::read(&hash, contents.hash.length, &root_hash)
            .map_err(|source| unusable(update, source))?;
        if superblock.data_blocks.bytes() != contents.root.length {
            return Err(Unfit::OtherTree(version()).into());
        }
        Ok(Self { update, contents, leaves, params: superblock.params })
    }

    /// Whether a host that has the leaves and the parameters can make the hash image.
    pub(crate) fn gives_hash_image(&self, work: &Path) -> Result<(), Obstacle> {
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

    /// Decompresses the boot image, and hashes it as the tree does the root image.
    fn boot(&self, files: &Files, work: &Path) -> Result<(Padded<File>, Leaves), Obstacle> {
        let boot = unpack(&files.boot, &self.contents.boot, work)?;
        let boot = Padded::new(boot, self.contents.boot.length);
        let hasher = BlockHasher::new(&self.params.salt);
        let (length, threads) = (boot.length(), available_threads());
        let leaves = Leaves::of_data(&boot, length, &hasher, Unreadable::Refuse, threads, &|_| ());
        Ok((boot, leaves.map_err(|source| unusable(self.update, source))?))
    }

    /// What the blocks of the release are.
    pub(crate) fn blocks(&self, files: &Files, work: &Path) -> Result<Older, Obstacle> {
        let (_, boot) = self.boot(files, work)?;
        Ok(Older::new(&self.leaves, &boot).map_err(|source| unusable(self.update, source))?)
    }

    /// Decompresses the other images.
    pub(crate) fn unpack(self, files: &Files, work: &Path) -> Result<Unpacked, Obstacle> {
        let root = unpack(&files.root, &self.contents.root, work)?;
        let (boot, boot_leaves) = self.boot(files, work)?;
        Ok(Unpacked {
            root,
            boot,
            lengths: [self.contents.root.length, self.contents.boot.length],
            root_leaves: self.leaves,
            boot_leaves,
            root_hash: RootHash(*self.contents.root_hash.as_bytes()),
            params: self.params,
        })
    }
}

impl Unpacked {
    /// Decompresses the images of a release that hosts can make the hash image of.
    pub(crate) fn of(files: &Files, update: &Update, work: &Path) -> Result<Self, Obstacle> {
        let tree = Tree::read(files, update, work)?;
        tree.gives_hash_image(work)?;
        tree.unpack(files, work)
    }

    /// The images as the maker of packs takes them.
    pub(crate) fn images(&self) -> Images<'_> {
        Images {
            root: Source { data: &self.root, leaves: &self.root_leaves },
            boot: Source { data: &self.boot, leaves: &self.boot_leaves },
            root_hash: self.root_hash,
        }
    }

    /// Root and boot image as the maker of frames takes them.
    pub(crate) fn sources(&self) -> [::frames::make::Source<'_>; 2] {
        let [root, boot] = self.lengths;
        [
            ::frames::make::Source { data: &self.root, length: root, leaves: &self.root_leaves },
            ::frames::make::Source { data: &self.boot, length: boot, leaves: &self.boot_leaves },
        ]
    }
}

fn unusable(update: &Update, source: verity::Error) -> Unfit {
    Unfit::Tree { release: update.version.clone(), source }
}

/// Decompresses a file into one without a name, and compares both with what is said of them.
pub(crate) fn unpack(target: &Named, content: &Content, work: &Path) -> Result<File, Obstacle> {
    let unfit = |reason: &str| {
        let name = target.name.clone();
        Unfit::Target { name, reason: reason.to_owned() }
    };
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
    if !is_target(&tee.finish(), target) {
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

/// Decompresses one frame of lz4, or frames of zstd to the end, up to one byte more than `limit`.
fn decompress(mut from: impl Read, to: impl Write, limit: u64) -> Result<Measured, Failed> {
    let mut start = Vec::new();
    from.by_ref().take(4).read_to_end(&mut start).map_err(Failed::Frame)?;
    let whole = start.as_slice().chain(from);
    if start == ZSTD_MAGIC {
        let buffered = BufReader::with_capacity(256 << 10, whole);
        let decoder = zstd::stream::read::Decoder::with_buffer(buffered);
        copy(decoder.map_err(Failed::Frame)?, to, limit)
    } else {
        copy(lz4::Decoder::new(whole).map_err(Failed::Frame)?, to, limit)
    }
}

fn copy(decoder: impl Read, to: impl Write, limit: u64) -> Result<Measured, Failed> {
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

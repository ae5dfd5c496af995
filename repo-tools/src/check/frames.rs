//! Whether frames and their index are what the manifest says of the images.
//!
//! The index has to be of the images' lengths, and the frames of the index's. Unless the checkup is quick, all frames are decompressed, and the
//! tree is made of what comes out, as a host will make it.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::Path;

use ::frames::make::seek_table;
use ::frames::{Decoder, INDEX_BYTES, ImageIndex, Index};
use ::manifest::{Content, Contents, Frames, Update};
use aws_lc_rs::digest::{Context, SHA256};
use trust::{Sha256, Target};
use verity::{BLOCK_SIZE, BlockHasher, Digest, Leaves, Prefix};

use super::Report;
use super::metadata::Known;
use crate::files::reading;
use crate::{Layout, Result};

const AGAIN: &str = "publish the release again with --replace";

/// What is wrong with frames, in words; an error is one of reading.
type Verdict<T> = io::Result<std::result::Result<T, String>>;

/// Reads the index of a release's frames and, unless `quick`, the frames.
pub(super) fn check(
    layout: &Layout,
    update: &Update,
    known: &Known,
    quick: bool,
    report: &mut Report,
) -> Result<()> {
    let (Some(frames), Some(contents)) = (&update.frames, &update.contents) else {
        return Ok(());
    };
    let label = update.label();
    let Some([index, root, boot]) = targets(frames, known, &label, report) else { return Ok(()) };
    let path = |target: &Target| layout.targets().join(target.path());
    let index_path = path(&index);
    let read = read_index(&index_path, &index, contents).map_err(reading(&index_path))?;
    let read = match read {
        Ok(read) => read,
        Err(wrong) => {
            report.error(format!("index {index} of {label} {wrong}"), AGAIN);
            return Ok(());
        }
    };
    let Some(read) = read else { return Ok(()) };
    let hasher = BlockHasher::new(&read.params().salt);
    let images = [(&root, read.root(), &contents.root), (&boot, read.boot(), &contents.boot)];
    let mut leaves = Vec::new();
    for (target, image, content) in images {
        let path = path(target);
        let checkup = FramesOf { target, image, content, hasher: &hasher, quick };
        match checkup.check(&path).map_err(reading(&path))? {
            Ok(found) => leaves.push(found),
            Err(wrong) => report.error(format!("frames {target} of {label} {wrong}"), AGAIN),
        }
    }
    // The boot image is in no tree.
    if let [Some(root), _] = leaves.as_mut_slice()
        && !gives_tree(std::mem::take(root), &read, contents)
    {
        report.error(
            format!("index {index} of {label} is of another tree than the release has"),
            AGAIN,
        );
    }
    Ok(())
}

/// The targets of the index, the root and the boot image; what is none is said.
fn targets(
    frames: &Frames,
    known: &Known,
    label: &str,
    report: &mut Report,
) -> Option<[Target; 3]> {
    let targets = frames.names().map(|name| {
        let target = known.target(name);
        if target.is_none() {
            report.error(format!("release {label} names {name}, which is no target"), AGAIN);
        }
        target
    });
    let [index, root, boot] = targets;
    Some([index?, root?, boot?])
}

/// Opens a target's file; nothing, if it is missing or of another length, which was said already.
fn open(path: &Path, target: &Target) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.and_then(|file| {
            let length = file.metadata()?.len();
            Ok((length == target.length()).then_some(file))
        }),
    }
}

/// The index, if there is a file to read.
fn read_index(path: &Path, target: &Target, contents: &Contents) -> Verdict<Option<Index>> {
    let Some(file) = open(path, target)? else { return Ok(Ok(None)) };
    let mut bytes = Vec::new();
    let limit = u64::try_from(INDEX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes)?;
    let index = match Index::parse(&bytes) {
        Ok(index) => index,
        Err(error) => return Ok(Err(format!("cannot be read: {error}"))),
    };
    let block = u64::try_from(BLOCK_SIZE).unwrap_or(u64::MAX);
    for (image, content) in [(index.root(), &contents.root), (index.boot(), &contents.boot)] {
        let (found, wanted) = (u64::from(image.blocks()), content.length.div_ceil(block));
        if found != wanted {
            return Ok(Err(format!("is for {found} blocks where the manifest says {wanted}")));
        }
    }
    Ok(Ok(Some(index)))
}

/// The frames of one image, what they are to be, and how to look.
struct FramesOf<'a> {
    target: &'a Target,
    image: &'a ImageIndex,
    content: &'a Content,
    hasher: &'a BlockHasher,
    quick: bool,
}

impl FramesOf<'_> {
    /// The leaves of the image; none, if the frames were not read.
    fn check(&self, path: &Path) -> Verdict<Option<Vec<Digest>>> {
        let (found, wanted) = (self.target.length(), self.image.target_len());
        if found != wanted {
            return Ok(Err(format!("have {found} bytes where their index says {wanted}")));
        }
        match open(path, self.target)? {
            Some(file) if !self.quick => self.read(file).map(|leaves| leaves.map(Some)),
            _ => Ok(Ok(None)),
        }
    }

    /// Decompresses all frames, and compares what comes out.
    fn read(&self, file: File) -> Verdict<Vec<Digest>> {
        let mut file = io::BufReader::with_capacity(1 << 20, file);
        let mut decoder = Decoder::new().map_err(io::Error::other)?;
        let (mut leaves, mut digest) = (Vec::new(), Context::new(&SHA256));
        let (mut left, mut compressed, mut raw) = (self.content.length, Vec::new(), Vec::new());
        for frame in self.image.frames() {
            compressed.resize(usize::try_from(frame.length).unwrap_or(usize::MAX), 0);
            file.read_exact(&mut compressed)?;
            raw.resize(frame.raw_bytes(), 0);
            if let Err(error) = decoder.decode(frame, &compressed, &mut raw) {
                return Ok(Err(format!("are broken at block {}: {error}", frame.first)));
            }
            leaves.extend(raw.chunks_exact(BLOCK_SIZE).map(|block| self.hasher.digest(block)));
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(raw.len());
            digest.update(&raw[..length]);
            left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        }
        let mut table = Vec::new();
        file.read_to_end(&mut table)?;
        Ok(self.compare(&leaves, digest, &table).map(|()| leaves))
    }

    fn compare(
        &self,
        leaves: &[Digest],
        digest: Context,
        table: &[u8],
    ) -> std::result::Result<(), String> {
        let found = leaves.iter().map(Prefix::of);
        let differs = found.zip(self.image.prefixes()).position(|(found, wanted)| found != *wanted);
        if let Some(block) = differs {
            return Err(format!("hold another block {block} than their index says"));
        }
        if digest.finish().as_ref() != self.content.sha256.as_bytes() {
            return Err("do not give the image of the manifest".into());
        }
        if table != seek_table(self.image, self.content.length) {
            return Err("have another seek table than their index gives".into());
        }
        Ok(())
    }
}

/// Whether the leaves, with the salt and the UUID of the index, give the hash image of the release.
fn gives_tree(root: Vec<Digest>, index: &Index, contents: &Contents) -> bool {
    let mut hash = Cursor::new(Vec::new());
    let made = Leaves::new(root).and_then(|leaves| leaves.write_tree(index.params(), &mut hash));
    made.is_ok() && Sha256::of(hash.get_ref()) == Sha256::from(*contents.hash.sha256.as_bytes())
}

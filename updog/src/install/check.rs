//! Reads a whole set back, past the page cache, and compares it with what the release says.

use std::fs::File;
use std::io;

use manifest::{Content, Contents, Digest};
use ring::digest::{Context, SHA256};
use signpost::{PartRange, SetLayout};
use thiserror::Error;
use verity::{AlignedBuffer, ReadAt, RootHash};

use super::Region;
use super::decode::finish;
use super::region::BLOCK;
use super::settling::{Settled, Settling};
use crate::plan::Part;

/// Bytes read at a time.
const BUFFER: usize = 1 << 20;

/// Why a set is not what the release says.
#[derive(Debug, Error)]
pub enum CheckError {
    /// A partition cannot be read.
    #[error("cannot read the {part} partition back")]
    Read {
        /// The part of the set.
        part: Part,
        /// The cause.
        source: io::Error,
    },
    /// An image is longer than its partition.
    #[error("the {part} image has {length} bytes and its partition {partition}")]
    TooLong {
        /// The part of the set.
        part: Part,
        /// Length of the image in bytes.
        length: u64,
        /// Length of the partition in bytes.
        partition: u64,
    },
    /// What lies on the disk is another image.
    #[error("the {part} partition holds SHA-256 {got}, the release says {expected}")]
    Digest {
        /// The part of the set.
        part: Part,
        /// Digest of what was read.
        got: Digest,
        /// Digest that the release names.
        expected: Digest,
    },
    /// The root partition and its tree do not belong together, or not to the root hash.
    #[error("the root partition does not agree with the release's root hash")]
    Tree(#[source] verity::Error),
    /// The tree covers another length than the release says.
    #[error("the tree covers {blocks} blocks and the root image has {length} bytes")]
    Coverage {
        /// Data blocks of the tree.
        blocks: u64,
        /// Length of the root image in bytes.
        length: u64,
    },
}

impl CheckError {
    /// Whether the disk does not give back anything at all.
    pub(super) fn is_of_disk(&self) -> bool {
        matches!(
            self,
            Self::Read { .. }
                | Self::Tree(verity::Error::ReadData { .. } | verity::Error::ReadHash { .. })
        )
    }
}

/// Reads the set's three partitions and compares them with `contents`: boot and hash by digest, root block
/// by block against the tree, the tree against the root hash.
///
/// # Errors
///
/// The first thing that does not agree, or cannot be read.
pub fn check_set(
    disk: &File,
    layout: &SetLayout,
    contents: &Contents,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CheckError> {
    check_settled(disk, layout, contents, None, progress)
}

/// As [`check_set`], of a set that may still be written: each range is read once it has settled.
///
/// The parts come in the order in which they are written.
pub(super) fn check_settled(
    disk: &File,
    layout: &SetLayout,
    contents: &Contents,
    settling: Option<&Settling>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CheckError> {
    let watermark = |part| settling.map(|settling| settling.of(part));
    let hash = region(disk, layout.hash, Part::Hash, &contents.hash)?;
    let hash = Settled::new(&hash, watermark(Part::Hash));
    compare(&hash, Part::Hash, &contents.hash, progress)?;
    let boot = region(disk, layout.boot, Part::Boot, &contents.boot)?;
    let boot = Settled::new(&boot, watermark(Part::Boot));
    compare(&boot, Part::Boot, &contents.boot, progress)?;
    let root = region(disk, layout.root, Part::Root, &contents.root)?;
    check_tree(&Settled::new(&root, watermark(Part::Root)), &hash, contents, progress)
}

fn region(
    disk: &File,
    range: PartRange,
    part: Part,
    content: &Content,
) -> Result<Region, CheckError> {
    if content.length > range.length {
        return Err(CheckError::TooLong { part, length: content.length, partition: range.length });
    }
    let region = Region::open(disk, range).map_err(|source| CheckError::Read { part, source })?;
    region.forget().map_err(|source| CheckError::Read { part, source })?;
    Ok(region)
}

fn check_tree(
    root: &Settled<'_>,
    hash: &Settled<'_>,
    contents: &Contents,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CheckError> {
    let root_hash = RootHash(*contents.root_hash.as_bytes());
    let (data, tree) = (contents.root.length, contents.hash.length);
    let checked =
        verity::verify(root, data, hash, tree, &root_hash, verity::available_threads(), progress)
            .map_err(CheckError::Tree)?;
    if checked.data_blocks.checked_mul(BLOCK) == Some(data) {
        return Ok(());
    }
    Err(CheckError::Coverage { blocks: checked.data_blocks, length: data })
}

pub(super) fn compare(
    region: &Settled<'_>,
    part: Part,
    content: &Content,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CheckError> {
    let got = digest(region, content.length, progress)
        .map_err(|source| CheckError::Read { part, source })?;
    if got == content.sha256 {
        return Ok(());
    }
    Err(CheckError::Digest { part, got, expected: content.sha256 })
}

/// SHA-256 of the first `length` bytes.
fn digest(
    region: &Settled<'_>,
    length: u64,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<Digest> {
    let mut buffer = AlignedBuffer::new(BUFFER);
    let mut digest = Context::new(&SHA256);
    let mut offset = 0;
    while offset < length {
        let wanted = usize::try_from(length - offset).unwrap_or(BUFFER).min(BUFFER);
        let block = usize::try_from(BLOCK).unwrap_or(BUFFER);
        region.read_exact_at(&mut buffer[..wanted.next_multiple_of(block)], offset)?;
        digest.update(&buffer[..wanted]);
        let read = u64::try_from(wanted).unwrap_or(u64::MAX);
        offset = offset.saturating_add(read);
        progress(read);
    }
    Ok(finish(digest))
}

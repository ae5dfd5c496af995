//! Making a pack from two releases.
//!
//! 1. `plan`: each block of the new images is zero, old or new, by the leaves alone.
//! 2. The new blocks, in order, are cut into pieces of equal length.
//! 3. `window`: each piece gets the old blocks that look most like it, of those that have no further use.
//! 4. `compress`: pieces are compressed on several threads and collected in a spool, since the head, which comes first, says how
//!    long they are.
//!
//! The same images and options give the same bytes, with any number of threads and the same version of zstd.
//!
//! Memory: 44 bytes a block of the four images and 1/32 of the old blocks that have no further use; for each thread a window, a
//! piece, its compressed bytes and zstd's tables: see [`Level::thread_memory`].

mod compress;
mod cut;
mod error;
mod features;
mod level;
mod padded;
mod plan;
mod votes;
mod window;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;

use verity::{Leaves, ReadAt, RootHash};

pub use error::MakeError;
pub use level::Level;
pub use padded::Padded;

use crate::wire::{WireHead, write_runs};
use crate::{HEAD_BYTES, HEAD_OFFSET, Head, Image, MAGIC, Release, VERSION};

/// An image that lies somewhere.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its blocks; see [`Padded`] for one that ends within a block.
    pub data: &'a dyn ReadAt,
    /// Their leaves.
    pub leaves: &'a Leaves,
}

/// The images of a release; all leaves have the same salt.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    /// The root image.
    pub root: Source<'a>,
    /// The boot image.
    pub boot: Source<'a>,
    /// The root hash of the root image.
    pub root_hash: RootHash,
}

/// How a pack is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How hard to compress.
    pub level: Level,
    /// Most threads.
    pub threads: NonZeroUsize,
    /// Bytes of memory that threads may take together; one is always started.
    pub memory: usize,
}

/// A pack that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Bytes of the head, which lies at [`HEAD_OFFSET`].
    pub head: Vec<u8>,
    /// Bytes of the pack.
    pub length: u64,
    /// Pieces.
    pub pieces: usize,
    /// New blocks, which are in the pieces.
    pub new_blocks: u64,
}

/// Writes a pack to `out`, with the help of an empty file.
///
/// `zero` is the digest of a zero block with the salt of the leaves. `progress` is told how many bytes of new
/// blocks were compressed since its last call, and how many there are altogether.
///
/// # Errors
///
/// Fails when images cannot be read, or files written, and when the images differ in more places than a head can name.
pub fn make<S: Read + Write + Seek + Send>(
    old: &Images<'_>,
    new: &Images<'_>,
    zero: &verity::Digest,
    options: &Options,
    spool: &mut S,
    out: &mut dyn Write,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Made, MakeError> {
    let plan = plan::plan(old, new, zero)?;
    let cuts = cut::cut(&plan);
    let windows = window::Windows::new(old, plan.unused)?;
    let spooled = compress::compress(old, new, &cuts, &windows, options, spool, progress)?;
    let new_blocks = cuts.iter().map(|cut| u64::from(cut.blocks())).sum();
    let head = encode(&WireHead {
        old: old.release()?,
        new: new.release()?,
        root: write_runs(&plan.root),
        boot: write_runs(&plan.boot),
        pieces: spooled.iter().map(|spooled| spooled.piece.clone()).collect(),
    })?;
    let length = Head::parse(&head)?.pack_len();
    let start = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    out.write_all(&start).and_then(|()| out.write_all(&head)).map_err(MakeError::Write)?;
    for spooled in &spooled {
        copy(spool, spooled, out).map_err(MakeError::Write)?;
    }
    Ok(Made { head, length, pieces: spooled.len(), new_blocks })
}

/// The bytes of a head.
pub(crate) fn encode(head: &WireHead) -> Result<Vec<u8>, MakeError> {
    let plain = postcard::to_allocvec(head).map_err(MakeError::Encode)?;
    let compressed = zstd::bulk::compress(&plain, 19).map_err(MakeError::Write)?;
    if plain.len() > HEAD_BYTES || compressed.len() > HEAD_BYTES {
        return Err(MakeError::TooManyRuns);
    }
    Ok(compressed)
}

fn copy<S: Read + Seek>(
    spool: &mut S,
    spooled: &compress::Spooled,
    out: &mut dyn Write,
) -> io::Result<()> {
    spool.seek(SeekFrom::Start(spooled.position))?;
    let length = u64::from(spooled.piece.compressed_len);
    let copied = io::copy(&mut spool.by_ref().take(length), out)?;
    if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Images<'_> {
    pub(crate) fn of(&self, image: Image) -> &Source<'_> {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }

    fn release(&self) -> Result<Release, MakeError> {
        let blocks = |image| {
            let blocks = self.of(image).leaves.blocks().blocks();
            u32::try_from(blocks).map_err(|_| MakeError::TooLarge { image, blocks })
        };
        Ok(Release {
            root_hash: self.root_hash.0,
            root_blocks: blocks(Image::Root)?,
            boot_blocks: blocks(Image::Boot)?,
        })
    }
}

// Readers look for the head where it is written.
const _: () = assert!(HEAD_OFFSET == 12 && MAGIC.len() + size_of::<u32>() == 12);

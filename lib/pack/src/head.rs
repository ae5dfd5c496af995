//! The head of a pack: how the new images come about, and what the pieces are.
//!
//! A `Head` is consistent: its runs cover the new images exactly and take old blocks that there are, and its
//! pieces hold exactly the blocks that the runs call new, in order.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use zstd::zstd_safe;

use crate::run::new_extents;
use crate::wire::{WireHead, read_runs};
use crate::{
    Error, Extent, HEAD_BYTES, HEAD_OFFSET, Image, MAGIC, PIECE_BLOCKS, PIECE_COMPRESSED_BYTES,
    Piece, Run, VERSION, WINDOW_BLOCKS,
};

/// One of the two releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Root hash of the root image's tree.
    pub root_hash: [u8; 32],
    /// Blocks of the root image.
    pub root_blocks: u32,
    /// Blocks of the boot image.
    pub boot_blocks: u32,
}

impl Release {
    /// Blocks of an image.
    pub fn blocks(&self, image: Image) -> u32 {
        match image {
            Image::Root => self.root_blocks,
            Image::Boot => self.boot_blocks,
        }
    }
}

/// The head of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    old: Release,
    new: Release,
    root: Vec<Run>,
    boot: Vec<Run>,
    pieces: Vec<Piece>,
    /// Compressed, in bytes.
    length: u64,
}

/// A piece, where it lies, and where its blocks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedPiece<'a> {
    /// The piece.
    pub piece: &'a Piece,
    /// Its bytes in the pack.
    pub range: Range<u64>,
    /// Its blocks in the new images, in order.
    pub places: Vec<Extent>,
}

impl Head {
    /// Checks the first [`HEAD_OFFSET`] bytes of a pack.
    ///
    /// # Errors
    ///
    /// Refuses other files, and later formats.
    pub fn check_start(bytes: &[u8; 12]) -> Result<(), Error> {
        let (magic, version) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Error::Magic);
        }
        let version = version.try_into().map_err(|_| Error::Magic)?;
        match u32::from_le_bytes(version) {
            VERSION => Ok(()),
            other => Err(Error::Version(other)),
        }
    }

    /// Reads a head, whose bytes lie from [`HEAD_OFFSET`] in a pack.
    ///
    /// # Errors
    ///
    /// Refuses what is too long, cannot be read or is not consistent, and says what.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let length = u64::try_from(bytes.len()).map_err(|_| Error::HeadTooLong)?;
        let plain = decompress(bytes)?;
        let (wire, rest) = postcard::take_from_bytes::<WireHead>(&plain)?;
        if !rest.is_empty() {
            return Err(Error::HeadEnd(rest.len()));
        }
        Self::of_wire(wire, length)
    }

    /// Takes over what is consistent.
    pub(crate) fn of_wire(wire: WireHead, length: u64) -> Result<Self, Error> {
        let WireHead { old, new, root, boot, pieces } = wire;
        let runs = |image, runs| {
            let runs = read_runs(runs).map_err(|run| Error::Run { image, run })?;
            check_runs(image, &runs, &old, &new)?;
            Ok::<_, Error>(runs)
        };
        for image in Image::ALL {
            if old.blocks(image) == 0 || new.blocks(image) == 0 {
                return Err(Error::Empty(image));
            }
        }
        let (root, boot) = (runs(Image::Root, &root)?, runs(Image::Boot, &boot)?);
        for (number, piece) in pieces.iter().enumerate() {
            check_piece(number, piece, &old)?;
        }
        let head = Self { old, new, root, boot, pieces, length };
        head.check_sum()?;
        Ok(head)
    }

    /// The release that hosts have.
    pub fn old(&self) -> &Release {
        &self.old
    }

    /// The release that they get.
    pub fn new_release(&self) -> &Release {
        &self.new
    }

    /// How a new image comes about: runs that cover it, in order.
    pub fn runs(&self, image: Image) -> &[Run] {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }

    /// The pieces, in the order of the pack.
    pub fn pieces(&self) -> impl Iterator<Item = PlacedPiece<'_>> {
        let mut extents = self.new_blocks();
        let mut rest = None;
        let mut end = HEAD_OFFSET + self.length;
        self.pieces.iter().map(move |piece| {
            let start = end;
            end += u64::from(piece.compressed_len);
            let places = take(piece.blocks, &mut rest, &mut extents);
            PlacedPiece { piece, range: start..end, places }
        })
    }

    /// Length of the whole pack in bytes.
    pub fn pack_len(&self) -> u64 {
        let pieces = self.pieces.iter().map(|piece| u64::from(piece.compressed_len));
        HEAD_OFFSET + self.length + pieces.sum::<u64>()
    }

    /// The blocks of the new images that are in the pack, in order.
    pub fn new_blocks(&self) -> impl Iterator<Item = Extent> {
        Image::ALL.into_iter().flat_map(|image| new_extents(image, self.runs(image)))
    }

    fn check_sum(&self) -> Result<(), Error> {
        let new = self.new_blocks().map(|extent| u64::from(extent.blocks)).sum();
        let pieces = self.pieces.iter().map(|piece| u64::from(piece.blocks)).sum();
        if new == pieces { Ok(()) } else { Err(Error::New { pieces, new }) }
    }
}

/// Decompresses a head, whose frame says how long it is.
fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    if bytes.len() > HEAD_BYTES {
        return Err(Error::HeadTooLong);
    }
    let length = zstd_safe::get_frame_content_size(bytes).ok().flatten();
    let length = length.ok_or(Error::HeadFrame("it does not say how long it is"))?;
    let length = usize::try_from(length).map_err(|_| Error::HeadTooLong)?;
    if length > HEAD_BYTES {
        return Err(Error::HeadTooLong);
    }
    let mut plain = Vec::with_capacity(length);
    zstd_safe::decompress(&mut plain, bytes)
        .map_err(|code| Error::HeadFrame(zstd_safe::get_error_name(code)))?;
    Ok(plain)
}

/// Checks that runs take blocks that there are, and cover the image.
fn check_runs(image: Image, runs: &[Run], old: &Release, new: &Release) -> Result<(), Error> {
    let mut covered = 0;
    for (number, run) in runs.iter().enumerate() {
        if !run.is_possible(image, covered, old, new) {
            return Err(Error::Run { image, run: number });
        }
        covered += u64::from(run.blocks);
    }
    let blocks = new.blocks(image);
    if covered == u64::from(blocks) { Ok(()) } else { Err(Error::Cover { image, covered, blocks }) }
}

fn check_piece(number: usize, piece: &Piece, old: &Release) -> Result<(), Error> {
    if !(1..=PIECE_BLOCKS).contains(&piece.blocks) {
        return Err(Error::PieceBlocks { piece: number, blocks: piece.blocks });
    }
    let length = piece.compressed_len;
    if !(1..=PIECE_COMPRESSED_BYTES).contains(&length) {
        return Err(Error::PieceLength { piece: number, length });
    }
    let window = &piece.window;
    let fits = window.iter().all(|extent| extent.is_within(old.blocks(extent.image)));
    let blocks: u64 = window.iter().map(|extent| u64::from(extent.blocks)).sum();
    if fits && blocks <= u64::from(WINDOW_BLOCKS) { Ok(()) } else { Err(Error::Window(number)) }
}

/// Takes so many blocks off the front of some extents; `rest` is what is left of the last one.
pub(crate) fn take(
    mut blocks: u32,
    rest: &mut Option<Extent>,
    extents: &mut impl Iterator<Item = Extent>,
) -> Vec<Extent> {
    let mut taken = Vec::new();
    while blocks > 0 {
        let Some(extent) = rest.take().or_else(|| extents.next()) else { break };
        let count = extent.blocks.min(blocks);
        taken.push(Extent { blocks: count, ..extent });
        blocks -= count;
        if count < extent.blocks {
            let (first, blocks) = (extent.first + count, extent.blocks - count);
            *rest = Some(Extent { first, blocks, ..extent });
        }
    }
    taken
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;

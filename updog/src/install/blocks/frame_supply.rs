//! Blocks that arrive in frames of the new images: only those frames that hold what is lacking.

use std::io::Read;

use frames::{Decoder, Frame, ImageIndex, Index};
use pack::Image;
use verity::{AlignedBuffer, BLOCK_SIZE, BlockHasher, Prefix};

use super::DeltaError;
use super::positioned::Positioned;
use super::supply::Supply;

/// Frames as they arrive, those of the root image first.
pub(super) struct FrameSupply<'a, R> {
    index: &'a Index,
    hasher: &'a BlockHasher,
    decoder: Decoder,
    source: Option<Positioned<R>>,
    /// What arrives behind the root image's frames.
    boot: Option<Vec<std::ops::Range<u64>>>,
    compressed: Vec<u8>,
    blocks: AlignedBuffer,
    /// Whose blocks are in `blocks`.
    current: Option<(Image, Frame)>,
}

/// The part of an index for an image.
pub(super) fn part(index: &Index, image: Image) -> &ImageIndex {
    match image {
        Image::Root => index.root(),
        Image::Boot => index.boot(),
    }
}

impl<'a, R: Read> FrameSupply<'a, R> {
    /// The frames of `index` that `source` brings: these ranges of the root image's target, and these of the boot image's.
    ///
    /// # Errors
    ///
    /// Fails when there is no memory.
    pub(super) fn new(
        index: &'a Index,
        hasher: &'a BlockHasher,
        source: R,
        [root, boot]: [Vec<std::ops::Range<u64>>; 2],
    ) -> Result<Self, DeltaError> {
        Ok(Self {
            index,
            hasher,
            decoder: Decoder::new()?,
            source: Some(Positioned::new(source, root)),
            boot: Some(boot),
            compressed: Vec::new(),
            blocks: AlignedBuffer::new(0),
            current: None,
        })
    }

    /// What brings them.
    pub(super) fn into_source(self) -> Option<R> {
        self.source.map(Positioned::into_source)
    }

    /// Decodes the frame that holds a block, unless it is at hand.
    fn decode(&mut self, image: Image, block: u32) -> Result<Frame, DeltaError> {
        let frame = part(self.index, image).frame_of(block).ok_or(DeltaError::OtherNew)?;
        if self.current == Some((image, *frame)) {
            return Ok(*frame);
        }
        self.turn_to(image)?;
        self.current = None;
        self.compressed.resize(usize::try_from(frame.length).unwrap_or(usize::MAX), 0);
        let source = self.source.as_mut().ok_or(DeltaError::Short)?;
        source.read_at(frame.offset, &mut self.compressed)?;
        let length = frame.raw_bytes();
        if self.blocks.len() < length {
            self.blocks = AlignedBuffer::new(length);
        }
        self.decoder.decode(frame, &self.compressed, &mut self.blocks[..length])?;
        self.current = Some((image, *frame));
        Ok(*frame)
    }

    /// Goes on to the boot image's target, once.
    fn turn_to(&mut self, image: Image) -> Result<(), DeltaError> {
        if image == Image::Root {
            return Ok(());
        }
        let Some(ranges) = self.boot.take() else { return Ok(()) };
        let source = self.source.take().ok_or(DeltaError::Short)?;
        self.source = Some(source.next(ranges)?);
        Ok(())
    }
}

impl<R: Read> Supply for FrameSupply<'_, R> {
    fn take(&mut self, image: Image, first: u32, room: &mut [u8]) -> Result<usize, DeltaError> {
        let frame = self.decode(image, first)?;
        let skipped = usize::try_from(first - frame.first).unwrap_or(usize::MAX) * BLOCK_SIZE;
        let blocks = &self.blocks[skipped..frame.raw_bytes()];
        let length = blocks.len().min(room.len());
        let wanted = part(self.index, image).prefixes();
        let wanted = wanted.iter().skip(usize::try_from(first).unwrap_or(usize::MAX));
        for ((block, bytes), wanted) in
            (first..).zip(blocks[..length].chunks_exact(BLOCK_SIZE)).zip(wanted)
        {
            if Prefix::of(&self.hasher.digest(bytes)) != *wanted {
                return Err(DeltaError::NewBlock { image, block });
            }
        }
        room[..length].copy_from_slice(&blocks[..length]);
        Ok(length)
    }
}

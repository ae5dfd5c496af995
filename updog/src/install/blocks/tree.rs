//! The new tree, made of leaves alone, on its way to the hash partition.

use std::io::{self, Seek, SeekFrom, Write};

use manifest::Contents;
use verity::{AlignedBuffer, BlockCount, Leaves, Params, RootHash, TreeShape};

use super::DeltaError;
use crate::install::{DecodeError, Region};

/// Most bytes that are written at a time, a multiple of the block.
const BUFFER: usize = 1 << 20;

/// Writes the tree over `leaves` to the hash partition `region`; it is the one that `contents` says.
///
/// # Errors
///
/// Refuses leaves that make another tree, and fails when the disk does.
pub(super) fn write(
    region: &Region,
    leaves: &Leaves,
    params: &Params,
    contents: &Contents,
) -> Result<(), DeltaError> {
    if shape_length(leaves.blocks()) != contents.hash.length {
        return Err(DeltaError::OtherNew);
    }
    let written = leaves.write_tree(params, &mut Place::new(region)).map_err(failure)?;
    let (got, expected) = (written.root_hash, RootHash(*contents.root_hash.as_bytes()));
    if got == expected { Ok(()) } else { Err(DeltaError::NewRoot { got, expected }) }
}

fn shape_length(blocks: BlockCount) -> u64 {
    TreeShape::of(blocks).hash_len()
}

fn failure(error: verity::Error) -> DeltaError {
    match error {
        verity::Error::WriteHash(source) => DecodeError::Write(source).into(),
        other => DeltaError::NewTree(other),
    }
}

/// A place in a partition, written in whole blocks from memory that is aligned.
struct Place<'a> {
    region: &'a Region,
    buffer: AlignedBuffer,
    position: u64,
}

impl<'a> Place<'a> {
    fn new(region: &'a Region) -> Self {
        Self { region, buffer: AlignedBuffer::new(BUFFER), position: 0 }
    }
}

impl Write for Place<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.buffer.len());
        self.buffer[..length].copy_from_slice(&bytes[..length]);
        self.region.write_all_at(&self.buffer[..length], self.position)?;
        self.position = self.position.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Place<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(position) => self.position = position,
            SeekFrom::End(_) | SeekFrom::Current(_) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
        }
        Ok(self.position)
    }
}

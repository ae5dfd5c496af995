//! Reading at a position, without a cursor, from several threads.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::Error;
use crate::block::BLOCK_BYTES;

/// Something that can be read at any position by several threads at once.
pub trait ReadAt: Sync {
    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    ///
    /// Fails when the bytes cannot be read, [`io::ErrorKind::UnexpectedEof`] when they end too early.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(buffer.len())?))
            .and_then(|range| self.get(range))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buffer, offset)
    }
}

/// A byte range of something larger, such as a partition of a disk; nothing outside it can be read.
#[derive(Clone, Copy, Debug)]
pub struct Window<R> {
    inner: R,
    start: u64,
    length: u64,
}

impl<R> Window<R> {
    /// The `length` bytes of `inner` from `start`.
    pub fn new(inner: R, start: u64, length: u64) -> Self {
        Self { inner, start, length }
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The position in `inner`, if `wanted` bytes from `offset` lie within.
    fn position(&self, offset: u64, wanted: usize) -> Option<u64> {
        let end = offset.checked_add(u64::try_from(wanted).ok()?)?;
        if end > self.length { None } else { self.start.checked_add(offset) }
    }
}

impl<R: ReadAt> ReadAt for Window<R> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let position = self.position(offset, buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.inner.read_exact_at(buffer, position)
    }
}

/// Reads data blocks to the start of `buffer`, which must have room for them.
pub(crate) fn data_blocks<'a, D: ReadAt + ?Sized>(
    data: &D,
    blocks: &Range<u64>,
    buffer: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let (offset, length) = (blocks.start * BLOCK_BYTES, byte_length(blocks));
    let bytes = &mut buffer[..length];
    data.read_exact_at(bytes, offset).map_err(|source| Error::ReadData {
        offset,
        length,
        source,
    })?;
    Ok(bytes)
}

/// Reads blocks of the hash image to the start of `buffer`, which must have room for them.
pub(crate) fn hash_blocks<'a, H: ReadAt + ?Sized>(
    hash: &H,
    blocks: &Range<u64>,
    buffer: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let (offset, length) = (blocks.start * BLOCK_BYTES, byte_length(blocks));
    let bytes = &mut buffer[..length];
    hash.read_exact_at(bytes, offset).map_err(|source| Error::ReadHash {
        offset,
        length,
        source,
    })?;
    Ok(bytes)
}

/// Bytes of some blocks that a buffer holds.
fn byte_length(blocks: &Range<u64>) -> usize {
    usize::try_from((blocks.end - blocks.start) * BLOCK_BYTES).expect("a buffer holds them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_shows_its_range_and_nothing_else() {
        let bytes: Vec<u8> = (0..10).collect();
        let window = Window::new(&bytes, 4, 3);
        let mut two = [0; 2];
        window.read_exact_at(&mut two, 1).expect("inside");
        assert_eq!(two, [5, 6]);
        for offset in [2, 3, u64::MAX] {
            let error = window.read_exact_at(&mut two, offset).expect_err("outside");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn window_past_the_end_of_numbers_is_an_error() {
        let bytes = vec![0; 8];
        let window = Window::new(&bytes, u64::MAX, u64::MAX);
        assert!(window.read_exact_at(&mut [0; 2], 1).is_err());
    }
}

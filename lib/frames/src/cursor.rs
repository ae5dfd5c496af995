//! Bytes that are read from their start, little-endian.

use crate::Error;

/// What is left of some bytes.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Error::End)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::End)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next `count` arrays of `N` bytes; they are there, so that as much memory can be taken for them.
    pub(crate) fn arrays<const N: usize>(&mut self, count: u32) -> Result<&'a [[u8; N]], Error> {
        let count = usize::try_from(count).map_err(|_| Error::End)?;
        let bytes = self.bytes(count.checked_mul(N).ok_or(Error::End)?)?;
        Ok(bytes.as_chunks().0)
    }

    /// Refuses what is left.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Rest(self.0.len())) }
    }
}

//! Measuring a file while it is copied.

use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};
use trust::Sha256;

const BUFFER: usize = 256 << 10;

/// Reads, measures, and writes what it read.
pub(crate) struct Tee<R, W> {
    from: R,
    to: W,
    digest: Context,
    length: u64,
    /// Reading ends one byte after this.
    limit: u64,
    /// Why writing failed, as against reading.
    pub(crate) write_error: Option<io::Error>,
}

/// Length and digest of what was read.
pub(crate) struct Measured {
    pub(crate) length: u64,
    pub(crate) sha256: Sha256,
}

impl<R: Read, W: Write> Tee<R, W> {
    /// Reads `from`, at most one byte more than `limit`, and writes `to`.
    pub(crate) fn new(from: R, to: W, limit: u64) -> Self {
        let digest = Context::new(&SHA256);
        Self { from, to, digest, length: 0, limit, write_error: None }
    }

    /// What was read until now.
    pub(crate) fn finish(self) -> Measured {
        let bytes: [u8; 32] =
            self.digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Measured { length: self.length, sha256: bytes.into() }
    }
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.length > self.limit {
            return Ok(0);
        }
        let length = buffer.len().min(BUFFER);
        let read = self.from.read(&mut buffer[..length])?;
        self.digest.update(&buffer[..read]);
        self.length = self.length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if let Err(error) = self.to.write_all(&buffer[..read]) {
            self.write_error = Some(error);
            return Err(io::Error::other("the copy could not be written"));
        }
        Ok(read)
    }
}

//! Putting bytes into a sparse file: what is zero is left out.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::digest::{Measured, Measuring, copy};
use crate::error::{FileError, OnFile};

/// A piece that is all zero is left out.
const PIECE: usize = 64 << 10;

/// Copies a file to `start`, but no more than `limit` bytes of it; measures all of it.
pub(super) fn copy_sparse(
    from: &Path,
    (to, to_path): (&File, &Path),
    start: u64,
    limit: u64,
    progress: &dyn Fn(u64),
) -> Result<Measured, FileError> {
    let file = File::open(from).on("read", from)?;
    let mut measuring = Measuring::new(Sparse { to, next: start });
    copy((&mut (&file).take(limit), from), (&mut measuring, to_path), progress)?;
    let (_, mut measured) = measuring.finish();
    // A longer file is told by its length; what is beyond was not written.
    measured.length = measured.length.max(file.metadata().on("read", from)?.len());
    Ok(measured)
}

/// Writes bytes to `start`.
pub(super) fn write_sparse(bytes: &[u8], to: &File, start: u64) -> io::Result<()> {
    Sparse { to, next: start }.write_all(bytes)
}

/// A part of a file that was all zero before.
struct Sparse<'a> {
    to: &'a File,
    next: u64,
}

impl Write for Sparse<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.chunks(PIECE) {
            if piece.iter().any(|byte| *byte != 0) {
                self.to.write_all_at(piece, self.next)?;
            }
            let length = u64::try_from(piece.len()).map_err(io::Error::other)?;
            self.next = self.next.checked_add(length).ok_or(io::ErrorKind::FileTooLarge)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

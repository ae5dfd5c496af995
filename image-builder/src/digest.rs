//! SHA-256 and length of what passes by.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use ring::digest::{Context, SHA256};

use crate::error::{FileError, OnFile};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// Length and digest of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Passes bytes on and measures them.
pub(crate) struct Measuring<W> {
    inner: W,
    context: Context,
    length: u64,
}

impl<W> Measuring<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, context: Context::new(&SHA256), length: 0 }
    }

    /// Counts bytes as passed on.
    fn count(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    /// What passed by, and where it went.
    pub(crate) fn finish(self) -> (W, Measured) {
        let sha256 = hex::encode(self.context.finish());
        (self.inner, Measured { length: self.length, sha256 })
    }
}

impl<W: Write> Write for Measuring<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.count(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Copies everything, in large pieces, and tells `progress` how much; the paths are for errors.
pub(crate) fn copy(
    (from, from_path): (&mut (impl Read + ?Sized), &Path),
    (to, to_path): (&mut (impl Write + ?Sized), &Path),
    progress: &dyn Fn(u64),
) -> Result<(), FileError> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count]).on("write", to_path)?;
                progress(u64::try_from(count).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::new("read", from_path, error)),
        }
    }
}

/// Measures a file.
pub(crate) fn sha256_of(path: &Path) -> Result<Measured, FileError> {
    let mut measuring = Measuring::new(io::sink());
    let mut file = File::open(path).on("read", path)?;
    copy((&mut file, path), (&mut measuring, path), &|_| ())?;
    Ok(measuring.finish().1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_of_the_side_that_is_full() {
        let mut full = [0; 2];
        let (from, to) = (Path::new("source"), Path::new("image"));
        let error = copy((&mut b"abc".as_slice(), from), (&mut full.as_mut_slice(), to), &|_| ());
        assert_eq!(error.expect_err("two bytes").to_string(), "cannot write image");
    }

    #[test]
    fn what_passes_by_is_measured() {
        let mut measuring = Measuring::new(Vec::new());
        let path = Path::new("memory");
        copy((&mut b"abc".as_slice(), path), (&mut measuring, path), &|_| ()).expect("memory");
        let (bytes, measured) = measuring.finish();
        assert_eq!(bytes, b"abc");
        assert_eq!(measured.length, 3);
        // FIPS 180-2, appendix B.1
        let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(measured.sha256, wanted);
    }
}

//! A migration in memory: unpacked, and sealed so that nobody can change what was verified.
//!
//! The bytes come from a verified target. One lz4 frame is unpacked, which its first bytes tell; anything else is the program
//! itself. It is run as a file in memory that nothing on a disk leads to, sealed against every change.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use datastore::stream::MARKER;
use memchr::memmem;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

use crate::{Error, Result};

/// The first bytes of an lz4 frame.
const LZ4: [u8; 4] = 0x184D_2204_u32.to_le_bytes();

/// The most bytes of a migration that is not packed.
const MAX_LENGTH: u64 = 128 << 20;

/// A program in sealed memory.
#[derive(Debug)]
pub struct Sealed {
    file: OwnedFd,
    length: u64,
    is_script: bool,
    works_in_a_stream: bool,
}

impl Sealed {
    /// Unpacks and seals the bytes of the target `name`, which were verified.
    ///
    /// # Errors
    ///
    /// [`Error::Unpack`] for a damaged frame, [`Error::Large`] for one that is too large, [`Error::Start`] when there is no such memory.
    pub fn new(name: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(&LZ4) {
            Self::seal(name, &unpack(name, bytes)?)
        } else {
            Self::seal(name, bytes)
        }
    }

    fn seal(name: &str, program: &[u8]) -> Result<Self> {
        let length = u64::try_from(program.len()).unwrap_or(u64::MAX);
        if length > MAX_LENGTH {
            return Err(Error::Large { name: name.to_owned(), limit: MAX_LENGTH });
        }
        let is_script = program.starts_with(b"#!");
        let file = memory(program, is_script);
        let file = file.map_err(|source| Error::Start { name: name.to_owned(), source })?;
        let works_in_a_stream = memmem::find(program, &MARKER).is_some();
        Ok(Self { file, length, is_script, works_in_a_stream })
    }

    /// The same once more; of a script there is one only, since whatever is started inherits it.
    pub(crate) fn share(&self) -> Option<Self> {
        let file = self.file.try_clone().ok().filter(|_| !self.is_script)?;
        Some(Self { file, ..*self })
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether it says of itself that it can be called with `--stream`.
    pub(crate) fn works_in_a_stream(&self) -> bool {
        self.works_in_a_stream
    }

    /// What the program is started as, in a child of this process.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

fn unpack(name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |source| Error::Unpack { name: name.to_owned(), source };
    let decoder = lz4::Decoder::new(bytes).map_err(failed)?;
    let mut bounded = decoder.take(MAX_LENGTH + 1);
    let mut program = Vec::new();
    bounded.read_to_end(&mut program).map_err(failed)?;
    if u64::try_from(program.len()).unwrap_or(u64::MAX) > MAX_LENGTH {
        return Err(Error::Large { name: name.to_owned(), limit: MAX_LENGTH });
    }
    match bounded.into_inner().finish() {
        ([], Ok(())) => Ok(program),
        (_, Ok(())) => {
            Err(failed(io::Error::new(ErrorKind::InvalidData, "something follows the frame")))
        }
        (_, Err(error)) => Err(failed(error)),
    }
}

/// Puts a program into memory that can be run and not be changed.
fn memory(program: &[u8], is_script: bool) -> io::Result<OwnedFd> {
    // A script is opened once more by its interpreter, after it was started.
    let flags = MemfdFlags::ALLOW_SEALING
        | if is_script { MemfdFlags::empty() } else { MemfdFlags::CLOEXEC };
    let made = match memfd_create("migration", flags | MemfdFlags::EXEC) {
        // Before Linux 6.3 it can always be run, and cannot be asked for.
        Err(Errno::INVAL) => memfd_create("migration", flags),
        made => made,
    };
    let mut file = File::from(made?);
    file.write_all(program)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn lz4(raw: &[u8]) -> Vec<u8> {
        let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
        encoder.write_all(raw).unwrap();
        encoder.finish().0
    }

    #[test]
    fn a_frame_is_unpacked_and_anything_else_is_the_program() {
        for bytes in [lz4(b"#!/bin/sh\n"), b"#!/bin/sh\n".to_vec()] {
            let sealed = Sealed::new("x", &bytes).unwrap();
            assert_eq!(fs::read(sealed.path()).unwrap(), b"#!/bin/sh\n");
        }
    }

    #[test]
    fn a_frame_that_is_cut_or_goes_on_is_refused() {
        let whole = lz4(&[7; 300_000]);
        let cut = &whole[..whole.len() - 5];
        assert!(matches!(Sealed::new("x", cut), Err(Error::Unpack { .. })));
        let more = [&whole[..], &[0; 100_000]].concat();
        assert!(matches!(Sealed::new("x", &more), Err(Error::Unpack { .. })));
    }

    #[test]
    fn a_frame_that_would_fill_the_memory_is_refused() {
        let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..=128 {
            encoder.write_all(&zeros).unwrap();
        }
        assert!(matches!(Sealed::new("x", &encoder.finish().0), Err(Error::Large { .. })));
    }

    #[test]
    fn what_is_sealed_stays() {
        let sealed = Sealed::new("x", b"#!/bin/sh\n").unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(sealed.path()).unwrap();
        assert!(file.write_all(b"#!/bin/rm").is_err());
        assert!(file.set_len(0).is_err());
    }
}

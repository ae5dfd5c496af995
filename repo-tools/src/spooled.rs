//! A target that was made in a file without a name, on its way to its place: the digest, which is in the name, is known last.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use trust::Sha256;

use crate::Result;
use crate::files::{Observer, Unnamed, reading, writing};
use crate::parts::holds;
use crate::publish::target_path;
use crate::tee::Tee;

/// What was made, measured.
#[derive(Debug)]
pub(crate) struct Spooled {
    file: File,
    pub(crate) length: u64,
    pub(crate) sha256: Sha256,
}

impl Spooled {
    /// Makes one in a file in `work`.
    pub(crate) fn write(
        work: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self> {
        let mut file = tempfile::tempfile_in(work).map_err(writing(work))?;
        let mut out = BufWriter::with_capacity(1 << 20, &mut file);
        write(&mut out).and_then(|()| out.flush()).map_err(writing(work))?;
        drop(out);
        Self::measure(file).map_err(reading(work))
    }

    /// Reads the whole file.
    pub(crate) fn measure(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        let mut tee = Tee::new(&file, io::sink(), u64::MAX);
        io::copy(&mut tee, &mut io::sink())?;
        let found = tee.finish();
        Ok(Self { file, length: found.length, sha256: found.sha256 })
    }

    /// Copies it into `targets`. Says whether it was not there yet.
    pub(crate) fn place(
        &mut self,
        targets: &Path,
        name: &str,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let path = target_path(targets, name, self.sha256);
        if holds(&path, self.length, self.sha256)? {
            return Ok(false);
        }
        let mut unnamed = Unnamed::create(&path)?;
        let copied = self.file.rewind().and_then(|()| io::copy(&mut self.file, unnamed.file()));
        if let Err(error) = copied {
            unnamed.discard();
            return Err(writing(&path)(error));
        }
        unnamed.name(observer)?;
        Ok(true)
    }
}

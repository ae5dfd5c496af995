//! A bundle as one tar file.
//!
//! The same selection gives the same bytes: names in order, no times, no owners. Long names are GNU's, which every tar reads.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use tar::{Builder, Header};

use super::{Existing, Selection, exists};
use crate::files::{Unnamed, Unobserved, reading, writing};
use crate::{Error, Outcome, Result};

pub(super) fn write(
    selection: &Selection,
    to: &Path,
    existing: Existing,
    progress: &dyn Fn(u64),
) -> Result<Outcome> {
    if exists(to)? {
        if holds(selection, to)? {
            return Ok(Outcome::NothingToDo);
        }
        if existing == Existing::Stays {
            return Err(Error::OtherBundle(to.to_owned()));
        }
    }
    let mut unnamed = Unnamed::create(to)?;
    match fill(selection, to, unnamed.file(), progress) {
        Ok(()) => unnamed.name(&mut Unobserved).map(|()| Outcome::Done),
        Err(error) => {
            unnamed.discard();
            Err(error)
        }
    }
}

fn fill(selection: &Selection, to: &Path, file: &mut File, progress: &dyn Fn(u64)) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    pack(selection, to, &mut out, progress)?;
    out.flush().map_err(writing(to))
}

/// Writes all members and the end mark.
fn pack(
    selection: &Selection,
    to: &Path,
    out: &mut impl Write,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let mut builder = Builder::new(out);
    for (name, content) in &selection.files {
        let mut header = Header::new_gnu();
        header.set_size(content.length());
        header.set_mode(0o644);
        header.set_mtime(0);
        let append = |bytes: &mut dyn Read| builder.append_data(&mut header, name, bytes);
        selection.give(content, to, progress, append)?;
    }
    builder.finish().map_err(writing(to))
}

/// Whether the file is, byte for byte, what would be written.
fn holds(selection: &Selection, path: &Path) -> Result<bool> {
    let file = File::open(path).map_err(reading(path))?;
    let mut same = Same { file: BufReader::with_capacity(1 << 20, file), differs: false };
    match pack(selection, path, &mut same, &|_| ()) {
        Ok(()) => {}
        Err(_) if same.differs => return Ok(false),
        Err(error) => return Err(error),
    }
    let more = same.file.read(&mut [0]).map_err(reading(path))?;
    Ok(more == 0)
}

/// Takes what a file holds already, and nothing else.
struct Same {
    file: BufReader<File>,
    differs: bool,
}

impl Write for Same {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut there = vec![0; bytes.len()];
        let read = self.file.read_exact(&mut there);
        let short = read.as_ref().is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof);
        self.differs = short || (read.is_ok() && there != bytes);
        if self.differs {
            return Err(io::Error::other("the file holds something else"));
        }
        read.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! A bundle as a folder.
//!
//! It is written beside its place, every file and folder flushed, and renamed. A folder cannot take the place of another in one step: one
//! that gives way is renamed aside first, and after a cut between the two the next run puts it back before it does anything.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::selection::Content;
use super::{Existing, Selection, exists};
use crate::files::{flush, names, read, reading, writing};
use crate::{Error, Outcome, Result};

/// The folders of a bundle.
const FOLDERS: [&str; 2] = ["metadata", "targets"];

/// Where a bundle goes.
pub(super) struct Place<'a> {
    /// Its name.
    pub(super) to: &'a Path,
    /// Its name until it is whole.
    pub(super) new: &'a Path,
    /// The name of the one that gives way.
    pub(super) old: &'a Path,
}

impl Place<'_> {
    pub(super) fn write(
        &self,
        selection: &Selection,
        existing: Existing,
        progress: &dyn Fn(u64),
    ) -> Result<Outcome> {
        self.recover()?;
        if exists(self.to)? && !is_empty(self.to)? {
            if holds(selection, self.to)? {
                return Ok(Outcome::NothingToDo);
            }
            // Anything else than a bundle is not ours to remove.
            if !self.to.join("metadata/timestamp.json").exists() {
                return Err(Error::Exists(self.to.to_owned()));
            }
            if existing == Existing::Stays {
                return Err(Error::OtherBundle(self.to.to_owned()));
            }
        }
        let filled = fill(selection, self.new, progress);
        filled.and_then(|()| self.place()).map(|()| Outcome::Done).inspect_err(|_| {
            // A left-over does no harm: the next run removes it.
            let _ = fs::remove_dir_all(self.new);
        })
    }

    /// Undoes what a cut run left.
    fn recover(&self) -> Result<()> {
        if exists(self.old)? {
            match exists(self.to)? {
                true => fs::remove_dir_all(self.old).map_err(writing(self.old))?,
                false => fs::rename(self.old, self.to).map_err(writing(self.to))?,
            }
        }
        if exists(self.new)? {
            fs::remove_dir_all(self.new).map_err(writing(self.new))?;
        }
        Ok(())
    }

    fn place(&self) -> Result<()> {
        let gives_way = exists(self.to)? && !is_empty(self.to)?;
        if gives_way {
            fs::rename(self.to, self.old).map_err(writing(self.to))?;
        }
        fs::rename(self.new, self.to).map_err(writing(self.to))?;
        flush(above(self.to))?;
        if gives_way {
            fs::remove_dir_all(self.old).map_err(writing(self.old))?;
        }
        Ok(())
    }
}

fn above(path: &Path) -> &Path {
    path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_empty(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(reading(path)(error)),
    }
}

/// Writes and flushes everything.
fn fill(selection: &Selection, new: &Path, progress: &dyn Fn(u64)) -> Result<()> {
    let folders = FOLDERS.map(|name| new.join(name));
    for folder in [new, &folders[0], &folders[1]] {
        fs::create_dir(folder).map_err(writing(folder))?;
    }
    for (name, content) in &selection.files {
        let path = new.join(name);
        let mut file = File::create_new(&path).map_err(writing(&path))?;
        selection.copy(content, &path, &mut file, progress)?;
        file.sync_all().map_err(writing(&path))?;
    }
    folders.iter().try_for_each(|folder| flush(folder))?;
    flush(new)
}

/// Whether a folder holds exactly what would be written.
fn holds(selection: &Selection, folder: &Path) -> Result<bool> {
    if !folder.is_dir() || names(folder)? != FOLDERS {
        return Ok(false);
    }
    let mut there = BTreeSet::new();
    for name in FOLDERS {
        if !folder.join(name).is_dir() {
            return Ok(false);
        }
        let files = names(&folder.join(name))?;
        there.extend(files.into_iter().map(|file| format!("{name}/{file}")));
    }
    if !there.iter().eq(selection.files.keys()) {
        return Ok(false);
    }
    for (name, content) in &selection.files {
        if !is(content, &folder.join(name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is(content: &Content, path: &Path) -> Result<bool> {
    match content {
        Content::Metadata(bytes) => Ok(read(path)?.as_deref() == Some(bytes)),
        Content::Target(target) => {
            let mut file = File::open(path).map_err(reading(path))?;
            let mut checker = target.checker();
            let mut buffer = vec![0; 256 << 10];
            loop {
                let read = io::Read::read(&mut file, &mut buffer).map_err(reading(path))?;
                if read == 0 {
                    return Ok(checker.finish().is_ok());
                }
                if checker.update(&buffer[..read]).is_err() {
                    return Ok(false);
                }
            }
        }
    }
}

//! From what was verified to the generation that counts.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use trust::Target;

use super::error::{reading, unverified, writing};
use super::read::{current, holds};
use super::record::{self, Record};
use super::{CURRENT, GENERATION, KeptError, METADATA, TARGETS, plain};
use crate::files::{flush, make_folder};

/// The link before it gets its name.
const NEW: &str = ".current-new";

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Between which versions it leads.
    pub record: Record,
    /// Metadata files by name, as they were received.
    pub metadata: Vec<(String, Bytes)>,
    /// The manifest and the migrations, as the verified metadata describes them.
    pub targets: Vec<Target>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was written and counts from now on.
    Kept,
    /// It was kept already, whole.
    Same,
}

/// A change of the file system that is complete. Tests look on, or cut the run by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A file holds all its bytes, flushed.
    Wrote(&'a Path),
    /// The names in a folder are flushed.
    Flushed(&'a Path),
    /// The new generation counts.
    Renamed(&'a Path),
    /// A generation, or what a cut run left of one, is gone.
    Removed(&'a Path),
}

/// Keeps `wanted` in `folder`, in the order that the module above names; `fetch` brings the targets, which are compared
/// with what was signed for here.
///
/// `approve` is given the folder of the generation before it counts, whole; its error leaves what was kept before. `look` is called after
/// each step; its error ends the run there.
///
/// # Errors
///
/// What `fetch` or `approve` says, or a [`KeptError`]; what was kept before is then still there, unless the new one counts already.
pub fn keep<E: From<KeptError>>(
    folder: &Path,
    wanted: &Wanted,
    mut fetch: impl FnMut(&Target) -> Result<Bytes, E>,
    approve: impl FnOnce(&Path) -> Result<(), E>,
    look: &mut dyn FnMut(Step<'_>) -> io::Result<()>,
) -> Result<Outcome, E> {
    make_folder(folder).map_err(writing(folder))?;
    let _lock = lock(folder)?;
    let mut writer = Writer { folder, look };
    let now = match current(folder) {
        Ok(now) => now,
        // What makes no sense gives way. A link that cannot be read may lead to what counts.
        Err(KeptError::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    writer.sweep(now.as_deref())?;
    if let Some(now) = now.as_ref().map(|now| folder.join(now)).filter(|now| holds(now, wanted)) {
        approve(&now)?;
        return Ok(Outcome::Same);
    }
    let next = format!("{GENERATION}{}", number(now.as_deref()) + 1);
    let generation = folder.join(&next);
    writer.begin(&generation, wanted)?;
    for target in &wanted.targets {
        let path = generation.join(TARGETS).join(plain(&target.path())?);
        let bytes = fetch(target)?;
        target.check(&bytes).map_err(unverified(&path))?;
        writer.write(&path, &bytes)?;
    }
    writer.settle(&generation)?;
    if let Err(refused) = approve(&generation) {
        // Whatever stays of it goes with the next run.
        let _ = writer.sweep(now.as_deref());
        return Err(refused);
    }
    writer.make_current(&next)?;
    writer.sweep(Some(&next))?;
    Ok(Outcome::Kept)
}

/// One writer at a time, and no reader beside it.
fn lock(folder: &Path) -> Result<File, KeptError> {
    let handle = File::open(folder).map_err(writing(folder))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(KeptError::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(writing(folder)(error)),
    }
}

/// Number of a generation; zero before the first one.
fn number(generation: Option<&str>) -> u64 {
    let digits = generation.and_then(|name| name.strip_prefix(GENERATION));
    digits.and_then(|digits| digits.parse().ok()).filter(|number| *number < u64::MAX).unwrap_or(0)
}

struct Writer<'a> {
    folder: &'a Path,
    look: &'a mut dyn FnMut(Step<'_>) -> io::Result<()>,
}

impl Writer<'_> {
    /// Removes every generation but the one that counts.
    fn sweep(&mut self, keep: Option<&str>) -> Result<(), KeptError> {
        let mut removed = false;
        for path in self.ours()? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some() && name == keep {
                continue;
            }
            remove(&path).map_err(writing(&path))?;
            self.after(Step::Removed(&path))?;
            removed = true;
        }
        if removed { self.flush(self.folder) } else { Ok(()) }
    }

    /// Generations, and a link without its name.
    fn ours(&self) -> Result<Vec<PathBuf>, KeptError> {
        let mut ours = Vec::new();
        for entry in fs::read_dir(self.folder).map_err(reading(self.folder))? {
            let entry = entry.map_err(reading(self.folder))?;
            let name = entry.file_name();
            if name == NEW || name.to_str().is_some_and(|name| name.starts_with(GENERATION)) {
                ours.push(entry.path());
            }
        }
        ours.sort();
        Ok(ours)
    }

    /// Makes the folders and writes what is at hand.
    fn begin(&mut self, generation: &Path, wanted: &Wanted) -> Result<(), KeptError> {
        for folder in [generation, &generation.join(METADATA), &generation.join(TARGETS)] {
            fs::create_dir(folder).map_err(writing(folder))?;
        }
        for (name, bytes) in &wanted.metadata {
            self.write(&generation.join(METADATA).join(plain(name)?), bytes)?;
        }
        self.write(&generation.join(record::FILE), &wanted.record.to_json())
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), KeptError> {
        let mut file = File::create_new(path).map_err(writing(path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(writing(path))?;
        self.after(Step::Wrote(path))
    }

    /// Flushes the folders of a generation from the inside out.
    fn settle(&mut self, generation: &Path) -> Result<(), KeptError> {
        for folder in [&generation.join(METADATA), &generation.join(TARGETS), generation] {
            self.flush(folder)?;
        }
        self.flush(self.folder)
    }

    /// Makes a generation count.
    fn make_current(&mut self, name: &str) -> Result<(), KeptError> {
        let (new, link) = (self.folder.join(NEW), self.folder.join(CURRENT));
        symlink(name, &new).map_err(writing(&new))?;
        fs::rename(&new, &link).map_err(writing(&link))?;
        self.after(Step::Renamed(&link))?;
        self.flush(self.folder)
    }

    fn flush(&mut self, folder: &Path) -> Result<(), KeptError> {
        flush(folder).map_err(writing(folder))?;
        self.after(Step::Flushed(folder))
    }

    fn after(&mut self, step: Step<'_>) -> Result<(), KeptError> {
        (self.look)(step).map_err(writing(self.folder))
    }
}

/// Removes a folder with what is in it, or a link, and never what a link leads to.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.is_dir() {
        true => fs::remove_dir_all(path),
        false => match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_counted_and_strange_ones_begin_anew() {
        assert_eq!(number(None), 0);
        assert_eq!(number(Some("generation-41")), 41);
        for strange in ["generation-", "generation-x", "other", "generation-18446744073709551615"] {
            assert_eq!(number(Some(strange)), 0, "{strange}");
        }
    }
}

//! How files and folders are put where a power cut cannot tear them.
//!
//! A name holds its old bytes or its new ones, and a folder that was made is there after the cut: what holds
//! the name of a thing is flushed after the thing.
//!
//! The folder itself is its owner's alone: who can open a folder can also lock it, and so hold up whoever needs the lock.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

/// Mode of a folder of ours.
const OWN: u32 = 0o700;

/// Mode of a file that is there for its lock.
const LOCK: u32 = 0o600;

/// Mode of a folder above it, which others will use as well.
const SHARED: u32 = 0o755;

/// Puts `bytes` at `path` in `folder` in one durable step.
pub(crate) fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_folder(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    flush(folder)
}

/// The bytes of a small file, if there is one. One that is longer than `limit` is none of ours: it gives an empty text, which no record is
/// either.
pub(crate) fn read_small(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    // One byte more, so that a longer one does not pass for its beginning.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        bytes.clear();
    }
    Ok(Some(bytes))
}

/// Opens a file that is there for its lock. It is never removed: somebody may be waiting for it.
pub(crate) fn lock_file(folder: &Path, name: &str) -> io::Result<File> {
    make_folder(folder)?;
    // Whoever may open a file may lock it, in a folder that anybody may look into, too.
    File::options().create(true).append(true).mode(LOCK).open(folder.join(name))
}

/// The lock of a file, once nobody else has it, for as long as the file is open.
pub(crate) fn locked(folder: &Path, name: &str) -> io::Result<File> {
    let file = lock_file(folder, name)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Makes a folder that is its owner's alone, and those above it that are missing, durably.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    made_by(folder, OWN, &mut flush)
}

/// Flushes the names in a folder.
pub(crate) fn flush(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes what is missing from the top down; `flush` gets each folder that has a new name in it.
fn made_by(
    folder: &Path,
    mode: u32,
    flush: &mut impl FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => return fs::create_dir(folder),
    };
    made_by(above, SHARED, flush)?;
    match DirBuilder::new().mode(mode).create(folder) {
        // Another run was faster, and may not have flushed yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    flush(above)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_folder_that_got_a_new_name_is_flushed_from_the_top_down() {
        let top = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|name| top.path().join(name));
        let mut flushed: Vec<PathBuf> = Vec::new();
        let mut note = |folder: &Path| {
            flushed.push(folder.to_owned());
            Ok(())
        };
        made_by(&c, OWN, &mut note).unwrap();
        made_by(&c, OWN, &mut note).unwrap();
        assert!(c.is_dir());
        assert_eq!(flushed, [top.path().to_owned(), a, b]);
    }

    #[test]
    fn a_folder_of_ours_is_for_nobody_else_and_those_above_it_are() {
        let top = tempfile::tempdir().unwrap();
        make_folder(&top.path().join("a/b")).unwrap();
        let mode = |name| fs::metadata(top.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("a/b"), 0o700);
        assert_eq!(mode("a") & 0o722, 0o700);
    }

    #[test]
    fn a_small_file_is_read_whole_or_not_at_all() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("record");
        assert_eq!(read_small(&path, 4).unwrap(), None);
        fs::write(&path, "four").unwrap();
        assert_eq!(read_small(&path, 4).unwrap().unwrap(), b"four");
        assert_eq!(read_small(&path, 3).unwrap().unwrap(), b"");
        assert!(read_small(top.path(), 4).is_err(), "a folder is no file");
    }

    #[test]
    fn a_lock_is_for_its_owner_and_held_as_long_as_its_file() {
        let top = tempfile::tempdir().unwrap();
        let held = locked(&top.path().join("state"), "lock").unwrap();
        let mode = held.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let other = lock_file(&top.path().join("state"), "lock").unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(held);
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("a"), "").unwrap();
        assert!(make_folder(&top.path().join("a/b")).is_err());
        assert!(make_folder(&top.path().join("a")).is_err());
    }
}

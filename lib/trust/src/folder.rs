//! Folders that outlive a power cut: each one that is made is flushed into the one above it.
//!
//! The last one is its owner's alone: who can open a folder can lock it, and a store that somebody else has locked is of no use.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Mode of the folder.
const OWN: u32 = 0o700;

/// Mode of one above it, which others will use as well.
const SHARED: u32 = 0o755;

/// Makes `folder` and those above it, as far as they are absent.
///
/// # Errors
///
/// Those of the file system.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    make_and(folder, OWN, &mut |parent| File::open(parent)?.sync_all())
}

/// Makes `folder`, and has `flush` flush the folder above each one that was made.
fn make_and(
    folder: &Path,
    mode: u32,
    flush: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_and(parent, SHARED, flush)?;
    match DirBuilder::new().mode(mode).create(folder) {
        // Somebody else may have made it meanwhile.
        Err(error) if !folder.is_dir() => Err(error),
        _ => flush(parent),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_above_each_one_that_is_made_is_flushed() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name);
        let mut flushed = Vec::new();
        let mut make = |name: &str| {
            let mut flush = |parent: &Path| {
                flushed.push(parent.to_owned());
                Ok(())
            };
            make_and(&folder(name), OWN, &mut flush).unwrap();
            std::mem::take(&mut flushed)
        };
        assert_eq!(make("a/b/c"), [root.path().to_owned(), folder("a"), folder("a/b")]);
        assert_eq!(make("a/b/d"), [folder("a/b")]);
        assert!(make("a/b/c").is_empty());
        assert!(folder("a/b/c").is_dir());
    }

    #[test]
    fn the_folder_is_for_nobody_else_and_those_above_it_are() {
        let root = tempfile::tempdir().unwrap();
        make(&root.path().join("a/b")).unwrap();
        let mode =
            |name| fs::metadata(root.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("a/b"), 0o700);
        assert_eq!(mode("a") & 0o722, 0o700);
    }

    #[test]
    fn a_file_in_its_place_and_a_failed_flush_are_errors() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(make(&file).is_err());
        assert!(make(&file.join("below")).is_err());
        let mut failing = |_: &Path| Err(io::Error::other("no"));
        assert!(make_and(&root.path().join("new"), OWN, &mut failing).is_err());
    }
}

//! Kernel modules.
//!
//! The file `/modules` names them, a path a line, in the order in which they are needed. None of them is so important that the
//! machine could not come up without it: hardware may be missing, or the driver be a part of the kernel. What is really
//! missing shows in the step that needs it.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::system::finit_module;

/// The list, as image-builder writes it.
pub const LIST: &str = "/modules";

/// A module that is not loaded, and why.
#[derive(Debug)]
pub struct NotLoaded {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The watchdog that every machine can have, for those that have no other.
const SPARE: &str = "softdog.ko";

/// What it is told: to panic, which restarts the machine as well, and leaves a reason where the kernel keeps its last words.
const SPARE_PARAMETERS: &CStr = c"soft_panic=1";

/// Loads what the list names but the spare watchdog, and frees the memory of the files; those that could not be loaded are given
/// back.
///
/// # Errors
///
/// Fails when the list cannot be read. No list is an empty one.
pub fn load_all(list: &Path) -> io::Result<Vec<NotLoaded>> {
    load_those(list, |path| !is_spare(path), c"")
}

/// Loads the spare watchdog, if the list names it.
///
/// # Errors
///
/// As [`load_all`].
pub fn load_spare_watchdog(list: &Path) -> io::Result<Vec<NotLoaded>> {
    load_those(list, is_spare, SPARE_PARAMETERS)
}

fn is_spare(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == SPARE)
}

fn load_those(
    list: &Path,
    wanted: impl Fn(&str) -> bool,
    parameters: &CStr,
) -> io::Result<Vec<NotLoaded>> {
    let text = match fs::read_to_string(list) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let load = |path: &str| {
        let path = Path::new("/").join(path);
        let result = load(&path, parameters);
        // It lies in memory, and is of no more use.
        let _ = fs::remove_file(&path);
        result.err().map(|source| NotLoaded { path, source })
    };
    Ok(paths(&text).filter(|path| wanted(path)).filter_map(load).collect())
}

fn paths(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn load(path: &Path, parameters: &CStr) -> io::Result<()> {
    let file = File::open(path)?;
    match finit_module(file, parameters, 0) {
        // It is a part of this kernel, or its hardware is not in this machine.
        Ok(()) | Err(Errno::EXIST | Errno::NODEV) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_list_is_an_empty_one() {
        assert!(load_all(Path::new("/nonexistent/modules")).unwrap().is_empty());
        assert!(load_all(Path::new("/")).is_err(), "a folder is no list");
    }

    #[test]
    fn the_spare_watchdog_is_loaded_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("modules");
        fs::write(&list, "x/a.ko\nx/softdog.ko\nx/softdog.ko.b.ko\n").unwrap();
        let names = |failed: Vec<NotLoaded>| {
            let paths = failed.into_iter().map(|failed| failed.path.display().to_string());
            paths.collect::<Vec<_>>()
        };
        assert_eq!(names(load_all(&list).unwrap()), ["/x/a.ko", "/x/softdog.ko.b.ko"]);
        assert_eq!(names(load_spare_watchdog(&list).unwrap()), ["/x/softdog.ko"]);
    }

    #[test]
    fn a_missing_module_is_told_and_does_not_keep_others_from_loading() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("modules");
        fs::write(&list, "nonexistent/a.ko\n\n  nonexistent/b.ko\n").unwrap();
        let failed = load_all(&list).unwrap();
        let names: Vec<_> = failed.iter().map(|failed| failed.path.to_str().unwrap()).collect();
        assert_eq!(names, ["/nonexistent/a.ko", "/nonexistent/b.ko"]);
    }
}

//! Checks: executables in folders, run one after the other in the order of their names.
//!
//! A check says with exit code 0 that all is well. A file takes the place of one of the same name in an earlier folder; a link to
//! `/dev/null` takes a check away. Hidden files, and copies that editors and package managers leave, are no checks. Whatever else is there
//! and cannot be run is a check that failed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Deadline, limited};
use crate::boots::{Cause, Finding};

/// Ends of names that are no checks.
const LEFT_BEHIND: [&str; 6] = ["~", ".bak", ".dpkg-old", ".dpkg-new", ".rpmsave", ".rpmnew"];

/// Runs every check in the folders, as long as the time lasts; what the first that failed says. `told` hears the name of each.
pub fn run(folders: &[PathBuf], deadline: Deadline, told: &dyn Fn(&str)) -> Option<Finding> {
    let Failed { name, said } = first_failed(folders, deadline, told)?;
    Some(Finding::with(Cause::check(&name), &said))
}

/// A program that did not end with exit code 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its name, or that of the folder that cannot be listed.
    pub name: String,
    /// What it said, and how it ended.
    pub said: String,
}

/// Runs every program in the folders by the rules of checks, up to the first that fails.
pub fn first_failed(
    folders: &[PathBuf],
    deadline: Deadline,
    told: &dyn Fn(&str),
) -> Option<Failed> {
    let checks = match list(folders) {
        Ok(checks) => checks,
        Err((folder, error)) => {
            let name = folder.display().to_string();
            return Some(Failed { name, said: format!("cannot be listed: {error}") });
        }
    };
    checks.into_iter().find_map(|(name, path)| {
        told(&name);
        one(&path, deadline).map(|said| Failed { name, said })
    })
}

/// Runs one check; what it says if it fails.
fn one(path: &Path, deadline: Deadline) -> Option<String> {
    if deadline.is_over() {
        return Some(format!("not run: the time limit of {} s was over", seconds(deadline)));
    }
    match limited::run(&mut Command::new(path), deadline.left()) {
        Err(error) => Some(format!("cannot be run: {error}")),
        Ok(limited::Ended { status: Some(status), .. }) if status.success() => None,
        Ok(limited::Ended { status: Some(status), tail }) => Some(format!("{tail}\n{status}")),
        Ok(limited::Ended { status: None, tail }) => {
            let limit = seconds(deadline);
            Some(format!("{tail}\nkilled: did not end within the time limit of {limit} s"))
        }
    }
}

fn seconds(deadline: Deadline) -> u64 {
    deadline.limit().as_secs()
}

/// The checks by name. A folder that does not exist has none.
pub(crate) fn list(folders: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, (&Path, io::Error)> {
    let mut checks = BTreeMap::new();
    for folder in folders {
        let paths = paths(folder).map_err(|error| (folder.as_path(), error))?;
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !is_left_behind(&name) {
                checks.insert(name, path);
            }
        }
    }
    checks.retain(|_, path| !is_taken_away(path));
    Ok(checks)
}

fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_left_behind(name: &str) -> bool {
    name.starts_with('.') || LEFT_BEHIND.iter().any(|end| name.ends_with(end))
}

fn is_taken_away(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|path| path == Path::new("/dev/null"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use super::*;

    struct Folders(tempfile::TempDir);

    impl Folders {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["image", "host"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            Self(folder)
        }

        fn check(&self, name: &str, script: &str) {
            let path = self.0.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn run(&self, limit: Duration) -> (Option<Finding>, Vec<String>) {
            let folders = ["image", "host", "missing"].map(|name| self.0.path().join(name));
            let told = RefCell::new(Vec::new());
            let finding = run(&folders, Deadline::after(limit), &|name| {
                told.borrow_mut().push(name.to_owned());
            });
            (finding, told.into_inner())
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn all_are_run_in_the_order_of_their_names_whichever_folder_they_are_in() {
        let folders = Folders::new();
        folders.check("image/20-b", "exit 0");
        folders.check("host/10-a", "exit 0");
        folders.check("host/30-c", "exit 0");
        assert_eq!(folders.run(LONG), (None, vec!["10-a".into(), "20-b".into(), "30-c".into()]));
    }

    #[test]
    fn the_first_that_fails_is_named_and_ends_it() {
        let folders = Folders::new();
        folders.check("image/10-net", "echo no route >&2; exit 7");
        folders.check("image/20-b", "exit 0");
        let (finding, told) = folders.run(LONG);
        let finding = finding.unwrap();
        assert_eq!(finding.cause.as_str(), "health check 10-net");
        assert_eq!(finding.detail.as_deref(), Some("no route\n\nexit status: 7"));
        assert_eq!(told, ["10-net"]);
    }

    #[test]
    fn the_host_replaces_and_takes_away_what_the_image_brings() {
        let folders = Folders::new();
        folders.check("image/10-a", "exit 1");
        folders.check("host/10-a", "exit 0");
        folders.check("image/20-b", "exit 1");
        symlink("/dev/null", folders.0.path().join("host/20-b")).unwrap();
        assert_eq!(folders.run(LONG), (None, vec!["10-a".into()]));
    }

    #[test]
    fn what_is_there_and_cannot_be_run_has_failed() {
        let folders = Folders::new();
        fs::write(folders.0.path().join("image/10-a"), "no program").unwrap();
        let (finding, _) = folders.run(LONG);
        assert!(finding.unwrap().detail.unwrap().contains("cannot be run"));
        fs::remove_file(folders.0.path().join("image/10-a")).unwrap();
        fs::write(folders.0.path().join("image/.hidden"), "").unwrap();
        fs::write(folders.0.path().join("image/10-a~"), "").unwrap();
        assert_eq!(folders.run(LONG), (None, vec![]));
    }

    #[test]
    fn one_that_does_not_end_is_killed_and_later_ones_are_not_run() {
        let folders = Folders::new();
        folders.check("image/10-slow", "echo waiting; sleep 3600");
        folders.check("image/20-b", "exit 0");
        // A machine that is busy gives it more time to speak.
        let spoke = [300, 3_000, 30_000].into_iter().any(|time| {
            let (finding, told) = folders.run(Duration::from_millis(time));
            let detail = finding.unwrap().detail.unwrap();
            if detail.starts_with("not run") {
                return false;
            }
            assert!(detail.contains("did not end"), "{detail}");
            assert_eq!(told, ["10-slow"]);
            detail.contains("waiting")
        });
        assert!(spoke);
    }

    #[test]
    fn a_folder_that_cannot_be_listed_is_no_empty_one() {
        let folders = Folders::new();
        fs::remove_dir(folders.0.path().join("host")).unwrap();
        fs::write(folders.0.path().join("host"), "").unwrap();
        let (finding, _) = folders.run(LONG);
        assert!(finding.unwrap().cause.as_str().contains("host"));
    }
}

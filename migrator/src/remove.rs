//! What is taken away, with all that is in it.
//!
//! A migration may have made it, with any rights and as deep as it likes: it goes all the same, or it would stand in the way of every later run. So a folder's
//! owner takes the rights that he lacks, and folders are moved up before they are emptied, which keeps paths short and few files open.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Removes a link, or a folder with all that is in it, and never what a link leads to.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(kind) if kind.is_dir() => remove_folder(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut names = (0_u64..).map(|number| folder.join(number.to_string()));
    loop {
        let folders = emptied(folder)?;
        for within in &folders {
            for deeper in emptied(within)? {
                allow(&deeper)?;
                fs::rename(deeper, free(&mut names)?)?;
            }
            fs::remove_dir(within)?;
        }
        if folders.is_empty() {
            return fs::remove_dir(folder);
        }
    }
}

/// Removes everything from a folder but the folders in it, which are listed.
fn emptied(folder: &Path) -> io::Result<Vec<PathBuf>> {
    allow(folder)?;
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(folders)
}

/// Lets the owner of a folder list and change it.
fn allow(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// The next path at which nothing is.
fn free(paths: &mut dyn Iterator<Item = PathBuf>) -> io::Result<PathBuf> {
    for path in paths {
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it_and_a_link_alone() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        for folder in ["kept", "gone/0/0/1/2", "gone/0/1", "gone/1", "gone/x"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        for file in ["kept/file", "gone/file", "gone/0/file", "gone/0/0/1/2/file"] {
            fs::write(path(file), "").unwrap();
        }
        for link in ["gone/link", "gone/0/0/link", "link"] {
            symlink(path("kept"), path(link)).unwrap();
        }
        for name in ["gone", "link", "none"] {
            remove(&path(name)).unwrap();
            assert!(fs::symlink_metadata(path(name)).is_err(), "{name}");
        }
        assert!(path("kept/file").exists());
    }

    #[test]
    fn one_that_is_very_deep_goes() {
        let top = tempfile::tempdir().unwrap();
        let deepest = "d/".repeat(1900);
        fs::create_dir_all(top.path().join("deep").join(deepest)).unwrap();
        remove(&top.path().join("deep")).unwrap();
        assert!(!top.path().join("deep").exists());
    }
}

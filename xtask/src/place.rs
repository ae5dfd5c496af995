//! Where things are: the project, its target folder and its programs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::Error;

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).to_owned()
}

/// Where cargo builds and where everything of ours is made that is not kept.
pub(crate) fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    project().join(folder)
}

/// A program of ours as `cargo build --release` leaves it.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// A file of the project's fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    project().join("fixtures").join(name)
}

/// Makes a folder and its parents, if they are not there.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::file("make", path))
}

/// Reads a whole text file.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(Error::file("write", path))
}

/// Gives a file another name, in place of what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::file("rename to", to))
}

/// Makes a file hold what another does.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map_err(Error::file("copy to", to)).map(drop)
}

/// Length of a file in bytes.
pub(crate) fn length(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).map_err(Error::file("look at", path))?.len())
}

/// Removes a folder with everything in it; a missing one is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

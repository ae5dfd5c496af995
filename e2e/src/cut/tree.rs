//! A folder with all that is in it, in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chance::mixed;

/// What has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A file, with its bytes.
    File(Arc<[u8]>),
    /// A folder.
    Folder,
    /// A symbolic link, with where it leads.
    Link(OsString),
}

/// A folder, by the paths of what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub(super) BTreeMap<PathBuf, Entry>);

impl Tree {
    /// What lies below a name.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let inside = self.0.iter().filter_map(|(path, entry)| {
            let path = path.strip_prefix(name).ok()?;
            (!path.as_os_str().is_empty()).then(|| (path.to_owned(), entry.clone()))
        });
        Self(inside.collect())
    }

    /// One file alone.
    #[must_use]
    pub fn only(&self, path: &str) -> Self {
        let path = Path::new(path);
        Self(self.0.get(path).map(|entry| (path.to_owned(), entry.clone())).into_iter().collect())
    }

    /// The bytes of a file, if there is one.
    #[must_use]
    pub fn file(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        match self.0.get(path.as_ref()) {
            Some(Entry::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Whether something has this name.
    #[must_use]
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.0.contains_key(path.as_ref())
    }

    /// A number that stands for all of it.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, entry) in &self.0 {
            path.hash(&mut hasher);
            match entry {
                Entry::File(bytes) => digest(bytes).hash(&mut hasher),
                Entry::Folder => hasher.write_u8(1),
                Entry::Link(to) => to.hash(&mut hasher),
            }
        }
        hasher.finish()
    }

    /// Makes it for real in a folder that is there and empty.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn make(&self, folder: &Path) -> io::Result<()> {
        // Folders come before what is in them.
        for (path, entry) in &self.0 {
            let path = folder.join(path);
            match entry {
                Entry::File(bytes) => fs::write(&path, bytes)?,
                Entry::Folder => fs::create_dir(&path)?,
                Entry::Link(to) => symlink(to, &path)?,
            }
        }
        Ok(())
    }

    /// Reads what lies in a folder, but for the files at its top that are named.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn read(folder: &Path, but: &[&str]) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.take_in(folder, Path::new(""), but)?;
        Ok(tree)
    }

    fn take_in(&mut self, folder: &Path, below: &Path, but: &[&str]) -> io::Result<()> {
        for entry in fs::read_dir(folder.join(below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if but.iter().any(|name| path == Path::new(name)) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.0.insert(path.clone(), Entry::Folder);
                self.take_in(folder, &path, but)?;
            } else if kind.is_symlink() {
                let to = fs::read_link(entry.path())?;
                self.0.insert(path, Entry::Link(to.into()));
            } else {
                self.0.insert(path, Entry::File(fs::read(entry.path())?.into()));
            }
        }
        Ok(())
    }
}

/// A number that stands for bytes: quick, since it is asked for of every file of every state.
fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let sum = words.iter().fold(length, |sum, word| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    });
    rest.iter().fold(sum, |sum, byte| mixed(sum ^ u64::from(*byte)))
}

/// Copies a whole file to where there is none, past nothing of the kernel's cleverness: holes stay holes.
///
/// # Errors
///
/// Those of the file system.
pub(super) fn copy_sparse(bytes: &[u8], to: &Path) -> io::Result<File> {
    use std::os::unix::fs::FileExt;
    const PIECE: usize = 64 << 10;
    let file = File::options().read(true).write(true).create_new(true).open(to)?;
    file.set_len(u64::try_from(bytes.len()).map_err(io::Error::other)?)?;
    for (number, piece) in (0_u64..).zip(bytes.chunks(PIECE)) {
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(piece, number * 65_536)?;
        }
    }
    Ok(file)
}

//! A migration's own place for temporary files, which goes with it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::remove::remove;

/// Its name in the folder of the work, where no store is called so.
const NAME: &str = "tmp";

/// A folder, and everything in it, as long as this lives.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Makes the folder in that of the work. It must not be there: what it held would be another migration's.
    pub(crate) fn within(work: &Path) -> io::Result<Self> {
        let path = work.join(NAME);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed stops the next migration, and goes with the folder of the work.
        let _ = remove(&self.path);
    }
}

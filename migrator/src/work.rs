//! Where migrations work: a folder of its own beside the stores, whose name tells that nothing in it counts.
//!
//! The first migration reads a copy of the store that counts, each next one what the one before it left. So no migration is told of
//! the store that counts, and whatever it does to what it reads, that one stays as it is. What the last one left is moved out, whole
//! and flushed, under a store's name; a folder with such a name is never half a store.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use datastore::Store;
use manifest::MigrationPath;
use semver::Version;

use crate::error::failed;
use crate::migrate::{Look, Step};
use crate::name::{StoreName, WORK};
use crate::remove::remove;
use crate::run::{Call, run};
use crate::{Error, Folder, Limits, Log, Result, Source, copy};

/// The folder in which migrations work.
pub(crate) struct Work<'a> {
    folder: &'a Folder,
    path: PathBuf,
    /// Number of the next store in it.
    next: Cell<u64>,
}

impl<'a> Work<'a> {
    /// Makes the folder, in place of what a cut run left of one.
    pub(crate) fn begin(folder: &'a Folder) -> Result<Self> {
        let path = folder.join(WORK);
        remove(&path).map_err(failed("remove", &path))?;
        fs::create_dir(&path).map_err(failed("make", &path))?;
        Ok(Self { folder, path, next: Cell::new(0) })
    }

    /// A place for a store.
    pub(crate) fn place(&self) -> PathBuf {
        let number = self.next.get();
        self.next.set(number + 1);
        self.path.join(number.to_string())
    }

    /// Runs all migrations, one after the other, beginning with a copy of `store`. The path of what the last one left.
    pub(crate) fn run(
        &self,
        store: &Path,
        path: &MigrationPath,
        source: &dyn Source,
        limits: &Limits,
        (log, look): (&mut Log<'_>, &mut Look<'_>),
    ) -> Result<PathBuf> {
        let mut from = self.place();
        copy::copy(store, &from)?;
        look.at(Step::Copied(&from))?;
        for name in &path.names {
            let target = self.place();
            let call = Call {
                name,
                direction: path.direction,
                source: &from,
                target: &target,
                work: &self.path,
            };
            run(&source.program(name)?, &call, limits, log)?;
            whole(&target, name)?;
            copy::settle(&target, store)?;
            look.at(Step::Ran(name))?;
            remove(&from).map_err(failed("remove", &from))?;
            from = target;
        }
        Ok(from)
    }

    /// Flushes what the last migration left, and gives it the name of a store.
    pub(crate) fn finish(
        &self,
        left: &Path,
        version: &Version,
        look: &mut Look<'_>,
    ) -> Result<StoreName> {
        self.folder.flush_all()?;
        look.at(Step::FlushedAll)?;
        let name =
            StoreName::random(version).map_err(failed("name a store in", self.folder.path()))?;
        let store = self.folder.join(name.as_str());
        fs::rename(left, &store).map_err(failed("make", &store))?;
        look.at(Step::Named(&store))?;
        self.folder.flush()?;
        look.at(Step::Flushed(self.folder.path()))?;
        Ok(name)
    }
}

/// Looks at everything that a migration left.
fn whole(target: &Path, name: &str) -> Result<()> {
    // A link could lead to a store that somebody else goes on writing.
    let is_link = fs::symlink_metadata(target).is_ok_and(|kind| kind.is_symlink());
    let link =
        || datastore::Error::Layout { path: target.to_owned(), problem: "it is a link".into() };
    let opened = if is_link { Err(link()) } else { Store::open(target) };
    let checked = opened.and_then(|store| store.check());
    checked.map(drop).map_err(|source| Error::Left { name: name.to_owned(), source })
}

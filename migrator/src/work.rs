//! Where migrations work: in memory, or in a folder of its own beside the stores, whose name tells that nothing in it counts.
//!
//! Migrations that work in a stream pass the settings on in memory: they are read from the disk once and written once, however many follow each other. The others go from folder to folder: the
//! first reads a copy of the store that counts, each next one what the one before it left. Where the one kind follows the other, settings are
//! written out or read; and those that are too many for a stream go by folders alone, which every migration can.
//!
//! So no migration is told of the store that counts, and whatever it does to what it reads, that one stays as it is. It is read as a whole before the first one
//! runs, and so is what each one leaves. What the last one left is moved out, whole and flushed, under a store's name; a folder with such a name is never half a store.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use datastore::Store;
use manifest::{Direction, MigrationPath};
use semver::Version;

use crate::error::failed;
use crate::migrate::{Look, Step};
use crate::name::{StoreName, WORK};
use crate::remove::remove;
use crate::{Error, Folder, Limits, Log, Result, Sealed, Source, copy, run, stream};

/// The folder in which migrations work.
pub(crate) struct Work<'a> {
    folder: &'a Folder,
    path: PathBuf,
    /// How many folders were made in it.
    made: Cell<u32>,
}

/// Where settings are between two migrations.
enum Settings {
    /// In the store that counts, not read yet.
    Untouched,
    /// In the store that counts, read as a whole.
    Whole,
    /// In a folder of the work, read as a whole.
    Folder(PathBuf),
    /// In memory, read as a whole.
    Stream(Vec<u8>),
}

impl<'a> Work<'a> {
    /// Makes the folder, in place of what a cut run left of one.
    pub(crate) fn begin(folder: &'a Folder) -> Result<Self> {
        let path = folder.join(WORK);
        remove(&path).map_err(failed("remove", &path))?;
        fs::create_dir(&path).map_err(failed("make", &path))?;
        Ok(Self { folder, path, made: Cell::new(0) })
    }

    /// Runs all migrations, one after the other, beginning with the settings of `store`. The path of what the last one left.
    pub(crate) fn run(
        &self,
        store: &Path,
        path: &MigrationPath,
        source: &dyn Source,
        limits: &Limits,
        (log, look): (&mut Log<'_>, &mut Look<'_>),
    ) -> Result<PathBuf> {
        let (direction, are_many) = (path.direction, Cell::new(false));
        let chain = Chain { work: self, store, direction, limits, are_many };
        let mut settings = Settings::Untouched;
        for name in &path.names {
            let program = source.program(name)?;
            settings = match chain.given(settings, &program, look)? {
                Settings::Stream(bytes) if program.works_in_a_stream() => {
                    chain.in_stream((name, &program), &bytes, log, look)?
                }
                other => {
                    let from = chain.folder(other, look)?;
                    chain.in_folders((name, &program), &from, log, look)?
                }
            };
        }
        chain.folder(settings, look)
    }

    /// The path of a folder that was never made.
    pub(crate) fn next(&self) -> PathBuf {
        let number = self.made.get();
        self.made.set(number + 1);
        self.path.join(number.to_string())
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

/// A chain of migrations that is carried out.
struct Chain<'a> {
    work: &'a Work<'a>,
    /// Where it begins.
    store: &'a Path,
    direction: Direction,
    limits: &'a Limits,
    /// Whether settings were too many for a stream; then the rest goes by folders.
    are_many: Cell<bool>,
}

impl Chain<'_> {
    /// Settings as they are given to a migration: read into a stream, if it works so and they are not too many.
    fn given(&self, settings: Settings, program: &Sealed, look: &mut Look<'_>) -> Result<Settings> {
        if self.are_many.get() || !program.works_in_a_stream() {
            return Ok(settings);
        }
        let stream = match &settings {
            Settings::Stream(bytes) if datastore::stream::has_room(bytes) => return Ok(settings),
            Settings::Stream(_) => None,
            Settings::Folder(path) => streamed(path)?,
            Settings::Untouched | Settings::Whole => streamed(self.store)?,
        };
        self.are_many.set(stream.is_none());
        match (stream, settings) {
            (Some(bytes), settings) => {
                self.remove(settings)?;
                Ok(Settings::Stream(bytes))
            }
            (None, Settings::Untouched) => Ok(Settings::Whole),
            (None, settings) => self.folder(settings, look).map(Settings::Folder),
        }
    }

    fn remove(&self, settings: Settings) -> Result<()> {
        let Settings::Folder(path) = settings else { return Ok(()) };
        remove(&path).map_err(failed("remove", &path))
    }

    /// Settings in a folder that migrations may be told of.
    fn folder(&self, settings: Settings, look: &mut Look<'_>) -> Result<PathBuf> {
        let path = match settings {
            Settings::Folder(path) => return Ok(path),
            Settings::Untouched => {
                Store::open(self.store).and_then(|store| store.check()).map_err(Error::Store)?;
                self.copied()?
            }
            Settings::Whole => self.copied()?,
            Settings::Stream(bytes) => self.written(&bytes)?,
        };
        look.at(Step::Copied(&path))?;
        Ok(path)
    }

    fn copied(&self) -> Result<PathBuf> {
        let path = self.work.next();
        copy::copy(self.store, &path)?;
        Ok(path)
    }

    fn written(&self, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.work.next();
        let settings = datastore::stream::read(bytes).map_err(Error::Store)?;
        let write = |store: Store| {
            settings.iter().try_for_each(|(area, contents)| store.write(area, contents))
        };
        Store::create(&path).and_then(write).map_err(of_files)?;
        copy::settle(&path, self.store)?;
        Ok(path)
    }

    fn in_stream(
        &self,
        (name, program): (&str, &Sealed),
        settings: &[u8],
        log: &mut Log<'_>,
        look: &mut Look<'_>,
    ) -> Result<Settings> {
        let call = stream::Call { name, direction: self.direction, settings };
        let left = stream::run(program, &call, self.limits, log)?;
        look.at(Step::Ran(name))?;
        Ok(Settings::Stream(left))
    }

    fn in_folders(
        &self,
        (name, program): (&str, &Sealed),
        source: &Path,
        log: &mut Log<'_>,
        look: &mut Look<'_>,
    ) -> Result<Settings> {
        let target = self.work.next();
        let (direction, work) = (self.direction, &*self.work.path);
        let call = run::Call { name, direction, source, target: &target, work };
        run::run(program, &call, self.limits, log)?;
        whole(&target, name)?;
        copy::settle(&target, self.store)?;
        look.at(Step::Ran(name))?;
        remove(source).map_err(failed("remove", source))?;
        Ok(Settings::Folder(target))
    }
}

/// All of a store as a stream, if it is little enough. It is read as a whole in any case.
fn streamed(store: &Path) -> Result<Option<Vec<u8>>> {
    let settings = Store::open(store).and_then(|store| store.read_for_stream());
    let Some(settings) = settings.map_err(Error::Store)? else { return Ok(None) };
    let mut bytes = Vec::new();
    datastore::stream::write(&settings, &mut bytes).map_err(failed("read", store))?;
    Ok(Some(bytes))
}

/// An error of writing, which is none of the settings.
fn of_files(error: datastore::Error) -> Error {
    match error {
        datastore::Error::Files { action, path, source } => Error::Files { action, path, source },
        error => Error::Store(error),
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

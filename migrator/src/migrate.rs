//! The whole way of settings from one version to another.
//!
//! **Order**, under a lock on the folder:
//!
//! 1. `current` is followed to the version and the store that count ([`links`](mod@crate::links)). No such link: there are no settings yet, and nothing is done;
//! 2. what is left over is taken away ([`sweep`](mod@crate::sweep)). The same version: done;
//!    A lower version that has settings of its own, from before an update, returns to these: see [`returning`](mod@crate::returning). Else
//! 3. what was kept for this boot is verified, the chain is chosen ([`chain`](mod@crate::chain)), and every migration of it is verified and unpacked once,
//!    so that nothing begins that lacks its end; the store is read as a whole;
//! 4. the migrations run one after the other, those that can in a stream, which begins with what was read, the others in a folder of their own, beginning with
//!    a copy; what each one leaves is read as a whole, and what comes into a folder gets the owners and modes of before (the module `work`);
//! 5. the file system is flushed, what the last one left gets a store's name, and the folder is flushed;
//! 6. the links are replaced ([`flip`](mod@crate::flip)). One of these replacements makes the new store count;
//! 7. the folder of 4 is removed.
//!
//! Where no migration lies between the versions, 4 and 7 are left out: the links lead to the same store, which is flushed, too.
//!
//! An error before 6 leaves everything as it was. Cut anywhere, the old or the new store counts, whole; the same call again removes what is
//! left and goes on from the beginning, or finds that it is done. A store that is left by an update stays for a while: see [`sweep`](mod@crate::sweep).

use std::io;
use std::path::Path;

use datastore::Store;
use manifest::{Direction, MigrationPath};
use semver::Version;
use serde::Serialize;

use crate::chain::chain;
use crate::changes::{All, between};
use crate::error::failed;
use crate::flip::flip;
use crate::folder::{Access, Folder};
use crate::links::{Current, current};
use crate::name::WORK;
use crate::ready::Ready;
use crate::remove::remove;
use crate::returning::{self, Return};
use crate::sweep::sweep;
use crate::work::Work;
use crate::{Error, Limits, Log, Result, Secrets, Shown, Source, StoreName};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The data store's folder, or its link `current`.
    pub datastore: &'a Path,
    /// The version that the settings should have.
    pub to: &'a Version,
    /// Whether it is to be done.
    pub mode: Mode,
    /// What a migration may take.
    pub limits: Limits,
    /// Whether a rehearsal shows the values of secrets.
    pub secrets: Secrets,
}

/// Whether it is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    #[default]
    Real,
    /// Everything is verified, and nothing changed.
    DryRun,
    /// The migrations run, on a copy, which is removed: nothing is changed.
    Rehearsal,
}

/// What became of it, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There are no settings.
    Absent,
    /// The settings had the version already.
    Same,
    /// No migration was needed: the same store counts for the version.
    Linked,
    /// Migrations ran, and a new store counts.
    Migrated,
    /// The version has its own settings of before again.
    Returned,
}

/// What was done, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What became of it.
    pub outcome: Outcome,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The version that the settings had.
    pub from: Option<Version>,
    /// The version that they have.
    pub to: Version,
    /// Which way migrations ran.
    pub direction: Option<Direction>,
    /// The migrations, in the order in which they ran.
    pub migrations: Vec<String>,
    /// The store that counts; absent where a dry run would make it.
    pub store: Option<String>,
    /// What was left over and is gone.
    pub removed: Vec<String>,
    /// What was changed since and is kept aside, after a return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptAside>,
    /// What a rehearsal says would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Shown>>,
}

/// What was kept aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptAside {
    /// Name of the file.
    pub file: String,
    /// How many changes were made; nothing if that is not known.
    pub changes: Option<usize>,
}

/// A change of the file system that is complete. Tests look on, or cut the run by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Something that was left over is gone.
    Removed(&'a Path),
    /// Settings are copied, or written from memory, into a folder in which migrations work.
    Copied(&'a Path),
    /// A migration of this name has left a whole store.
    Ran(&'a str),
    /// The file system is flushed.
    FlushedAll,
    /// The new store has its name.
    Named(&'a Path),
    /// A link is made, under another name.
    Linked(&'a Path),
    /// A link is replaced.
    Replaced(&'a Path),
    /// The names in a folder are flushed.
    Flushed(&'a Path),
}

/// Whoever looks on.
pub struct Look<'a>(pub &'a mut dyn FnMut(Step<'_>) -> io::Result<()>);

impl Look<'_> {
    pub(crate) fn at(&mut self, step: Step<'_>) -> Result<()> {
        (self.0)(step).map_err(Error::Cut)
    }
}

/// Carries the settings to another version. `load` brings what was kept for this boot, and is called only if there is something to do.
///
/// `look` is called after each step; its error ends the run there, as a power cut would.
///
/// # Errors
///
/// See [`Error`]. The store of before counts, as it was; but see [`Error::Flip`].
pub fn migrate<S: Source>(
    request: &Request<'_>,
    load: impl FnOnce() -> Result<S>,
    log: &mut Log<'_>,
    look: &mut dyn FnMut(Step<'_>) -> io::Result<()>,
) -> Result<Report> {
    let mut look = Look(look);
    let is_real = request.mode == Mode::Real;
    let access = if request.mode == Mode::DryRun { Access::Read } else { Access::Write };
    let Some(folder) = Folder::open(request.datastore, access)? else {
        return Ok(request.report(Outcome::Absent));
    };
    let Some(now) = current(&folder)? else { return Ok(request.report(Outcome::Absent)) };
    let store = Store::open(folder.join(now.store.as_str())).map_err(Error::Store)?;
    let removed = if is_real { swept(&folder, &now, log, &mut look)? } else { Vec::new() };
    let mut report = Report { removed, ..request.report(Outcome::Same) };
    report.from = Some(now.version.clone());
    report.store = Some(now.store.to_string());
    if now.version == *request.to {
        report.changes = (request.mode == Mode::Rehearsal).then(Vec::new);
        return Ok(report);
    }
    if let Some(own) = returning::own(&folder, &now, request.to, log) {
        let back = Return { folder: &folder, now: &now, own: &own, request };
        back.carry_out(load, &mut report, (log, &mut look))?;
        return Ok(report);
    }
    let source = Ready::new(load()?);
    let path = prepare(&source, &now.version, request.to)?;
    if request.mode == Mode::DryRun || path.names.is_empty() {
        // Otherwise it is read when the first migration needs it, before anything runs.
        store.check().map_err(Error::Store)?;
    }
    report.direction = Some(path.direction);
    report.outcome = if path.names.is_empty() { Outcome::Linked } else { Outcome::Migrated };
    let moved = Moving { folder: &folder, now: &now, request, path: &path, source: &source };
    match request.mode {
        Mode::Real => report.store = Some(moved.carry_out((log, &mut look))?.to_string()),
        Mode::DryRun => drop(report.store.take_if(|_| report.outcome == Outcome::Migrated)),
        Mode::Rehearsal => {
            report.store.take_if(|_| report.outcome == Outcome::Migrated);
            report.changes = Some(moved.rehearse((log, &mut look))?);
        }
    }
    report.migrations = path.names;
    Ok(report)
}

/// Takes away what is left over. Settings are carried over all the same if that fails.
pub(crate) fn swept(
    folder: &Folder,
    now: &Current,
    log: &mut Log<'_>,
    look: &mut Look<'_>,
) -> Result<Vec<String>> {
    match sweep(folder, now, look) {
        Err(cut @ Error::Cut(_)) => Err(cut),
        Err(error) => {
            log(&format!("what is left over stays: {}", cli::chain(&error)));
            Ok(Vec::new())
        }
        done => done,
    }
}

/// Chooses the chain, and makes sure of all that belongs to it.
pub(crate) fn prepare(source: &dyn Source, from: &Version, to: &Version) -> Result<MigrationPath> {
    let path = chain(source.migrations(), from, to)?;
    for name in &path.names {
        source.program(name)?;
    }
    Ok(path)
}

impl Request<'_> {
    fn report(&self, outcome: Outcome) -> Report {
        Report {
            outcome,
            dry_run: self.mode != Mode::Real,
            from: None,
            to: self.to.clone(),
            direction: None,
            migrations: Vec::new(),
            store: None,
            removed: Vec::new(),
            kept: None,
            changes: None,
        }
    }
}

/// What differs between two stores, for a reader.
pub(crate) fn shown(before: &Path, after: &Path, secrets: Secrets) -> Result<Vec<Shown>> {
    let (before, after) = (all(before)?, all(after)?);
    let changes = between(&before, &after);
    Ok(changes.iter().map(|change| Shown::of(change, &[&before, &after], secrets)).collect())
}

/// All that lies in a store.
pub(crate) fn all(store: &Path) -> Result<All> {
    Store::open(store).and_then(|store| store.read_all()).map_err(Error::Store)
}

/// What is to be done, after everything was looked at.
struct Moving<'a> {
    folder: &'a Folder,
    now: &'a Current,
    request: &'a Request<'a>,
    path: &'a MigrationPath,
    source: &'a dyn Source,
}

impl Moving<'_> {
    /// Does it, and gives the store that counts then.
    fn carry_out(&self, (log, look): (&mut Log<'_>, &mut Look<'_>)) -> Result<StoreName> {
        let store = if self.path.names.is_empty() {
            self.folder.flush_all()?;
            look.at(Step::FlushedAll)?;
            self.now.store.clone()
        } else {
            let made = self.make((log, &mut *look));
            self.made_or_cleared(made)?
        };
        flip(self.folder, self.request.to, &store, look)?;
        // Whatever stays of it goes with the next run.
        let _ = remove(&self.folder.join(WORK));
        Ok(store)
    }

    /// Has the migrations make a store that never counts, and says what would change.
    fn rehearse(&self, (log, look): (&mut Log<'_>, &mut Look<'_>)) -> Result<Vec<Shown>> {
        let rehearsed = || {
            let work = Work::begin(self.folder)?;
            let old = self.folder.join(self.now.store.as_str());
            let run = (log, look);
            let left = work.run(&old, self.path, self.source, &self.request.limits, run)?;
            shown(&old, &left, self.request.secrets)
        };
        let shown = rehearsed();
        let path = self.folder.join(WORK);
        remove(&path).map_err(failed("remove", &path))?;
        shown
    }

    /// Has the migrations make the new store.
    fn make(&self, (log, look): (&mut Log<'_>, &mut Look<'_>)) -> Result<StoreName> {
        let work = Work::begin(self.folder)?;
        let old = self.folder.join(self.now.store.as_str());
        let left =
            work.run(&old, self.path, self.source, &self.request.limits, (log, &mut *look))?;
        work.finish(&left, self.request.to, look)
    }

    /// Gives back the room that a failed run has taken; after a cut nobody does.
    fn made_or_cleared(&self, made: Result<StoreName>) -> Result<StoreName> {
        if made.as_ref().is_err_and(|error| !matches!(error, Error::Cut(_))) {
            let _ = remove(&self.folder.join(WORK));
        }
        made
    }
}

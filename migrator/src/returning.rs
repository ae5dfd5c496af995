//! Back to the settings that a version had before an update.
//!
//! Each version has its own store, which its patch link leads to, and an update leaves that of before as it was. When the older version runs again, that store
//! counts again, byte for byte: no migration has to succeed for that, and nothing has to have been kept for the boot.
//!
//! What was changed in the meantime is not in it, and not lost. It is found out and [kept aside](mod@crate::aside) first:
//!
//! ```text
//! own settings ──forward──▶ as they were after the update ──backward──▶ a
//!                           settings of the newer version ──backward──▶ b
//! ```
//!
//! What differs in the middle is what was changed; `a` and `b` say the same in the names of the older version. Migrations that do not lead back
//! to the same are no change that way. Whatever of this cannot be done is said, and the newer version's store is kept as a whole instead: the return
//! does not wait for it. It does not wait for long, either: what half a minute does not tell is not told.
//!
//! A version without such a store gets the newer one's settings, by migrations that run backward.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datastore::Store;
use manifest::{Direction, MigrationPath};
use semver::Version;

use crate::aside::{self, Content};
use crate::changes::between;
use crate::flip::flip;
use crate::folder::Folder;
use crate::links::{Current, target};
use crate::migrate::{KeptAside, Look, Mode, Outcome, Report, Request, Step, all, prepare, shown};
use crate::name::{LinkName, WORK};
use crate::ready::Ready;
use crate::remove::remove;
use crate::work::Work;
use crate::{Error, Limits, Log, Result, Source, StoreName};

/// How long it may take to find out what was changed. A boot waits for it.
const TIME: Duration = Duration::from_secs(30);

/// The whole store of a lower version, if it has one.
pub(crate) fn own(
    folder: &Folder,
    now: &Current,
    to: &Version,
    log: &mut Log<'_>,
) -> Option<StoreName> {
    if *to >= now.version {
        return None;
    }
    let link = folder.join(&LinkName::Patch(to.clone()).to_string());
    let named = target(&link).map(|name| name.and_then(|name| StoreName::parse(&name)));
    let found = named.and_then(|name| {
        let Some(name) = name else { return Ok(None) };
        let store = Store::open(folder.join(name.as_str())).map_err(Error::Store)?;
        store.check().map_err(Error::Store).map(|_| Some(name))
    });
    found.unwrap_or_else(|error| {
        log(&format!("the settings that {to} had are not used: {}", cli::chain(&error)));
        None
    })
}

/// A return, after the version's own store was found whole.
pub(crate) struct Return<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) now: &'a Current,
    pub(crate) own: &'a StoreName,
    pub(crate) request: &'a Request<'a>,
}

impl Return<'_> {
    /// Keeps aside what was changed, and makes the version's own store count.
    pub(crate) fn carry_out<S: Source>(
        &self,
        load: impl FnOnce() -> Result<S>,
        report: &mut Report,
        (log, look): (&mut Log<'_>, &mut Look<'_>),
    ) -> Result<()> {
        let is_same = *self.own == self.now.store;
        report.outcome = if is_same { Outcome::Linked } else { Outcome::Returned };
        report.direction = Some(Direction::Backward);
        report.store = Some(self.own.to_string());
        match self.request.mode {
            Mode::DryRun => return Ok(()),
            Mode::Rehearsal => {
                let [before, after] = [&self.now.store, self.own].map(|store| self.path(store));
                report.changes = Some(shown(&before, &after, self.request.secrets)?);
                return Ok(());
            }
            Mode::Real => {}
        }
        if !is_same {
            let content = self.content(load, (log, &mut *look))?;
            self.keep(content, report, (log, &mut *look))?;
        }
        self.folder.flush_all()?;
        look.at(Step::FlushedAll)?;
        flip(self.folder, self.request.to, self.own, look)?;
        // Whatever stays of it goes with the next run.
        let _ = remove(&self.folder.join(WORK));
        Ok(())
    }

    /// Keeps aside what was changed, if anything was. A return does not fail for what cannot be written.
    fn keep(
        &self,
        content: Content,
        report: &mut Report,
        (log, look): (&mut Log<'_>, &mut Look<'_>),
    ) -> Result<()> {
        if content.made.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let changes = content.made.as_ref().map(Vec::len);
        let left = (&self.now.version, &self.now.store);
        match aside::keep(self.folder, left, self.request.to, content, look) {
            Ok((file, gone)) => {
                report.removed.extend(gone);
                report.kept = Some(KeptAside { file, changes });
            }
            Err(cut @ Error::Cut(_)) => return Err(cut),
            Err(error) => log(&format!(
                "what was changed under {} is not kept aside: {}",
                self.now.version,
                cli::chain(&error)
            )),
        }
        Ok(())
    }

    /// What was changed, as far as it can be known.
    fn content<S: Source>(
        &self,
        load: impl FnOnce() -> Result<S>,
        (log, look): (&mut Log<'_>, &mut Look<'_>),
    ) -> Result<Content> {
        let mut content = Content::default();
        let found = load().and_then(|source| {
            self.find(&Ready::new(source), &mut content, (&mut *log, &mut *look))
        });
        if let Err(cut @ Error::Cut(_)) = found {
            return Err(cut);
        }
        // The copies have had their use.
        let _ = remove(&self.folder.join(WORK));
        if let Err(error) = found {
            let why = cli::chain(&error);
            log(&format!("what was changed under {} cannot all be said: {why}", self.now.version));
            content.why = Some(why);
        }
        Ok(content)
    }

    /// Finds out what was changed.
    fn find(
        &self,
        source: &dyn Source,
        content: &mut Content,
        (log, look): (&mut Log<'_>, &mut Look<'_>),
    ) -> Result<()> {
        let back = prepare(source, &self.now.version, self.request.to)?;
        let there = reversed(&back);
        let work = Work::begin(self.folder)?;
        let time = self.request.limits.time.min(TIME);
        let end = Instant::now() + time;
        let until = self.request.limits.until.map_or(end, |until| until.min(end));
        let limits = Limits { until: Some(until), ..self.request.limits };
        let mut run = |store: &Path, path: &MigrationPath| {
            work.run(store, path, source, &limits, (&mut *log, &mut *look))
        };
        let left = self.path(&self.now.store);
        let fresh = run(&self.path(self.own), &there)?;
        let made = between(&all(&fresh)?, &all(&left)?);
        if made.is_empty() {
            content.made = Some(made);
            return Ok(());
        }
        content.made = Some(made);
        let (before, after) = (run(&fresh, &back)?, run(&left, &back)?);
        content.changes = Some(between(&all(&before)?, &all(&after)?));
        Ok(())
    }

    fn path(&self, store: &StoreName) -> PathBuf {
        self.folder.join(store.as_str())
    }
}

/// The same way in the other direction.
fn reversed(path: &MigrationPath) -> MigrationPath {
    let direction = match path.direction {
        Direction::Forward => Direction::Backward,
        Direction::Backward => Direction::Forward,
    };
    let names = path.names.iter().rev().cloned().collect();
    let versions = path.versions.iter().rev().cloned().collect();
    MigrationPath { direction, names, versions }
}

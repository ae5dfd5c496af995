//! What is kept aside, carried into the settings that count.
//!
//! A change is made where the setting is still what it was, and is done where it is what the change makes of it. Where it is something else by now, nothing at all is
//! carried, unless the caller says that the change goes before. What comes out is a store of its own, which counts from one step on, as after a migration:
//! cut anywhere, the settings of before or those of after count, whole, and the same call again finishes.
//!
//! A file whose changes are all made in the names in which they were made has had its use, and goes. In the names of the other version it stays: when the host gets to the version
//! again under which they were made, there may be more to carry.

use std::path::{Path, PathBuf};

use datastore::{Key, Store};
use semver::Version;
use serde::Serialize;

use crate::aside;
use crate::changes::{All, Change, Standing};
use crate::copy;
use crate::error::failed;
use crate::flip::flip;
use crate::folder::{Access, Folder};
use crate::links::{Current, current};
use crate::listing::{in_names, is_wanted};
use crate::migrate::{Look, Step, all, swept};
use crate::name::WORK;
use crate::remove::remove;
use crate::work::Work;
use crate::{Error, Log, Result, Secrets, Shown, StoreName};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The data store's folder, or its link `current`.
    pub datastore: &'a Path,
    /// Settings, with all below them; all if there are none.
    pub keys: &'a [Key],
    /// Whether changes go before what is something else by now.
    pub force: bool,
    /// Whether nothing is to be changed.
    pub dry_run: bool,
    /// Whether the report shows the values of secrets.
    pub secrets: Secrets,
}

/// What was carried, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// The version of the settings.
    pub version: Option<Version>,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The changes.
    pub changes: Vec<Shown>,
    /// How many were in the settings already.
    pub done: usize,
    /// Files whose changes have other names than the settings.
    pub unfit: Vec<String>,
    /// Files that had their use.
    pub removed: Vec<String>,
    /// The store that counts.
    pub store: Option<String>,
}

/// Carries what is kept aside into the settings that count. `look` is called after each step; its error ends the run there, as a power cut would.
///
/// # Errors
///
/// [`Error::Conflict`] when a setting is something else by now; those of the data store. The settings are as they were before.
pub fn carry(
    wanted: &Wanted<'_>,
    log: &mut Log<'_>,
    look: &mut dyn FnMut(Step<'_>) -> std::io::Result<()>,
) -> Result<Carried> {
    let mut look = Look(look);
    let access = if wanted.dry_run { Access::Read } else { Access::Write };
    let mut carried = wanted.nothing();
    let Some(folder) = Folder::open(wanted.datastore, access)? else { return Ok(carried) };
    let Some(now) = current(&folder)? else { return Ok(carried) };
    carried.version = Some(now.version.clone());
    carried.store = Some(now.store.to_string());
    if !wanted.dry_run {
        swept(&folder, &now, log, &mut look)?;
    }
    let mut settings = all(&folder.join(now.store.as_str()))?;
    let uses = wanted.apply(&folder, &now, &mut settings, &mut carried)?;
    if wanted.dry_run {
        return Ok(carried);
    }
    if !carried.changes.is_empty() {
        let store = replace(&folder, &now, &settings, &mut look)?;
        carried.store = Some(store.to_string());
    }
    for file in uses {
        aside::forget(&folder, &file, &mut look)?;
        carried.removed.push(file);
    }
    Ok(carried)
}

/// Forgets what is kept aside: these files, or all. Gives those that were there.
///
/// # Errors
///
/// Those of the data store.
pub fn forget(datastore: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut nobody = |_: Step<'_>| Ok(());
    let Some(folder) = Folder::open(datastore, Access::Write)? else { return Ok(Vec::new()) };
    let kept = aside::list(&folder)?.into_iter().map(|(file, _)| file);
    let gone: Vec<String> = kept.filter(|file| files.is_empty() || files.contains(file)).collect();
    for file in &gone {
        aside::forget(&folder, file, &mut Look(&mut nobody))?;
    }
    Ok(gone)
}

impl Wanted<'_> {
    fn nothing(&self) -> Carried {
        Carried {
            version: None,
            dry_run: self.dry_run,
            changes: Vec::new(),
            done: 0,
            unfit: Vec::new(),
            removed: Vec::new(),
            store: None,
        }
    }

    /// Makes the changes in memory. Gives the files that have had their use then.
    fn apply(
        &self,
        folder: &Folder,
        now: &Current,
        settings: &mut All,
        carried: &mut Carried,
    ) -> Result<Vec<String>> {
        let (mut uses, mut conflicts) = (Vec::new(), Vec::new());
        for (file, aside) in aside::list(folder)? {
            let aside = aside?;
            let (names_of, changes) = in_names(&aside, &now.version);
            let Some(changes) = changes.filter(|_| names_of == now.version) else {
                carried.unfit.push(file);
                continue;
            };
            for change in changes.iter().filter(|change| is_wanted(change, self.keys)) {
                match change.standing(settings) {
                    Standing::Done => carried.done += 1,
                    Standing::Conflict if !self.force => conflicts.push(describe(change)),
                    Standing::Open | Standing::Conflict => {
                        carried.changes.push(Shown::of(change, &[settings], self.secrets));
                        change.apply(settings);
                    }
                }
            }
            let is_done = |change: &Change| change.standing(settings) == Standing::Done;
            if names_of == aside.from && changes.iter().all(is_done) {
                uses.push(file);
            }
        }
        if conflicts.is_empty() { Ok(uses) } else { Err(Error::Conflict { keys: conflicts }) }
    }
}

fn describe(change: &Change) -> String {
    let metadata = change.metadata.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{}{metadata}", change.key)
}

/// Makes a store of these settings, and has it count.
fn replace(
    folder: &Folder,
    now: &Current,
    settings: &All,
    look: &mut Look<'_>,
) -> Result<StoreName> {
    let work = Work::begin(folder)?;
    let made = write(&work, &folder.join(now.store.as_str()), settings)
        .and_then(|left| work.finish(&left, &now.version, look));
    if !matches!(made, Err(Error::Cut(_))) {
        let path = folder.join(WORK);
        remove(&path).map_err(failed("remove", &path))?;
    }
    let store = made?;
    flip(folder, &now.version, &store, look)?;
    Ok(store)
}

/// Writes settings into a store that does not count yet, with the owners and modes of `before`.
fn write(work: &Work<'_>, before: &Path, settings: &All) -> Result<PathBuf> {
    let path = work.next();
    let store = Store::create(&path).map_err(Error::Store)?;
    for (area, contents) in settings {
        store.write(area, contents).map_err(Error::Store)?;
    }
    copy::settle(&path, before)?;
    Ok(path)
}

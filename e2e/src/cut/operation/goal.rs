//! What holds when operations are done.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gptprio::{SetId, Tries, choose};
use signpost::{Access, Disk};
use updog::agent::orders;

use super::before::CHANGED;
use crate::cut::bed::{Bed, Host, Way};
use crate::cut::judge::{Floors, chain, installed, settings_in, versions};
use crate::world::{NEW, OLD};

fn open(host: &Host) -> Result<Disk, String> {
    Disk::open(&host.disk(), Access::Read).map_err(|error| chain(&error))
}

fn next(host: &Host, wanted: SetId) -> Result<(), String> {
    let sets = open(host)?.sets();
    let next = choose(&sets).map(|choice| choice.set);
    if next == Some(wanted) { Ok(()) } else { Err(format!("set {wanted} does not boot next")) }
}

/// Whether set B holds the newer release, byte for byte.
fn holds_new(bed: &Bed, host: &Host) -> Result<(), String> {
    let disk = open(host)?;
    let layout = disk.layout().set(SetId::B).ok_or("there is no set B")?;
    let releases = bed.releases();
    let new = releases.iter().find(|release| release.version == NEW).ok_or("nothing is new")?;
    let parts = [(layout.boot, &new.boot), (layout.root, &new.root), (layout.hash, &new.hash)];
    for (range, image) in parts {
        let mut bytes = vec![0; image.len()];
        let read = disk.file().read_exact_at(&mut bytes, range.start);
        read.map_err(|error| error.to_string())?;
        if bytes != *image {
            return Err(format!("set B is not {NEW}"));
        }
    }
    Ok(())
}

pub(super) fn staged(bed: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::A)?;
    holds_new(bed, host)?;
    let bits = open(host)?.sets().bits(SetId::B);
    if bits.is_none_or(|bits| bits.tries == Tries::ZERO) {
        return Err("set B has no tries".to_owned());
    }
    let staged = updog::staged::Staged::read(&host.path("state")).map_err(|error| chain(&error))?;
    match staged {
        Some(staged) if staged.version.to_string() == NEW && staged.set == SetId::B => Ok(()),
        other => Err(format!("the record of what is staged is {other:?}")),
    }
}

pub(super) fn boots_new(bed: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::B)?;
    holds_new(bed, host)?;
    let ledger = updog::boots::file::read(&host.path("state")).map_err(|error| chain(&error))?;
    let noted = ledger.attempts.iter().any(|one| one.version.to_string() == NEW);
    if noted { Ok(()) } else { Err("the ledger says nothing of it".to_owned()) }
}

pub(super) fn boots_old(_: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::A)
}

pub(super) fn is_held(_: &Bed, host: &Host) -> Result<(), String> {
    let orders = orders::read(&host.path("state")).map_err(|error| chain(&error))?;
    if orders.hold.is_some() { Ok(()) } else { Err("nothing holds the agent".to_owned()) }
}

pub(super) fn is_good(_: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::B)?;
    let bits = open(host)?.sets().bits(SetId::B);
    match bits {
        Some(bits) if bits.successful => Ok(()),
        other => Err(format!("set B is not marked good: {other:?}")),
    }
}

/// Every update has one try, and the selector started it.
pub(super) fn try_is_spent(_: &Bed, host: &Host) -> Result<(), String> {
    match open(host)?.sets().bits(SetId::B) {
        Some(bits) if bits.tries == Tries::ZERO && !bits.successful => Ok(()),
        other => Err(format!("set B was started, and its try is not spent: {other:?}")),
    }
}

pub(super) fn something_boots(_: &Bed, host: &Host) -> Result<(), String> {
    let sets = open(host)?.sets();
    choose(&sets).map(drop).ok_or_else(|| format!("nothing boots: {sets:?}"))
}

pub(super) fn trusts_newest(bed: &Bed, host: &Host) -> Result<(), String> {
    let found = versions(&host.path("cache"))?;
    let repository = updog_repository(bed, host)?;
    for (name, version) in newest(&repository)? {
        if found.get(&name) != Some(&version) {
            return Err(format!("{name} is {:?} and not {version}", found.get(&name)));
        }
    }
    Ok(())
}

/// The repository that a host asks.
fn updog_repository(bed: &Bed, host: &Host) -> Result<PathBuf, String> {
    let text = fs::read_to_string(host.path("updog.toml")).map_err(|error| error.to_string())?;
    let way = Way::ALL.into_iter().find(|way| {
        let folder = bed.repository(*way);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        text.contains(&format!("/{name}/metadata/"))
    });
    way.map(|way| bed.repository(way)).ok_or_else(|| "an unknown repository".to_owned())
}

/// The newest versions in a repository.
fn newest(repository: &Path) -> Result<Floors, String> {
    let metadata = repository.join("metadata");
    let mut newest = Floors::new();
    for entry in fs::read_dir(&metadata).map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        let name = name.to_string_lossy().into_owned();
        let (version, file) = match name.split_once('.') {
            Some((number, file)) if number.parse::<u64>().is_ok() => {
                (number.parse().unwrap_or(0), file.to_owned())
            }
            _ => continue,
        };
        let known = newest.entry(file).or_insert(0);
        *known = version.max(*known);
    }
    Ok(newest)
}

pub(super) fn keeps(_: &Bed, host: &Host) -> Result<(), String> {
    let root = fs::read(host.path("root.json")).map_err(|error| error.to_string())?;
    let kept = updog::kept::load(&host.path("migrations"), &root).map_err(|error| chain(&error))?;
    match kept {
        Some(kept) if kept.migrations.len() == 2 => Ok(()),
        other => Err(format!("from {OLD} to {NEW} {other:?} is kept")),
    }
}

/// A disk was made that boots the first release.
pub(super) fn is_installed(bed: &Bed, host: &Host) -> Result<(), String> {
    let bytes = fs::read(host.path("new.img")).map_err(|error| error.to_string())?;
    installed(&bed.releases(), &bytes)
}

/// The settings are those of the newer release.
pub(super) fn settings_are_new(_: &Bed, host: &Host) -> Result<(), String> {
    settings_have(host, NEW, "network/hostname")
}

/// The settings are those of the older release.
pub(super) fn settings_are_old(_: &Bed, host: &Host) -> Result<(), String> {
    settings_have(host, OLD, "host/name")
}

/// The settings are those that the older release had, and the change is known.
pub(super) fn change_is_kept_aside(bed: &Bed, host: &Host) -> Result<(), String> {
    settings_are_old(bed, host)?;
    let secrets = migrator::Secrets::Shown;
    let listing = migrator::listing::list(&host.path("datastore"), &[], secrets);
    let listing = listing.map_err(|error| chain(&error))?;
    let mut changes = listing.kept.iter().filter_map(|one| one.changes.as_ref()).flatten();
    let is_it = |json: &datastore::Json| json.text() == CHANGED;
    if changes.any(|one| one.change.is.as_ref().is_some_and(is_it)) {
        return Ok(());
    }
    // Where something failed, the store that has it is there as a whole.
    let stores = fs::read_dir(host.path("datastore")).map_err(|error| error.to_string())?;
    let has_it = |store: io::Result<fs::DirEntry>| {
        let path = store.ok()?.path();
        let is_store = migrator::StoreName::parse(path.file_name()?.to_str()?).is_some();
        let text = fs::read_to_string(path.join("live/settings/network/hostname")).ok()?;
        (is_store && text == CHANGED).then_some(())
    };
    match stores.into_iter().find_map(has_it) {
        Some(()) => Ok(()),
        None => Err(format!("the change is lost: {listing:?}")),
    }
}

/// The change is in the settings of the older release.
pub(super) fn change_is_carried(bed: &Bed, host: &Host) -> Result<(), String> {
    settings_are_old(bed, host)?;
    let path = host.path("datastore").join("current/live/settings/host/name");
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    if text == CHANGED { Ok(()) } else { Err(format!("the setting is {text}")) }
}

/// The settings are of this version, and have this one.
fn settings_have(host: &Host, version: &str, name: &str) -> Result<(), String> {
    let folder = host.path("datastore");
    settings_in(&folder)?.ok_or("there are no settings")?;
    let file = folder.join("current/live/settings").join(name);
    match fs::read_link(folder.join(format!("v{version}"))) {
        Ok(_) if file.is_file() => Ok(()),
        _ => Err(format!("the settings are not those of {version}")),
    }
}

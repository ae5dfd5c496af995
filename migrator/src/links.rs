//! The links of a data store, read.
//!
//! ```text
//! current -> v1 -> v1.5 -> v1.5.2 -> v1.5.2_0123456789abcdef/
//! ```
//!
//! Each level has a name of its own form, and a link leads one level down to a name that agrees with its own. So there are no loops, and a
//! link beside the path of `current` can be replaced without changing where `current` leads, which [`flip`](mod@crate::flip) relies on. Anything else
//! is damaged, and nothing is done then. Links hold plain names; the last level's version is that of the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use semver::Version;

use crate::aside::AsideName;
use crate::error::{damaged, failed};
use crate::name::{CURRENT, LinkName, NEW, StoreName, WORK};
use crate::{Error, Folder, Result};

/// Where `current` leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The version of the settings.
    pub version: Version,
    /// Their store.
    pub store: StoreName,
}

/// Follows `current`; nothing if there is no such link.
///
/// # Errors
///
/// [`Error::Damaged`] when a link is missing, leads elsewhere, or there is no store at the end.
pub fn current(folder: &Folder) -> Result<Option<Current>> {
    let Some(target) = target(&folder.join(CURRENT))? else { return Ok(None) };
    let link = |name: &str, above: &str| {
        let problem = || format!("it leads to {name}, which is no link of the next level");
        LinkName::parse(name).ok_or_else(|| damaged(&folder.join(above), problem()))
    };
    let mut above = link(&target, CURRENT)?;
    if !matches!(above, LinkName::Major(_)) {
        return Err(damaged(
            &folder.join(CURRENT),
            format_args!("it leads to {above}, which is no major version"),
        ));
    }
    loop {
        let path = folder.join(&above.to_string());
        let next = need(&path)?;
        if let LinkName::Patch(version) = above {
            let store = store(folder, &path, &next)?;
            return Ok(Some(Current { version, store }));
        }
        let below = link(&next, &above.to_string())?;
        if !above.leads_to(&below) {
            return Err(damaged(
                &path,
                format_args!("it leads to {below}, another version's link"),
            ));
        }
        above = below;
    }
}

/// The store that a patch link leads to.
fn store(folder: &Folder, link: &Path, name: &str) -> Result<StoreName> {
    let no_store = || damaged(link, format_args!("it leads to {name}, which is no store's name"));
    let store = StoreName::parse(name).ok_or_else(no_store)?;
    let path = folder.join(name);
    match fs::symlink_metadata(&path) {
        Ok(kind) if kind.is_dir() => Ok(store),
        Ok(_) => Err(damaged(&path, "it is no folder")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(damaged(link, format_args!("it leads to {name}, which does not exist")))
        }
        Err(error) => Err(failed("read", &path)(error)),
    }
}

/// The target of a link that has to be there.
fn need(path: &Path) -> Result<String> {
    target(path)?.ok_or_else(|| damaged(path, "the link is missing"))
}

/// The target of a link, one plain name; nothing if nothing is there.
pub(crate) fn target(path: &Path) -> Result<Option<String>> {
    let to = match fs::read_link(path) {
        Ok(to) => to,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            return Err(damaged(path, "it is no link"));
        }
        Err(error) => return Err(failed("read", path)(error)),
    };
    let name = to.to_str().filter(|name| !name.contains('/') && !name.starts_with('.'));
    let elsewhere =
        || damaged(path, format_args!("it leads to {}, out of the folder", to.display()));
    name.map(|name| Some(name.to_owned())).ok_or_else(elsewhere)
}

/// All that is ours in the folder. What has no name of ours is not listed, and never touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Links of versions, by level and version, with the names that they lead to.
    pub(crate) links: BTreeMap<LinkName, String>,
    /// Folders with a store's name.
    pub(crate) stores: BTreeSet<StoreName>,
    /// Stores that are kept aside.
    pub(crate) aside: BTreeSet<StoreName>,
    /// What only cut runs leave.
    pub(crate) scraps: BTreeSet<String>,
}

/// Lists what is in the folder.
///
/// # Errors
///
/// Those of the file system.
pub fn inventory(folder: &Folder) -> Result<Inventory> {
    let mut inventory = Inventory::default();
    for entry in fs::read_dir(folder.path()).map_err(failed("list", folder.path()))? {
        let entry = entry.map_err(failed("list", folder.path()))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().map_err(failed("read", &entry.path()))?;
        if name == WORK || name.starts_with(NEW) {
            inventory.scraps.insert(name);
        } else if let Some(aside) = AsideName::parse(&name) {
            inventory.aside.extend(Some(aside.store).filter(|_| aside.keeps_store));
        } else if kind.is_symlink() {
            let Some(link) = LinkName::parse(&name) else { continue };
            match target(&entry.path()) {
                Ok(to) => drop(to.map(|to| inventory.links.insert(link, to))),
                // One that leads elsewhere is not ours.
                Err(Error::Damaged { .. }) => {}
                // One that cannot be read may be what keeps a store.
                Err(error) => return Err(error),
            }
        } else if let Some(store) = StoreName::parse(&name).filter(|_| kind.is_dir()) {
            inventory.stores.insert(store);
        }
    }
    Ok(inventory)
}

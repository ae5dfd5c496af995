//! From a whole new store to the one that counts.
//!
//! For version 1.6.0 four links have to be right:
//!
//! ```text
//! 1. v1.6.0  -> v1.6.0_fedcba9876543210      (or the old store, where no migration ran)
//! 2. v1.6    -> v1.6.0
//! 3. v1      -> v1.6
//! 4. current -> v1
//! ```
//!
//! **Order.** All that the new store holds is flushed (the caller's part). New links get names of their own, and the folder is flushed. Then, in the order above,
//! each is renamed over the old one and the folder is flushed, before the next. A link that is right already is left alone.
//!
//! **Invariant.** *Exactly one of these renames changes where `current` leads: before it `current` leads to the old store, from it on to the new
//! one.* For `current` leads over one link of each level ([`links`](mod@crate::links) has made sure), and of the four names above
//! a first one, counted from 1, lies on that path:
//!
//! - the patch link only if the version stays, and its store is replaced: then the others are right already;
//! - the minor link, if the old version has the same minor one; then 3 and 4 are right already, being on that path too;
//! - else the major link, if the old version has the same major one; then 4 is right already;
//! - else `current` itself.
//!
//! The links before the first one on the path are read by nobody while they change. When it is renamed, all below it is in
//! place and flushed, and nothing is left to do above it. A host is never led half-way: its version and its store change in the same rename, and
//! that happens in a boot of the new version.
//!
//! What a cut leaves beside that (links that nobody follows, names of links that were never used) is taken away by the next run: [`sweep`](mod@crate::sweep).

use std::fs;
use std::os::unix::fs::symlink;

use semver::Version;

use crate::error::failed;
use crate::links::target;
use crate::migrate::{Look, Step};
use crate::name::{CURRENT, LinkName, NEW, StoreName};
use crate::{Error, Folder, Result};

/// A link and where it is to lead.
struct Wanted {
    name: String,
    to: String,
}

impl Wanted {
    fn new(name: impl ToString, to: impl ToString) -> Self {
        Self { name: name.to_string(), to: to.to_string() }
    }
}

/// Makes the store of `version` current. It is whole and flushed.
///
/// # Errors
///
/// [`Error::Flip`] for those of the file system. `current` leads to the old or to the new store then, and the same call again finishes it.
pub fn flip(
    folder: &Folder,
    version: &Version,
    store: &StoreName,
    look: &mut Look<'_>,
) -> Result<()> {
    let failed = |source| Error::Flip { store: store.to_string(), source: Box::new(source) };
    replace(folder, version, store, look).map_err(failed)
}

fn replace(
    folder: &Folder,
    version: &Version,
    store: &StoreName,
    look: &mut Look<'_>,
) -> Result<()> {
    let wrong = wrong(folder, version, store)?;
    for link in &wrong {
        let new = folder.join(&new_name(&link.name));
        symlink(&link.to, &new).map_err(failed("make", &new))?;
        look.at(Step::Linked(&new))?;
    }
    folder.flush()?;
    look.at(Step::Flushed(folder.path()))?;
    for link in &wrong {
        let (new, name) = (folder.join(&new_name(&link.name)), folder.join(&link.name));
        fs::rename(&new, &name).map_err(failed("replace", &name))?;
        look.at(Step::Replaced(&name))?;
        folder.flush()?;
        look.at(Step::Flushed(folder.path()))?;
    }
    Ok(())
}

/// The links that are not right yet, the lowest level first.
fn wrong(folder: &Folder, version: &Version, store: &StoreName) -> Result<Vec<Wanted>> {
    let patch = LinkName::Patch(version.clone());
    let (minor, major) = (LinkName::minor(version), LinkName::major(version));
    let wanted = [
        Wanted::new(&patch, store),
        Wanted::new(&minor, &patch),
        Wanted::new(&major, &minor),
        Wanted::new(CURRENT, &major),
    ];
    let mut wrong = Vec::new();
    for link in wanted {
        if target(&folder.join(&link.name))?.as_ref() != Some(&link.to) {
            wrong.push(link);
        }
    }
    Ok(wrong)
}

fn new_name(name: &str) -> String {
    format!("{NEW}{name}")
}

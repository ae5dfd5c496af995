//! What is kept aside when a version returns to its own settings: the changes that were made since.
//!
//! A file beside the links, one for each store that was left, named after it:
//!
//! - `kept-changes-STORE.json`: the changes, in the names of the version that was left, and in those of the one that returned. They can be carried
//!   into the settings of either.
//! - `kept-store-STORE.json`: nobody could say what the changes are, and why. The store itself stays then.
//!
//! Readers of the data store never look at them. At most [`MOST`] are kept; the oldest gives way, and the report says so. A file has the mode and the owner
//! of secrets: values are in it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::PathBuf;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::changes::Change;
use crate::error::{damaged, failed};
use crate::migrate::{Look, Step};
use crate::name::{NEW, StoreName};
use crate::{Folder, Result};

/// Begins the name of a file with changes.
const CHANGES: &str = "kept-changes-";

/// Begins the name of a file for a whole store.
const STORE: &str = "kept-store-";

const END: &str = ".json";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Longest file that is read, in bytes.
const MAX_LENGTH: u64 = 64 << 20;

/// The most that are kept.
pub const MOST: usize = 8;

/// What was changed under one version and is not in the settings of another, to which the host returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    format: u32,
    /// Rises with each one.
    number: u64,
    /// The version under which it was changed.
    pub from: Version,
    /// The version that the host returned to.
    pub to: Version,
    /// The store that was left.
    pub store: String,
    /// What was changed.
    #[serde(flatten)]
    pub content: Content,
}

/// What is known of the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The changes as they were made, in the names of the version that was left; nothing if they are not known, and then the store that was left is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Vec<Change>>,
    /// The same in the names of the version that returned, as far as it has names for them; nothing if they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Change>>,
    /// Why something is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What kind of file one is, and of which store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AsideName {
    pub(crate) keeps_store: bool,
    pub(crate) store: StoreName,
}

impl AsideName {
    /// Reads a file name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.strip_suffix(END)?;
        let (keeps_store, store) = match name.strip_prefix(CHANGES) {
            Some(store) => (false, store),
            None => (true, name.strip_prefix(STORE)?),
        };
        Some(Self { keeps_store, store: StoreName::parse(store)? })
    }

    pub(crate) fn file(&self) -> String {
        format!("{}{}{END}", if self.keeps_store { STORE } else { CHANGES }, self.store)
    }
}

impl Aside {
    fn name(&self, store: &StoreName) -> AsideName {
        let keeps_store = self.content.made.is_none();
        AsideName { keeps_store, store: store.clone() }
    }
}

/// All that is kept aside, the oldest first, each with the name of its file. A file that is none of ours in spite of its name comes first, and stops nothing.
///
/// # Errors
///
/// Those of listing the folder.
pub fn list(folder: &Folder) -> Result<Vec<(String, Result<Aside>)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder.path()).map_err(failed("list", folder.path()))? {
        let entry = entry.map_err(failed("list", folder.path()))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if AsideName::parse(&name).is_some() {
            all.push((name, read(&entry.path())));
        }
    }
    all.sort_by_key(|(_, aside)| aside.as_ref().map_or(0, |aside| aside.number));
    Ok(all)
}

fn read(path: &PathBuf) -> Result<Aside> {
    // A link or a pipe has no business here, and could make this wait.
    let kind = fs::symlink_metadata(path).map_err(failed("read", path))?;
    if !kind.is_file() {
        return Err(damaged(path, "it is no plain file"));
    }
    let file = File::open(path).map_err(failed("read", path))?;
    let mut text = Vec::new();
    let read = file.take(MAX_LENGTH + 1).read_to_end(&mut text).map_err(failed("read", path))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_LENGTH {
        return Err(damaged(path, format_args!("it is longer than {MAX_LENGTH} bytes")));
    }
    let aside: Aside = serde_json::from_slice(&text).map_err(|error| damaged(path, error))?;
    match aside.format {
        FORMAT => Ok(aside),
        other => {
            Err(damaged(path, format_args!("it has format {other}, this program knows {FORMAT}")))
        }
    }
}

/// Keeps changes aside, durably: the file is there whole under its name, or not at all. Says what gave way.
pub(crate) fn keep(
    folder: &Folder,
    (from, store): (&Version, &StoreName),
    to: &Version,
    content: Content,
    look: &mut Look<'_>,
) -> Result<(String, Vec<String>)> {
    let all = list(folder)?.into_iter().filter_map(|(name, aside)| Some((name, aside.ok()?)));
    let (same, others): (Vec<_>, Vec<_>) =
        all.partition(|(_, aside): &(String, Aside)| aside.store == store.as_str());
    let last = others.iter().map(|(_, aside)| aside.number).max().unwrap_or(0);
    let (from, to, number) = (from.clone(), to.clone(), last.saturating_add(1));
    let aside = Aside { format: FORMAT, number, from, to, store: store.to_string(), content };
    let name = aside.name(store).file();
    write(folder, &name, &aside, look)?;
    // What a cut run said of the same store, in other words.
    let stale = same.into_iter().map(|(other, _)| other).filter(|other| *other != name);
    let beyond = others.len().saturating_sub(MOST - 1);
    let gone: Vec<String> = others.into_iter().take(beyond).map(|(name, _)| name).collect();
    for other in stale.chain(gone.iter().cloned()) {
        forget(folder, &other, look)?;
    }
    Ok((name, gone))
}

/// Removes one.
pub(crate) fn forget(folder: &Folder, name: &str, look: &mut Look<'_>) -> Result<()> {
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(failed("remove", &path)(error));
        }
        _ => look.at(Step::Removed(&path))?,
    }
    folder.flush()
}

fn write(folder: &Folder, name: &str, aside: &Aside, look: &mut Look<'_>) -> Result<()> {
    let (new, path) = (folder.join(&format!("{NEW}{name}")), folder.join(name));
    let text = serde_json::to_vec_pretty(aside).map_err(|error| damaged(&path, error))?;
    let owner = fs::metadata(folder.path()).map_err(failed("read", folder.path()))?;
    let written = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let there = file.metadata()?;
        // A sandbox may forbid the call, which is needed only where another owns the folder.
        let is_other = (there.uid(), there.gid()) != (owner.uid(), owner.gid());
        if is_other && rustix::process::geteuid().is_root() {
            fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
        }
        file.write_all(&text)?;
        file.sync_all()
    };
    written().map_err(failed("write", &new))?;
    fs::rename(&new, &path).map_err(failed("replace", &path))?;
    look.at(Step::Replaced(&path))?;
    folder.flush()?;
    look.at(Step::Flushed(folder.path()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::Access;

    const STORES: [&str; 3] =
        ["v1.1.0_0123456789abcdef", "v1.1.0_0123456789abcdeg", "v1.2.0_0123456789abcdef"];

    fn unknown() -> Content {
        Content { why: Some("nothing was kept".into()), ..Content::default() }
    }

    fn nothing() -> Content {
        Content { made: Some(Vec::new()), changes: Some(Vec::new()), why: None }
    }

    fn keep_one(folder: &Folder, store: &str, content: Content) -> (String, Vec<String>) {
        let store = StoreName::parse(store).unwrap();
        let versions = [Version::new(1, 1, 0), Version::new(1, 0, 0)];
        let mut nobody = |_: Step<'_>| Ok(());
        let look = &mut Look(&mut nobody);
        keep(folder, (&versions[0], &store), &versions[1], content, look).unwrap()
    }

    #[test]
    fn one_for_each_store_and_what_is_said_last_counts() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), Access::Write).unwrap().unwrap();
        keep_one(&folder, STORES[0], unknown());
        keep_one(&folder, STORES[2], nothing());
        let (name, gone) = keep_one(&folder, STORES[0], nothing());
        assert_eq!((name.as_str(), gone.len()), ("kept-changes-v1.1.0_0123456789abcdef.json", 0));
        let all = list(&folder).unwrap();
        let stores: Vec<_> =
            all.iter().map(|(_, one)| one.as_ref().unwrap().store.as_str()).collect();
        assert_eq!(stores, [STORES[2], STORES[0]]);
        let mode = fs::metadata(folder.join(&name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "values are in it");
    }

    #[test]
    fn the_oldest_gives_way_and_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), Access::Write).unwrap().unwrap();
        for number in 0..MOST {
            let (_, gone) =
                keep_one(&folder, &format!("v1.1.0_000000000000000{number}"), unknown());
            assert!(gone.is_empty());
        }
        let (_, gone) = keep_one(&folder, STORES[0], nothing());
        assert_eq!(gone, ["kept-store-v1.1.0_0000000000000000.json"]);
        assert_eq!(list(&folder).unwrap().len(), MOST);
    }

    #[test]
    fn what_is_no_such_file_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), Access::Read).unwrap().unwrap();
        let path = folder.join("kept-changes-v1.1.0_0123456789abcdef.json");
        for text in ["", "{}", "{\"format\":1}"] {
            fs::write(&path, text).unwrap();
            let all = list(&folder).unwrap();
            assert!(all[0].1.as_ref().unwrap_err().to_string().contains("kept-changes-"), "{text}");
            keep_one(&folder, STORES[2], nothing());
        }
        fs::remove_file(&path).unwrap();
        fs::write(folder.join("kept-changes-of-mine.json"), "").unwrap();
        assert_eq!(list(&folder).unwrap().len(), 1, "that one is not ours");
    }
}

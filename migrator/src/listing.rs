//! What is kept aside, and how it stands to the settings that count.

use std::path::Path;

use datastore::Key;
use semver::Version;
use serde::Serialize;

use crate::aside::{self, Aside};
use crate::changes::{All, Change, Standing};
use crate::folder::{Access, Folder};
use crate::links::{Current, current};
use crate::migrate::all;
use crate::{Result, Secrets, Shown};

/// What is kept aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The version of the settings that count; nothing if there are none.
    pub version: Option<Version>,
    /// Each return that left something, the oldest first.
    pub kept: Vec<Listed>,
    /// Files that cannot be read, and why.
    pub damaged: Vec<Damaged>,
}

/// What one return left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Name of the file.
    pub file: String,
    /// The version under which the changes were made.
    pub from: Version,
    /// The version that the host returned to.
    pub to: Version,
    /// The store that was left. It is there only if the changes are not known.
    pub store: String,
    /// The version whose names the changes have.
    pub names_of: Version,
    /// Whether they can be carried into the settings that count.
    pub fits: bool,
    /// The changes; nothing if they are not known.
    pub changes: Option<Vec<ListedChange>>,
    /// Why something is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One change, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedChange {
    /// The change.
    #[serde(flatten)]
    pub change: Shown,
    /// How it stands to the settings that count; nothing if they have other names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// A file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Name of the file.
    pub file: String,
    /// Why.
    pub why: String,
}

/// Lists what is kept aside in the data store at `datastore`, as far as it is about settings of or below `keys`, or all.
///
/// # Errors
///
/// Those of the data store. A file that cannot be read is listed as such.
pub fn list(datastore: &Path, keys: &[Key], secrets: Secrets) -> Result<Listing> {
    let mut listing = Listing { version: None, kept: Vec::new(), damaged: Vec::new() };
    let Some(folder) = Folder::open(datastore, Access::Read)? else { return Ok(listing) };
    let Some(now) = current(&folder)? else { return Ok(listing) };
    let settings = all(&folder.join(now.store.as_str()))?;
    for (file, aside) in aside::list(&folder)? {
        match aside {
            Ok(aside) => listing.kept.push(listed(file, aside, (&now, &settings), keys, secrets)),
            Err(error) => listing.damaged.push(Damaged { file, why: cli::chain(&error) }),
        }
    }
    listing.version = Some(now.version);
    Ok(listing)
}

fn listed(
    file: String,
    aside: Aside,
    (now, settings): (&Current, &All),
    keys: &[Key],
    secrets: Secrets,
) -> Listed {
    let (names_of, changes) = in_names(&aside, &now.version);
    let fits = names_of == now.version && changes.is_some();
    let show = |change: &Change| ListedChange {
        change: Shown::of(change, &[settings], secrets),
        standing: fits.then(|| change.standing(settings)),
    };
    let wanted = |change: &&Change| is_wanted(change, keys);
    let changes = changes.map(|changes| changes.iter().filter(wanted).map(show).collect());
    let Aside { from, to, store, .. } = aside;
    Listed { file, from, to, store, names_of, fits, changes, why: aside.content.why }
}

/// The changes in the names of `version`, or in those that they are known in.
pub(crate) fn in_names<'a>(
    aside: &'a Aside,
    version: &Version,
) -> (Version, Option<&'a Vec<Change>>) {
    let (made, changes) = (aside.content.made.as_ref(), aside.content.changes.as_ref());
    match (made, changes) {
        (Some(made), changes) if *version == aside.from || changes.is_none() => {
            (aside.from.clone(), Some(made))
        }
        (_, changes) => (aside.to.clone(), changes),
    }
}

/// Whether a change is of a setting that is asked for.
pub(crate) fn is_wanted(change: &Change, keys: &[Key]) -> bool {
    keys.is_empty() || keys.iter().any(|key| change.key.is_below(key))
}

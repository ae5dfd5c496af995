//! What is left over, and is taken away at the beginning of a run.
//!
//! - What only cut runs leave: the folder in which migrations work, and links without their names.
//! - Links that lead nowhere, and stores that no link leads to. A migration there and one back leave such a store.
//!   One that is [kept aside](mod@crate::aside) stays.
//! - Of stores that links lead to, what is beyond the bound: kept are the current version's, the two next below it, and the next
//!   one above, which are the versions that it came from. Links of others go, and then their stores.
//!
//! Nothing is taken away unless `current` leads to a store that was read as a whole in this run, and nothing on its path
//! ever is. What has no name of ours stays. The decision is [`surplus`], which does nothing; links go first, and the folder is flushed before stores do.

use std::collections::BTreeSet;

use datastore::Store;
use semver::Version;

use crate::error::failed;
use crate::links::{Current, Inventory, inventory};
use crate::migrate::{Look, Step};
use crate::name::{LinkName, StoreName};
use crate::remove::remove;
use crate::{Error, Folder, Result};

/// How many versions below the current one keep their stores.
const BELOW: usize = 2;

/// How many versions above the current one keep their stores.
const ABOVE: usize = 1;

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surplus {
    /// Links, and what only cut runs leave.
    pub first: Vec<String>,
    /// Stores that no link leads to when those are gone.
    pub stores: Vec<String>,
}

impl Surplus {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.stores.is_empty()
    }
}

/// Decides what is to go: nothing, if the path of `current` is not listed as it was followed. Pure.
pub fn surplus(inventory: &Inventory, current: &Current) -> Surplus {
    if !has_path(inventory, current) {
        return Surplus::default();
    }
    let stays = stays(inventory, current);
    let links = inventory.links.keys().filter(|link| !stays.contains(link));
    let first = links.map(ToString::to_string).chain(inventory.scraps.iter().cloned());
    let reached = |store: &&StoreName| {
        stays.iter().any(|link| {
            matches!(link, LinkName::Patch(_))
                && inventory.links.get(link).is_some_and(|to| to == store.as_str())
        })
    };
    let is_kept = |store: &&StoreName| inventory.aside.contains(*store) || reached(store);
    let stores = inventory.stores.iter().filter(|store| !is_kept(store));
    Surplus { first: first.collect(), stores: stores.map(ToString::to_string).collect() }
}

/// Whether every link on the path of `current`, and its store, are listed.
fn has_path(inventory: &Inventory, current: &Current) -> bool {
    let version = &current.version;
    let [major, minor] = [LinkName::major(version), LinkName::minor(version)];
    let patch = LinkName::Patch(version.clone());
    let leads = |link: &LinkName, to: &str| inventory.links.get(link).is_some_and(|is| is == to);
    leads(&major, &minor.to_string())
        && leads(&minor, &patch.to_string())
        && leads(&patch, current.store.as_str())
        && inventory.stores.contains(&current.store)
}

/// The links that stay: those of the versions that keep their stores, and those that lead to one of these.
fn stays<'i>(inventory: &'i Inventory, current: &Current) -> BTreeSet<&'i LinkName> {
    let leads = |to: &str| StoreName::parse(to).is_some_and(|to| inventory.stores.contains(&to));
    let versions = inventory.links.iter().filter(|(_, to)| leads(to)).filter_map(|(link, _)| {
        if let LinkName::Patch(version) = link { Some(version) } else { None }
    });
    let versions: BTreeSet<&Version> = versions.collect();
    let kept = kept(&versions, &current.version);
    let mut stays: BTreeSet<&LinkName> = BTreeSet::new();
    // From the lowest level up, so that a link's own target was decided before it.
    for (link, to) in inventory.links.iter().rev() {
        let stay = match (link, LinkName::parse(to)) {
            (LinkName::Patch(version), _) => kept.contains(version),
            (link, Some(to)) => link.leads_to(&to) && stays.contains(&to),
            (_, None) => false,
        };
        if stay {
            stays.insert(link);
        }
    }
    stays
}

/// The versions that keep their stores.
fn kept<'v>(versions: &BTreeSet<&'v Version>, current: &Version) -> BTreeSet<&'v Version> {
    let below = versions.iter().rev().filter(|version| **version < current).take(BELOW);
    let above = versions.iter().filter(|version| **version > current).take(ABOVE);
    let itself = versions.iter().filter(|version| **version == current);
    below.chain(above).chain(itself).copied().collect()
}

/// Takes away what is to go, and tells what that was.
pub(crate) fn sweep(
    folder: &Folder,
    current: &Current,
    look: &mut Look<'_>,
) -> Result<Vec<String>> {
    let surplus = surplus(&inventory(folder)?, current);
    if surplus.is_empty() {
        return Ok(Vec::new());
    }
    let path = folder.join(current.store.as_str());
    Store::open(path).and_then(|store| store.check()).map_err(Error::Store)?;
    for names in [&surplus.first, &surplus.stores] {
        for name in names {
            let path = folder.join(name);
            remove(&path).map_err(failed("remove", &path))?;
            look.at(Step::Removed(&path))?;
        }
        folder.flush()?;
    }
    Ok([surplus.first, surplus.stores].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn inventory_of(links: &[(&str, &str)], stores: &[&str]) -> Inventory {
        let links =
            links.iter().map(|(link, to)| (LinkName::parse(link).unwrap(), (*to).to_owned()));
        let stores = stores.iter().map(|store| StoreName::parse(store).unwrap());
        Inventory { links: links.collect(), stores: stores.collect(), ..Inventory::default() }
    }

    fn at(version: &str, store: &str) -> Current {
        let (version, store) = (version.parse().unwrap(), StoreName::parse(store).unwrap());
        Current { version, store }
    }

    fn store(minor: usize) -> String {
        format!("v1.{minor}.0_000000000000000{minor}")
    }

    /// A link of each minor version to its store; `v1` leads to `minor`.
    fn many(count: usize, minor: usize) -> Inventory {
        let mut links = vec![("v1".to_owned(), format!("v1.{minor}"))];
        for minor in 0..count {
            links.push((format!("v1.{minor}.0"), store(minor)));
            links.push((format!("v1.{minor}"), format!("v1.{minor}.0")));
        }
        let stores: Vec<String> = (0..count).map(store).collect();
        let links: Vec<(&str, &str)> =
            links.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        inventory_of(&links, &stores.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn the_neighbours_stay_and_the_rest_goes() {
        let surplus = surplus(&many(8, 4), &at("1.4.0", &store(4)));
        let gone = [0, 1, 6, 7];
        assert_eq!(surplus.stores, gone.map(store));
        let links = gone.map(|minor| format!("v1.{minor}")).into_iter();
        let links = links.chain(gone.map(|minor| format!("v1.{minor}.0")));
        assert_eq!(surplus.first, links.collect::<Vec<_>>());
    }

    #[test]
    fn a_store_without_a_link_goes_and_one_with_several_stays() {
        let (used, orphan) = (store(1), store(2));
        let links = [
            ("v1", "v1.3"),
            ("v1.1", "v1.1.0"),
            ("v1.3", "v1.3.0"),
            ("v1.1.0", &*used),
            ("v1.3.0", &*used),
        ];
        let surplus = surplus(&inventory_of(&links, &[&used, &orphan]), &at("1.3.0", &used));
        assert_eq!(surplus, Surplus { first: vec![], stores: vec![orphan] });
    }

    #[test]
    fn a_store_that_is_kept_aside_stays() {
        let mut inventory = many(8, 4);
        inventory.aside.insert(StoreName::parse(&store(7)).unwrap());
        let surplus = surplus(&inventory, &at("1.4.0", &store(4)));
        assert_eq!(surplus.stores, [0, 1, 6].map(store));
        assert!(surplus.first.contains(&"v1.7.0".to_owned()), "its link does not");
    }

    #[test]
    fn links_that_lead_nowhere_go() {
        let used = store(1);
        let links = [
            ("v1", "v1.1"),
            ("v1.1", "v1.1.0"),
            ("v1.1.0", &*used),
            ("v2", "v2.0"),
            ("v1.2.0", &*store(2)),
            ("v1.2", "v1.2.0"),
        ];
        let surplus = surplus(&inventory_of(&links, &[&used]), &at("1.1.0", &used));
        assert_eq!(surplus.first, ["v2", "v1.2", "v1.2.0"]);
        assert!(surplus.stores.is_empty());
    }

    #[test]
    fn nothing_goes_while_the_path_of_current_is_not_listed() {
        let (all, now) = (many(8, 4), at("1.4.0", &store(4)));
        for name in ["v1", "v1.4", "v1.4.0"] {
            let mut listed = all.clone();
            listed.links.remove(&LinkName::parse(name).unwrap());
            assert_eq!(surplus(&listed, &now), Surplus::default(), "{name}");
        }
        let mut listed = all;
        listed.stores.remove(&now.store);
        assert_eq!(surplus(&listed, &now), Surplus::default());
    }

    #[test]
    fn whatever_there_is_the_path_of_current_stays() {
        for count in 1..9 {
            for minor in 0..count {
                let surplus =
                    surplus(&many(count, minor), &at(&format!("1.{minor}.0"), &store(minor)));
                for name in ["v1".into(), format!("v1.{minor}"), format!("v1.{minor}.0")] {
                    assert!(!surplus.first.contains(&name), "{count} {name}");
                }
                assert!(!surplus.stores.contains(&store(minor)));
                assert!(count - surplus.stores.len() <= 1 + BELOW + ABOVE);
            }
        }
    }
}

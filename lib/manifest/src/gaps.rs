//! Where the steps of a manifest do not connect its releases. Pure.
//!
//! A host of any release may have to go to any other for the same hosts: up, or back when one fails or is recalled. The same steps lead both ways.
//! Chains can be joined, so all releases are connected exactly if each is with the next higher one; a gap is between two such neighbours. A
//! manifest without any step is of a repository whose settings need none, and has no gaps. Releases that were withdrawn count: hosts still run them.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::migration::{Migrations, NoPath};
use crate::model::Manifest;

/// Two neighbouring releases for the same hosts, whose settings no chain of steps carries from one to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Variant of both releases.
    pub variant: String,
    /// Architecture of both.
    pub arch: String,
    /// From the lower to the higher one, and the step that is missing. The way back lacks the same.
    pub path: NoPath,
}

impl Manifest {
    /// The gaps between releases, ordered by hosts and versions. Once each has its missing step, there are none.
    pub fn gaps(&self) -> Vec<Gap> {
        if self.migrations.is_empty() {
            return Vec::new();
        }
        let mut hosts: BTreeMap<(&str, &str), BTreeSet<&Version>> = BTreeMap::new();
        for update in &self.updates {
            hosts.entry((&update.variant, &update.arch)).or_default().insert(&update.version);
        }
        let mut gaps = Vec::new();
        for ((variant, arch), versions) in hosts {
            let neighbours = versions.iter().zip(versions.iter().skip(1));
            let paths = neighbours.filter_map(|(low, high)| self.migrations.gap(low, high));
            let gap = |path| Gap { variant: variant.to_owned(), arch: arch.to_owned(), path };
            gaps.extend(paths.map(gap));
        }
        gaps
    }
}

impl Migrations {
    /// Says what is missing between two versions, if anything is.
    fn gap(&self, low: &Version, high: &Version) -> Option<NoPath> {
        if self.reached(low, high).contains(high) {
            return None;
        }
        let missing = self.missing(low, high);
        Some(NoPath { from: low.clone(), to: high.clone(), missing })
    }

    /// Where the chains upward from `low` break off, and the lowest version above that from which `high` can be reached.
    pub(crate) fn missing(&self, low: &Version, high: &Version) -> (Version, Version) {
        let reached = self.reached(low, high);
        let end = reached.last().copied().unwrap_or(low);
        let mut leading = BTreeSet::from([high]);
        let mut steps: Vec<_> = self.between(low, high).collect();
        steps.sort_by_key(|(_, to)| *to);
        for (from, to) in steps.into_iter().rev() {
            if leading.contains(to) {
                leading.insert(from);
            }
        }
        let next = leading.into_iter().find(|version| *version > end).unwrap_or(high);
        (end.clone(), next.clone())
    }

    /// The versions up to `high` to which chains lead from `low`, itself among them.
    fn reached<'m>(&'m self, low: &'m Version, high: &'m Version) -> BTreeSet<&'m Version> {
        let mut reached = BTreeSet::from([low]);
        // The steps are ordered by their lower version, so that one pass follows all of them.
        for (from, to) in self.between(low, high) {
            if reached.contains(from) {
                reached.insert(to);
            }
        }
        reached
    }

    /// The steps that a chain between two versions can have.
    fn between<'m>(
        &'m self,
        low: &'m Version,
        high: &'m Version,
    ) -> impl Iterator<Item = (&'m Version, &'m Version)> {
        let steps = self.iter().map(|(from, to, _)| (from, to));
        steps.filter(move |(from, to)| low <= *from && *to <= high)
    }
}

//! Migrations of the settings, and the path between two versions.
//!
//! A step leads from a lower to a higher version and holds names of TUF targets in the order in which they run.
//! The path is the shortest chain of steps; among equally short ones, the one whose first step is larger,
//! then its second, and so on. A downgrade is the same chain backward: names reversed, each run backward.
//! A path is found whenever one exists, also where the largest first step leads into a dead end.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;

use semver::Version;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::error::Error;

/// Steps from one version to a higher one, each with its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrations(BTreeMap<(Version, Version), Vec<String>>);

/// Which way migrations run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To a higher version, or nowhere.
    Forward,
    /// To a lower version.
    Backward,
}

/// What to run to get from the settings of one version to those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationPath {
    /// How each of them is called.
    pub direction: Direction,
    /// Names of TUF targets in the order of running; none when the versions are equal.
    pub names: Vec<String>,
    /// Versions on the way, from the first to the last.
    pub versions: Vec<Version>,
}

/// No chain of steps connects two versions.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "no migrations lead from {from} to {to}: the manifest has no step between {} and {}",
    missing.0, missing.1
)]
pub struct NoPath {
    /// Version of the settings.
    pub from: Version,
    /// Version that they should become.
    pub to: Version,
    /// Between which versions the first step is missing, the lower one first.
    pub missing: (Version, Version),
}

impl Migrations {
    /// Adds a step.
    ///
    /// # Errors
    ///
    /// Fails when the step is there already or does not lead upward.
    pub fn insert(&mut self, from: Version, to: Version, names: Vec<String>) -> Result<(), Error> {
        if from >= to {
            return Err(Error::MigrationOrder { from, to });
        }
        let key = (from, to);
        if self.0.contains_key(&key) {
            let (from, to) = key;
            return Err(Error::DoubledMigration { from, to });
        }
        self.0.insert(key, names);
        Ok(())
    }

    /// Removes a step and gives its names.
    pub fn remove(&mut self, from: &Version, to: &Version) -> Option<Vec<String>> {
        self.0.remove(&(from.clone(), to.clone()))
    }

    /// The steps, ordered by their versions.
    pub fn iter(&self) -> impl Iterator<Item = (&Version, &Version, &[String])> {
        self.0.iter().map(|((from, to), names)| (from, to, names.as_slice()))
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shortest path between two versions, in either direction.
    ///
    /// # Errors
    ///
    /// Names the step that is missing when no chain connects the two.
    pub fn path(&self, from: &Version, to: &Version) -> Result<MigrationPath, NoPath> {
        let (low, high) = if from <= to { (from, to) } else { (to, from) };
        let versions = self.climb(low, high);
        let mut versions = versions.ok_or_else(|| NoPath {
            from: from.clone(),
            to: to.clone(),
            missing: self.missing(low, high),
        })?;
        let mut names = self.names(&versions);
        let mut direction = Direction::Forward;
        if from > to {
            direction = Direction::Backward;
            names.reverse();
            versions.reverse();
        }
        Ok(MigrationPath { direction, names, versions: versions.into_iter().cloned().collect() })
    }

    /// Versions from `low` to `high` over the fewest steps, larger steps first.
    fn climb<'m>(&'m self, low: &'m Version, high: &'m Version) -> Option<Vec<&'m Version>> {
        let distance = self.distances(high);
        let mut here = low;
        let mut versions = vec![here];
        let mut left = *distance.get(here)?;
        while left > 0 {
            left -= 1;
            let nearer = |to: &&Version| distance.get(*to) == Some(&left);
            here = self.steps_from(here).filter(nearer).max()?;
            versions.push(here);
        }
        Some(versions)
    }

    /// How many steps each version is away from `high`; versions without a way are absent.
    fn distances<'m>(&'m self, high: &'m Version) -> HashMap<&'m Version, usize> {
        let mut below: HashMap<&Version, BTreeSet<&Version>> = HashMap::new();
        for (from, to) in self.0.keys() {
            below.entry(to).or_default().insert(from);
        }
        let mut distance = HashMap::from([(high, 0)]);
        let mut queue = VecDeque::from([(high, 0)]);
        while let Some((version, steps)) = queue.pop_front() {
            for from in below.remove(version).unwrap_or_default() {
                distance.entry(from).or_insert_with(|| {
                    queue.push_back((from, steps + 1));
                    steps + 1
                });
            }
        }
        distance
    }

    fn steps_from<'m>(&'m self, here: &'m Version) -> impl Iterator<Item = &'m Version> {
        self.0.keys().filter(move |(from, _)| from == here).map(|(_, to)| to)
    }

    fn names(&self, versions: &[&Version]) -> Vec<String> {
        let steps = versions.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        steps.filter_map(|step| self.0.get(&step)).flatten().cloned().collect()
    }
}

impl Serialize for Migrations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|((from, to), names)| (key(from, to), names)))
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        })
    }
}

/// A step's key as it is written.
fn key(from: &Version, to: &Version) -> String {
    format!("({from}, {to})")
}

/// Reads a key with any number of spaces.
pub(crate) fn parse_key(text: &str) -> Result<(Version, Version), Error> {
    let error = || Error::MigrationKey(text.chars().take(80).collect());
    let inner = text.trim_matches(' ').strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (from, to) = inner.and_then(|inner| inner.split_once(',')).ok_or_else(error)?;
    let version = |text: &str| Version::parse(text.trim_matches(' ')).map_err(|_| error());
    Ok((version(from)?, version(to)?))
}

//! Migrations beside a release.
//!
//! `--migrations DIR` is a folder with the migrations' programs, named `migrate_vVERSION_NAME`, and
//! `migrations.toml`, which says between which versions they run, in which order:
//!
//! ```toml
//! [[migrations]]
//! from = "1.0.0"
//! to = "1.1.0"
//! files = ["migrate_v1.1.0_name"]
//! ```
//!
//! Each becomes a target of its name with `.lz4`, compressed as one frame.
//!
//! Without that file all programs in the folder are one step, in the order of their names: from the release before the one that is added to that one. One that is not named
//! `migrate_vVERSION_NAME` is then published as if it were, with the version of the release.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use bytes::Bytes;
use semver::Version;
use serde::Deserialize;
use trust::Sha256;

use crate::files::{Observer, names, read_text, reading};
use crate::publish::{Change, is_flat};
use crate::published::Published;
use crate::{Error, Result};

const FILE: &str = "migrations.toml";

/// The first bytes of what a kernel starts: a program, or a script with its interpreter.
pub(crate) const PROGRAMS: [&[u8]; 2] = [b"\x7fELF", b"#!"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    migrations: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    from: Version,
    to: Version,
    files: Vec<String>,
}

/// Migrations that were read and compressed.
#[derive(Debug)]
pub(crate) struct Steps {
    steps: Vec<(Version, Version, Vec<String>)>,
    /// By the names of their targets.
    targets: BTreeMap<String, Bytes>,
}

/// The release that migrations are published with.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) version: Version,
    /// The one before it, for the same hosts.
    pub(crate) before: Option<Version>,
}

/// Reads and compresses what `migrations.toml` in `folder` names, or else all programs there.
pub(crate) fn load(folder: &Path, release: &Release) -> Result<Steps> {
    let path = folder.join(FILE);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => unlisted(folder, release),
        _ => listed(folder, &path),
    }
}

fn listed(folder: &Path, path: &Path) -> Result<Steps> {
    let broken = |reason: String| Error::Broken { path: path.to_owned(), reason };
    let listing: Listing =
        toml::from_str(&read_text(path)?).map_err(|error| broken(error.to_string()))?;
    let mut steps = Steps { steps: Vec::new(), targets: BTreeMap::new() };
    for Step { from, to, files } in listing.migrations {
        if from >= to {
            return Err(broken(format!("{from} to {to} does not lead to a higher version")));
        }
        let mut names = Vec::new();
        for file in files {
            if !is_migration(&file) {
                return Err(broken(format!("{file:?} is not named migrate_vVERSION_NAME")));
            }
            names.push(steps.take(&folder.join(&file), &file)?);
        }
        steps.steps.push((from, to, names));
    }
    Ok(steps)
}

/// All programs of a folder, from the release before to this one.
fn unlisted(folder: &Path, release: &Release) -> Result<Steps> {
    let broken = |reason: String| Error::Broken { path: folder.to_owned(), reason };
    let files = names(folder)?;
    let Some(before) = &release.before else {
        let what = format!("no release is before {}, and {FILE} does not say", release.version);
        return Err(broken(format!("{what} between which versions its migrations run")));
    };
    if files.is_empty() {
        return Err(broken(format!("it has no migrations, and no {FILE}")));
    }
    let mut steps = Steps { steps: Vec::new(), targets: BTreeMap::new() };
    let mut names = Vec::new();
    for file in files {
        let path = folder.join(&file);
        let name = match is_migration(&file) {
            true => file,
            false => format!("migrate_v{}_{file}", release.version),
        };
        if !is_migration(&name) || !is_plain(&name) || !is_program(&path)? {
            let what = format!("{} is no program that could be a migration", path.display());
            return Err(broken(format!("{what}, and there is no {FILE} that says what is")));
        }
        names.push(steps.take(&path, &name)?);
    }
    steps.steps.push((before.clone(), release.version.clone(), names));
    Ok(steps)
}

/// Whether a name needs no quotes anywhere, and hides nothing.
fn is_plain(migration: &str) -> bool {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "._+-".contains(char);
    migration.chars().all(is_plain) && !migration.contains("_.")
}

/// Whether a kernel would start a file.
fn is_program(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let kind = fs::metadata(path).map_err(reading(path))?;
    if !kind.is_file() {
        return Ok(false);
    }
    let file = File::open(path).map_err(reading(path))?;
    file.take(4).read_to_end(&mut start).map_err(reading(path))?;
    Ok(PROGRAMS.iter().any(|program| start.starts_with(program)))
}

/// Whether a file is named `migrate_vVERSION_NAME`.
fn is_migration(file: &str) -> bool {
    let Some(rest) = file.strip_prefix("migrate_v") else { return false };
    let Some((version, name)) = rest.split_once('_') else { return false };
    Version::parse(version).is_ok() && !name.is_empty() && is_flat(file)
}

fn compress(path: &Path) -> Result<Bytes> {
    let program = fs::read(path).map_err(reading(path))?;
    let encoded = || -> std::io::Result<Vec<u8>> {
        let mut encoder = lz4::EncoderBuilder::new().level(9).build(Vec::new())?;
        encoder.write_all(&program)?;
        let (bytes, result) = encoder.finish();
        result.map(|()| bytes)
    };
    Ok(encoded().map_err(reading(path))?.into())
}

impl Steps {
    /// Takes a program as the target of a migration of this name. Gives the target's.
    fn take(&mut self, path: &Path, migration: &str) -> Result<String> {
        let name = format!("{migration}.lz4");
        self.targets.insert(name.clone(), compress(path)?);
        Ok(name)
    }

    /// Whether all of it is published already.
    pub(crate) fn are_in(&self, published: &Published) -> bool {
        let listed = |from: &Version, to: &Version, names: &[String]| {
            published.manifest.migrations.iter().any(|step| step == (from, to, names))
        };
        self.steps.iter().all(|(from, to, names)| listed(from, to, names))
            && self.targets.iter().all(|(name, bytes)| {
                let target = published.repository.target(name);
                target.is_some_and(|target| target.sha256() == Some(Sha256::of(bytes)))
            })
    }

    /// Writes the targets and lists the steps in the manifest.
    pub(crate) fn publish(
        self,
        change: &mut Change<'_>,
        replace: bool,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        for (name, bytes) in self.targets {
            let target = change.published.repository.target(&name);
            let digest = target.and_then(|target| target.sha256());
            let other = digest.filter(|digest| *digest != Sha256::of(&bytes));
            if let Some(published) = other.filter(|_| !replace) {
                return Err(Error::OtherMigration { name, published });
            }
            change.write_target(&name, bytes, observer)?;
        }
        let migrations = &mut change.published.manifest.migrations;
        for (from, to, names) in self.steps {
            let listed = migrations.remove(&from, &to);
            if !replace && listed.as_ref().is_some_and(|listed| *listed != names) {
                return Err(Error::OtherStep { from, to });
            }
            migrations.insert(from, to, names)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_names_its_version() {
        assert!(is_migration("migrate_v1.2.0_add-thing"));
        for wrong in
            ["migrate_v1.2_x", "migrate_1.2.0_x", "migrate_v1.2.0_", "x", "migrate_v1.2.0_a/b"]
        {
            assert!(!is_migration(wrong), "{wrong}");
        }
    }
}

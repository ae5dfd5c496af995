//! Bytes to a checked [`Manifest`] and back.
//!
//! A manifest that can be read two ways is refused: doubled keys, doubled updates, two spellings of one migration
//! step. What we do not know is kept. The same checks run before a manifest is written, so that
//! nobody can publish what no host would read.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::json;
use crate::migration::{Migrations, parse_key};
use crate::model::{Frames, Manifest, Update};

/// Most updates in one manifest.
pub const MAX_UPDATES: usize = 4096;

/// Most migration steps in one manifest.
pub const MAX_MIGRATIONS: usize = 4096;

/// Most names in one migration step.
pub const MAX_MIGRATION_NAMES: usize = 1024;

/// Most packs of one update.
pub const MAX_PACKS: usize = 256;

/// Longest variant, architecture or target name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

impl Manifest {
    /// Reads a manifest strictly.
    ///
    /// # Errors
    ///
    /// Fails on anything broken, missing, doubled, contradictory or beyond a limit.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields: Map<String, Value> = typed("manifest", json::parse(bytes)?)?;
        let updates = read_updates(typed("updates", take(&mut fields, "updates")?)?)?;
        let migrations = read_migrations(typed("migrations", take(&mut fields, "migrations")?)?)?;
        let manifest = Self { updates, migrations, extra: fields };
        manifest.check()?;
        Ok(manifest)
    }

    /// Writes the manifest as indented JSON with a final line feed.
    ///
    /// # Errors
    ///
    /// Fails when [`Manifest::parse`] would refuse the result.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut text = serde_json::to_vec_pretty(self).map_err(json::JsonError::from)?;
        text.push(b'\n');
        Self::parse(&text)?;
        Ok(text)
    }

    /// What the types alone cannot check.
    fn check(&self) -> Result<(), Error> {
        limit("updates", self.updates.len(), MAX_UPDATES)?;
        limit("migration steps", self.migrations.len(), MAX_MIGRATIONS)?;
        let mut seen = BTreeSet::new();
        for update in &self.updates {
            update.check()?;
            if !seen.insert((&update.variant, &update.arch, &update.version)) {
                return Err(Error::Doubled(update.label()));
            }
        }
        for (_, _, names) in self.migrations.iter() {
            limit("names in one migration step", names.len(), MAX_MIGRATION_NAMES)?;
            names.iter().try_for_each(|name| plain("migration", name))?;
        }
        Ok(())
    }
}

impl Update {
    fn check(&self) -> Result<(), Error> {
        plain("variant", &self.variant)?;
        plain("architecture", &self.arch)?;
        self.images.names().into_iter().try_for_each(|name| plain("image", name))?;
        limit("packs of one update", self.packs.len(), MAX_PACKS)?;
        self.packs.iter().try_for_each(|pack| plain("pack", &pack.target))?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.packs.iter().find(|pack| !seen.insert(pack.from_root_hash)) {
            return Err(Error::Doubled(format!("{}: pack from {}", self.label(), twice.from)));
        }
        self.frames.as_ref().map_or(Ok(()), |frames| self.check_frames(frames))?;
        let schedule = self.schedule().check();
        schedule.map_err(|source| Error::Waves { update: self.label(), source })
    }

    fn check_frames(&self, frames: &Frames) -> Result<(), Error> {
        if self.contents.is_none() {
            return Err(Error::FramesAlone(self.label()));
        }
        let mut seen = BTreeSet::new();
        for name in frames.names() {
            plain("frames", name)?;
            if !seen.insert(name) {
                return Err(Error::Doubled(format!("{}: '{name}' of its frames", self.label())));
            }
        }
        Ok(())
    }
}

fn take(fields: &mut Map<String, Value>, name: &'static str) -> Result<Value, Error> {
    fields.remove(name).ok_or(Error::Missing(name))
}

fn typed<T: DeserializeOwned>(field: &'static str, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|source| Error::Field { field, source })
}

fn read_updates(values: Vec<Value>) -> Result<Vec<Update>, Error> {
    limit("updates", values.len(), MAX_UPDATES)?;
    let read = |(index, value)| {
        serde_json::from_value(value).map_err(|source| Error::Update { number: index + 1, source })
    };
    values.into_iter().enumerate().map(read).collect()
}

fn read_migrations(values: Map<String, Value>) -> Result<Migrations, Error> {
    limit("migration steps", values.len(), MAX_MIGRATIONS)?;
    let mut migrations = Migrations::default();
    for (key, value) in values {
        let (from, to) = parse_key(&key)?;
        migrations.insert(from, to, typed("migrations", value)?)?;
    }
    Ok(migrations)
}

fn limit(what: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    if count > limit { Err(Error::TooMany { what, count, limit }) } else { Ok(()) }
}

/// Names become parts of paths and URLs: one component, printable, not `.` or `..`.
fn plain(what: &'static str, name: &str) -> Result<(), Error> {
    let length = (1..=MAX_NAME_BYTES).contains(&name.len());
    let component = name != "." && name != ".." && !name.contains(['/', '\\']);
    if length && component && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Name { what, name: name.chars().take(80).collect() })
}

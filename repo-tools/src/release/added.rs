//! What came of `release add`.

use std::fmt;

use cli::ByteCount;
use manifest::Update;
use semver::Version;
use serde::Serialize;

use crate::packs::{AddedPack, WithoutPack};
use crate::parts::Image;
use crate::refresh::RoleVersions;

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The repository was changed.
    Done,
    /// The repository was so already.
    NothingToDo,
}

/// What `release add` did.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// Whether anything was done.
    pub outcome: Outcome,
    /// Variant.
    pub variant: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: Version,
    /// The highest version that hosts may run.
    pub max_version: Version,
    /// The release's targets.
    pub targets: Vec<AddedTarget>,
    /// Its packs, from the newest release first.
    pub packs: Vec<AddedPack>,
    /// The releases that were to have a pack and have none.
    pub without_pack: Vec<WithoutPack>,
    /// When the first and the last host may take it; nothing: at once.
    pub from: Option<String>,
    /// When all hosts may.
    pub until: Option<String>,
    /// Versions of the metadata now.
    pub versions: RoleVersions,
}

/// One target of an added release.
#[derive(Clone, Debug, Serialize)]
pub struct AddedTarget {
    /// Name of the target.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
    /// Digest.
    pub sha256: String,
    /// Whether it was not in the repository yet.
    pub is_new: bool,
}

impl Added {
    /// Nothing, yet.
    pub(super) fn new(update: &Update, images: &[Image<'_>], versions: RoleVersions) -> Self {
        let waves = update.schedule().waves();
        let targets = images.iter().map(|image| AddedTarget {
            name: image.name.clone(),
            length: image.report.transport.length,
            sha256: image.sha256.to_string(),
            is_new: false,
        });
        Self {
            outcome: Outcome::NothingToDo,
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            version: update.version.clone(),
            max_version: update.max_version.clone(),
            targets: targets.collect(),
            packs: Vec::new(),
            without_pack: Vec::new(),
            from: waves.first().map(|wave| crate::time::stamp(wave.start)),
            until: waves.last().map(|wave| crate::time::stamp(wave.end)),
            versions,
        }
    }
}

impl fmt::Display for Added {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, arch, version, .. } = self;
        let verb = match self.outcome {
            Outcome::Done => "published ",
            Outcome::NothingToDo => "unchanged ",
        };
        writeln!(out, "{verb} {variant} {arch} {version}")?;
        for target in &self.targets {
            let note = if target.is_new { "" } else { "  (there already)" };
            writeln!(out, "  {}  {}{note}", target.name, ByteCount(target.length))?;
        }
        for pack in &self.packs {
            let note = if pack.is_new { "" } else { "  (there already)" };
            writeln!(out, "  {}  {}{note}", pack.name, ByteCount(pack.length))?;
        }
        for without in &self.without_pack {
            writeln!(out, "  no pack from {}: {}", without.from, without.reason)?;
        }
        match (&self.from, &self.until) {
            (Some(from), Some(until)) => write!(out, "  to all hosts between {from} and {until}"),
            _ => write!(out, "  to all hosts at once"),
        }
    }
}

//! What came of `release add`.

use std::fmt;

use cli::ByteCount;
use manifest::{Manifest, Update};
use semver::Version;
use serde::Serialize;

use crate::packs::{AddedPack, WithoutPack};
use crate::publish::{Change, Named};
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
    /// The targets of its images: boot, root, hash.
    pub targets: Vec<AddedTarget>,
    /// Those of its frames that are not its images: index, root, boot.
    pub frames: Vec<AddedTarget>,
    /// Why it was to have frames and has none, in words.
    pub without_frames: Option<String>,
    /// Its packs, from the newest release first.
    pub packs: Vec<AddedPack>,
    /// The releases that were to have a pack and have none.
    pub without_pack: Vec<WithoutPack>,
    /// Which releases for the same hosts no migrations connect, in words.
    pub gaps: Vec<String>,
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
    /// A release as its targets are named; `new` are those that were not there yet. Nothing was done, until it is said.
    pub(super) fn new(
        change: &Change<'_>,
        update: &Update,
        new: &[String],
        versions: RoleVersions,
    ) -> Self {
        let waves = update.schedule().waves();
        let target = |name: &str| {
            let Named { name, length, sha256, .. } = change.named(name)?;
            let is_new = new.contains(&name);
            Some(AddedTarget { name, length, sha256: sha256.to_string(), is_new })
        };
        let images = update.images.names();
        let frames = update.frames.iter().flat_map(|frames| frames.names());
        let packs = update.packs.iter().filter_map(|pack| {
            let AddedTarget { name, length, sha256, is_new } = target(&pack.target)?;
            Some(AddedPack { from: pack.from.clone(), name, length, sha256, is_new })
        });
        Self {
            outcome: Outcome::NothingToDo,
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            version: update.version.clone(),
            max_version: update.max_version.clone(),
            targets: images.into_iter().filter_map(target).collect(),
            frames: frames.filter(|name| !images.contains(name)).filter_map(target).collect(),
            without_frames: None,
            packs: packs.collect(),
            without_pack: Vec::new(),
            gaps: Vec::new(),
            from: waves.first().map(|wave| crate::time::stamp(wave.start)),
            until: waves.last().map(|wave| crate::time::stamp(wave.end)),
            versions,
        }
    }
}

impl Added {
    /// Says where the migrations of a manifest do not connect releases for the same hosts.
    pub(super) fn with_gaps(mut self, manifest: &Manifest) -> Self {
        let gaps = manifest.gaps().into_iter();
        let here = gaps.filter(|gap| gap.variant == self.variant && gap.arch == self.arch);
        self.gaps = here.map(|gap| gap.path.to_string()).collect();
        self
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
        for target in self.targets.iter().chain(&self.frames) {
            let note = if target.is_new { "" } else { "  (there already)" };
            writeln!(out, "  {}  {}{note}", target.name, ByteCount(target.length))?;
        }
        for pack in &self.packs {
            let note = if pack.is_new { "" } else { "  (there already)" };
            writeln!(out, "  {}  {}{note}", pack.name, ByteCount(pack.length))?;
        }
        if let Some(reason) = &self.without_frames {
            writeln!(out, "  no frames: {reason}")?;
        }
        for without in &self.without_pack {
            writeln!(out, "  no pack from {}: {}", without.from, without.reason)?;
        }
        for gap in &self.gaps {
            writeln!(out, "  warning: {gap}, nor back: hosts cannot take that way")?;
        }
        match (&self.from, &self.until) {
            (Some(from), Some(until)) => write!(out, "  to all hosts between {from} and {until}"),
            _ => write!(out, "  to all hosts at once"),
        }
    }
}

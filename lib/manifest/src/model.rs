//! The manifest as values. Field names are those of the JSON.

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::migration::{MigrationPath, Migrations, NoPath};
use crate::seed::Seed;
use crate::waves::{Ready, Schedule, Waves};

/// Fields that we do not know: ignored, and kept when the manifest is written again.
pub type Extra = Map<String, Value>;

/// Every release of a repository, and the migrations between them.
///
/// Read with [`Manifest::parse`], which checks what the types alone cannot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Manifest {
    /// Releases of all variants and architectures, in the order of the file.
    pub updates: Vec<Update>,
    /// Steps of the settings' migrations.
    pub migrations: Migrations,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One release for one variant and architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Variant of the operating system, as in os-release's `VARIANT_ID`.
    pub variant: String,
    /// Architecture, `x86_64` or `aarch64`.
    pub arch: String,
    /// Version of the release.
    pub version: Version,
    /// Highest version that hosts may run; lowered to send hosts back (a recall).
    pub max_version: Version,
    /// When the release reaches whom; empty: everyone at once.
    pub waves: Waves,
    /// Ours, optional: when the last wave has reached everyone. Without it the last wave comes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves_end: Option<DateTime<Utc>>,
    /// Names of the TUF targets that hold the images.
    pub images: Images,
    /// Ours, optional: what the images are once they are decompressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// Ours, optional: what hosts of other releases lack of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<Pack>,
    /// Ours, optional: the images in pieces that can be fetched by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Frames>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A delta pack: what hosts of one release lack of another. It needs [`Contents`], which say what comes out of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// Version of the release that hosts have.
    pub from: Version,
    /// Root hash of that release; the version alone does not tell what lies on a disk.
    pub from_root_hash: Digest,
    /// Name of the TUF target.
    pub target: String,
    /// The head of the pack, which lies at its place in the format.
    pub head: Content,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Names of the TUF targets that hold the images as seekable frames, and of their index. They need [`Contents`], which say
/// what comes out of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frames {
    /// What the blocks of the images are, and where their frames lie.
    pub index: String,
    /// Frames of the root filesystem.
    pub root: String,
    /// Frames of the boot image.
    pub boot: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Names of the TUF targets of one release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Images {
    /// Boot image (unified kernel image), compressed.
    pub boot: String,
    /// Root filesystem, compressed.
    pub root: String,
    /// dm-verity tree of the root filesystem, compressed.
    pub hash: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What must lie on the disk when the update is installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    /// Root hash of the dm-verity tree.
    pub root_hash: Digest,
    /// The boot image.
    pub boot: Content,
    /// The root filesystem.
    pub root: Content,
    /// The dm-verity tree.
    pub hash: Content,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Length and digest of one image as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of these bytes.
    pub sha256: Digest,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Manifest {
    /// The migrations that lead from the settings of version `from` to those of version `to`.
    ///
    /// # Errors
    ///
    /// Fails when no chain of steps connects the two.
    pub fn migration_path(&self, from: &Version, to: &Version) -> Result<MigrationPath, NoPath> {
        self.migrations.path(from, to)
    }
}

impl Update {
    /// When a host of this seed may take the release.
    pub fn ready_at(&self, seed: Seed) -> Ready {
        self.schedule().ready_at(seed)
    }

    /// The waves together with their end.
    pub fn schedule(&self) -> Schedule {
        Schedule { waves: self.waves.clone(), waves_end: self.waves_end }
    }

    /// Whether the release may be installed at all; a version above `max_version` was recalled.
    pub fn is_offered(&self) -> bool {
        self.version <= self.max_version
    }

    /// Variant, architecture and version in one line, as error messages name an update.
    pub fn label(&self) -> String {
        format!("{} {} {}", self.variant, self.arch, self.version)
    }
}

impl Images {
    /// Three names without unknown fields.
    pub fn new(boot: impl Into<String>, root: impl Into<String>, hash: impl Into<String>) -> Self {
        Self { boot: boot.into(), root: root.into(), hash: hash.into(), extra: Extra::new() }
    }

    /// The names in the order of the partitions: boot, root, hash.
    pub fn names(&self) -> [&str; 3] {
        [&self.boot, &self.root, &self.hash]
    }
}

impl Pack {
    /// A pack without unknown fields.
    pub fn new(
        from: Version,
        from_root_hash: Digest,
        target: impl Into<String>,
        head: Content,
    ) -> Self {
        Self { from, from_root_hash, target: target.into(), head, extra: Extra::new() }
    }
}

impl Frames {
    /// Three names without unknown fields.
    pub fn new(index: impl Into<String>, root: impl Into<String>, boot: impl Into<String>) -> Self {
        Self { index: index.into(), root: root.into(), boot: boot.into(), extra: Extra::new() }
    }

    /// The names: index, root, boot.
    pub fn names(&self) -> [&str; 3] {
        [&self.index, &self.root, &self.boot]
    }
}

impl Contents {
    /// Root hash and images without unknown fields.
    pub fn new(root_hash: Digest, boot: Content, root: Content, hash: Content) -> Self {
        Self { root_hash, boot, root, hash, extra: Extra::new() }
    }
}

impl Content {
    /// An image of `length` bytes without unknown fields.
    pub fn new(length: u64, sha256: Digest) -> Self {
        Self { length, sha256, extra: Extra::new() }
    }
}

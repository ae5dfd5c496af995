//! What an update would do, decided before anything is done. Pure.
//!
//! A [`Plan`] exists only for an update that fits: every target is in the signed metadata, and every
//! image whose length the release names is not longer than its partition.

use std::fmt;

use cli::ByteCount;
use gptprio::SetId;
use manifest::{Content, Contents, Manifest, NoPath, Update};
use semver::Version;
use serde::Serialize;
use signpost::{PartRange, SetLayout};
use thiserror::Error;
use trust::{Repository, Target};

/// The part of a set that an image belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Unified kernel image.
    Boot,
    /// Root filesystem.
    Root,
    /// dm-verity tree of the root filesystem.
    Hash,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Boot => "boot",
            Self::Root => "root",
            Self::Hash => "hash",
        })
    }
}

/// Why an update cannot be installed on this host.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The manifest names a target that the signed metadata does not have.
    #[error(
        "release {version} names the target {name}, which the repository's metadata does not list"
    )]
    NoTarget {
        /// The release.
        version: Version,
        /// The target's name.
        name: String,
    },
    /// An image does not fit.
    #[error(
        "the {part} image of {version} has {image}, its partition in set {set} {partition}: {over} too much"
    )]
    TooLarge {
        /// The image.
        part: Part,
        /// The release.
        version: Version,
        /// The set that it was to be written to.
        set: SetId,
        /// Length of the image.
        image: ByteCount,
        /// Length of the partition.
        partition: ByteCount,
        /// The difference.
        over: ByteCount,
    },
}

/// One image: where it comes from and where it goes.
#[derive(Clone, Debug)]
pub struct ImagePlan {
    /// The part of the set.
    pub part: Part,
    /// The compressed image in the repository.
    pub target: Target,
    /// The partition.
    pub range: PartRange,
    /// What the release says of the uncompressed image, if it does.
    pub content: Option<Content>,
}

/// Everything that an update will fetch and write.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The running version.
    pub from: Version,
    /// The version that is installed.
    pub version: Version,
    /// Variant of the release.
    pub variant: String,
    /// Architecture of the release.
    pub arch: String,
    /// The set that is written.
    pub set: SetId,
    /// The images, in the order in which they are written.
    pub images: Vec<ImagePlan>,
    /// Migrations between the two versions, in the order in which they run.
    pub migrations: Vec<Target>,
    /// What the release says of all uncompressed images, if it does.
    pub contents: Option<Contents>,
}

/// Names of the migrations between two versions, in the order in which they run. A repository without any
/// migration has settings that need none.
///
/// # Errors
///
/// Fails when no way leads from one to the other.
pub fn migrations(
    manifest: &Manifest,
    from: &Version,
    to: &Version,
) -> Result<Vec<String>, NoPath> {
    if manifest.migrations.is_empty() {
        return Ok(Vec::new());
    }
    manifest.migration_path(from, to).map(|path| path.names)
}

impl Plan {
    /// Plans `update` for the set `set`.
    ///
    /// # Errors
    ///
    /// Refuses what does not fit: see [`PlanError`].
    pub fn new(
        from: &Version,
        update: &Update,
        migrations: &[String],
        repository: &Repository,
        (set, layout): (SetId, &SetLayout),
    ) -> Result<Self, PlanError> {
        let target = |name: &String| {
            let missing =
                || PlanError::NoTarget { version: update.version.clone(), name: name.clone() };
            repository.target(name).ok_or_else(missing)
        };
        let contents = update.contents.as_ref();
        let image = |part, name, range: &PartRange, content: Option<&Content>| {
            let plan =
                ImagePlan { part, target: target(name)?, range: *range, content: content.cloned() };
            plan.check_size(update, set)?;
            Ok(plan)
        };
        let images = &update.images;
        Ok(Self {
            from: from.clone(),
            version: update.version.clone(),
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            set,
            // The large one last: what was written before is compared while it is being written.
            images: vec![
                image(Part::Hash, &images.hash, &layout.hash, contents.map(|all| &all.hash))?,
                image(Part::Boot, &images.boot, &layout.boot, contents.map(|all| &all.boot))?,
                image(Part::Root, &images.root, &layout.root, contents.map(|all| &all.root))?,
            ],
            migrations: migrations.iter().map(target).collect::<Result<_, _>>()?,
            contents: contents.cloned(),
        })
    }

    /// Bytes that travel: images and migrations.
    pub fn fetch_bytes(&self) -> u64 {
        let images = self.images.iter().map(|image| image.target.length());
        images
            .chain(self.migrations.iter().map(|target| target.length()))
            .fold(0, u64::saturating_add)
    }

    /// Bytes that are written to the disk, if the release says so beforehand.
    pub fn write_bytes(&self) -> Option<u64> {
        let lengths = self.images.iter().map(|image| Some(image.content.as_ref()?.length));
        lengths.collect::<Option<Vec<_>>>().map(|all| all.into_iter().fold(0, u64::saturating_add))
    }

    /// The plan for a reader of JSON.
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            from: &self.from,
            version: &self.version,
            set: self.set,
            fetch_bytes: self.fetch_bytes(),
            write_bytes: self.write_bytes(),
            migrations: self.migrations.iter().map(|target| target.name()).collect(),
            images: self.images.iter().map(ImagePlan::summary).collect(),
        }
    }
}

impl ImagePlan {
    fn check_size(&self, update: &Update, set: SetId) -> Result<(), PlanError> {
        let Some(content) = &self.content else { return Ok(()) };
        let Some(over) = content.length.checked_sub(self.range.length).filter(|over| *over > 0)
        else {
            return Ok(());
        };
        Err(PlanError::TooLarge {
            part: self.part,
            version: update.version.clone(),
            set,
            image: ByteCount(content.length),
            partition: ByteCount(self.range.length),
            over: ByteCount(over),
        })
    }

    fn summary(&self) -> ImageSummary<'_> {
        ImageSummary {
            part: self.part,
            target: self.target.name(),
            fetch_bytes: self.target.length(),
            write_bytes: self.content.as_ref().map(|content| content.length),
            partition: self.range.index,
            partition_bytes: self.range.length,
        }
    }
}

/// A plan as it is printed.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    /// The running version.
    pub from: &'a Version,
    /// The version that is installed.
    pub version: &'a Version,
    /// The set that is written.
    pub set: SetId,
    /// Bytes that travel.
    pub fetch_bytes: u64,
    /// Bytes that are written, where the release says so.
    pub write_bytes: Option<u64>,
    /// Names of the migrations, in the order in which they run.
    pub migrations: Vec<&'a str>,
    /// The images, in the order in which they are written.
    pub images: Vec<ImageSummary<'a>>,
}

/// One image of a plan as it is printed.
#[derive(Debug, Serialize)]
pub struct ImageSummary<'a> {
    /// The part of the set.
    pub part: Part,
    /// Name of the target.
    pub target: &'a str,
    /// Bytes that travel.
    pub fetch_bytes: u64,
    /// Bytes that are written, where the release says so.
    pub write_bytes: Option<u64>,
    /// Number of the partition, from 1.
    pub partition: u32,
    /// Length of the partition in bytes.
    pub partition_bytes: u64,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} -> {} into set {}", self.from, self.version, self.set)?;
        for image in &self.images {
            writeln!(out, "  {image}")?;
        }
        for name in &self.migrations {
            writeln!(out, "  migration {name}")?;
        }
        write!(out, "  in all: fetch {}", ByteCount(self.fetch_bytes))?;
        self.write_bytes.map_or(Ok(()), |bytes| write!(out, ", write {}", ByteCount(bytes)))
    }
}

impl fmt::Display for ImageSummary<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: fetch {}", self.part, ByteCount(self.fetch_bytes))?;
        if let Some(bytes) = self.write_bytes {
            write!(out, ", write {}", ByteCount(bytes))?;
        }
        write!(out, " to partition {} ({})", self.partition, ByteCount(self.partition_bytes))
    }
}

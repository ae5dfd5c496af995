//! What an update would do, decided before anything is done. Pure.
//!
//! A [`Plan`] exists only for an update that fits: every target is in the signed metadata, and every
//! image whose length the release names is not longer than its partition.

use std::fmt;

use cli::ByteCount;
use gptprio::SetId;
use manifest::{Content, Contents, Digest, Manifest, NoPath, Update};
use semver::Version;
use serde::Serialize;
use signpost::{PartRange, SetLayout};
use thiserror::Error;
use trust::{Repository, Target};

use crate::install::{Forecast, Running, Source};

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

/// A delta pack: what the running set lacks of the release, fetched in place of the images.
#[derive(Clone, Debug)]
pub struct PackPlan {
    /// The version that the pack is for.
    pub from: Version,
    /// The pack in the repository.
    pub target: Target,
    /// What the release says of the pack's head.
    pub head: Content,
}

/// The release's images in frames: ranges of them are fetched for what the host lacks.
#[derive(Clone, Debug)]
pub struct FramesPlan {
    /// Says what each block is and where it lies.
    pub index: Target,
    /// The root image.
    pub root: Target,
    /// The boot image.
    pub boot: Target,
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
    /// What is fetched in place of the images; them only if it turns out to be of no use.
    pub pack: Option<PackPlan>,
    /// What ranges are fetched of where there is no pack, or it turns out to be of no use.
    pub frames: Option<FramesPlan>,
    /// What fetching and writing come to, once the disk was looked at.
    pub forecast: Option<Forecast>,
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
            pack: None,
            frames: FramesPlan::of(update, repository),
            forecast: None,
            migrations: migrations.iter().map(target).collect::<Result<_, _>>()?,
            contents: contents.cloned(),
        })
    }

    /// Plans to fetch the pack of `update` for the running set: if there is one, it is shorter than the images, and the release says what must
    /// come out.
    pub fn use_pack(
        &mut self,
        update: &Update,
        repository: &Repository,
        running: Option<&Running>,
    ) {
        let root_hash = running.and_then(|running| running.root_hash().ok());
        let Some(root_hash) = root_hash.map(|root_hash| Digest::new(root_hash.0)) else { return };
        let pack = update.packs.iter().find(|pack| pack.from_root_hash == root_hash);
        let (Some(pack), Some(_)) = (pack, &self.contents) else { return };
        let target = repository.target(&pack.target);
        let target = target.filter(|target| target.length() < self.image_bytes());
        self.pack = target.map(|target| PackPlan {
            from: pack.from.clone(),
            target,
            head: pack.head.clone(),
        });
    }

    /// Bytes that travel, and those of migrations: as far as is known by now, or at most.
    pub fn fetch_bytes(&self) -> u64 {
        let known = self.forecast.as_ref().map(|forecast| forecast.fetch_bytes);
        let pack = || self.pack.as_ref().map(|pack| pack.target.length());
        let bytes = known.or_else(pack).unwrap_or_else(|| self.image_bytes());
        bytes.saturating_add(self.migration_bytes())
    }

    /// Bytes of the migrations.
    pub fn migration_bytes(&self) -> u64 {
        sum(self.migrations.iter().map(|target| target.length()))
    }

    /// Bytes of the whole images as they travel.
    pub fn image_bytes(&self) -> u64 {
        sum(self.images.iter().map(|image| image.target.length()))
    }

    /// Bytes that are written to the disk, if that is known beforehand.
    pub fn write_bytes(&self) -> Option<u64> {
        let known = self.forecast.and_then(|forecast| forecast.blocks);
        let tree = self.contents.as_ref().map_or(0, |contents| contents.hash.length);
        let written = known.map(|blocks| blocks.written_bytes().saturating_add(tree));
        written.or_else(|| self.image_lengths())
    }

    /// Bytes of all images, if the release says so.
    pub fn image_lengths(&self) -> Option<u64> {
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
            forecast: self.forecast.as_ref(),
            instead_of_bytes: self.image_bytes(),
            pack: self.pack.as_ref().map(|pack| PackSummary {
                from: &pack.from,
                target: pack.target.name(),
                fetch_bytes: pack.target.length(),
                instead_of_bytes: self.image_bytes(),
            }),
        }
    }
}

impl FramesPlan {
    /// The frames of a release that says what must come out of them, if the metadata has them.
    fn of(update: &Update, repository: &Repository) -> Option<Self> {
        let (frames, _) = (update.frames.as_ref()?, update.contents.as_ref()?);
        let target = |name: &String| repository.target(name);
        Some(Self {
            index: target(&frames.index)?,
            root: target(&frames.root)?,
            boot: target(&frames.boot)?,
        })
    }
}

fn sum(lengths: impl Iterator<Item = u64>) -> u64 {
    lengths.fold(0, u64::saturating_add)
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
    /// What was found out by looking at the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<&'a Forecast>,
    /// Bytes that the images would be.
    #[serde(skip)]
    pub instead_of_bytes: u64,
    /// What is fetched in place of the images, if there is a pack for the running set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<PackSummary<'a>>,
}

/// The pack of a plan as it is printed.
#[derive(Debug, Serialize)]
pub struct PackSummary<'a> {
    /// The version that the pack is for.
    pub from: &'a Version,
    /// Name of the target.
    pub target: &'a str,
    /// Bytes that travel.
    pub fetch_bytes: u64,
    /// Bytes that the images would be.
    pub instead_of_bytes: u64,
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
        let blocks = self.forecast.filter(|forecast| forecast.source != Source::Images);
        for image in &self.images {
            match (blocks, image.write_bytes) {
                (Some(_), Some(bytes)) => writeln!(out, "  {}", image.whole(bytes))?,
                _ => writeln!(out, "  {image}")?,
            }
        }
        match (self.forecast, &self.pack) {
            (Some(forecast), pack) => self.show_forecast(forecast, pack.as_ref(), out)?,
            (None, Some(pack)) => writeln!(out, "  {pack}")?,
            (None, None) => {}
        }
        for name in &self.migrations {
            writeln!(out, "  migration {name}")?;
        }
        write!(out, "  in all: fetch {}", ByteCount(self.fetch_bytes))?;
        self.write_bytes.map_or(Ok(()), |bytes| write!(out, ", write {}", ByteCount(bytes)))
    }
}

impl Summary<'_> {
    fn show_forecast(
        &self,
        forecast: &Forecast,
        pack: Option<&PackSummary<'_>>,
        out: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        if let Some(blocks) = &forecast.blocks {
            writeln!(out, "  root and boot: {blocks}")?;
        }
        let (fetch, images) = (ByteCount(forecast.fetch_bytes), ByteCount(self.instead_of_bytes));
        match (forecast.source, pack) {
            (Source::Pack, Some(pack)) => write!(out, "  from the pack for {}", pack.from)?,
            (Source::Pack, None) => write!(out, "  from the pack")?,
            (Source::Frames, _) if forecast.ranges == 0 => {
                write!(out, "  from the disk, as the release's index says")?;
            }
            (Source::Frames, _) => {
                write!(out, "  from {} of the release's frames", Ranges(forecast.ranges))?;
            }
            (Source::Images, _) => write!(out, "  from the images")?,
        }
        writeln!(out, ": fetch {fetch} instead of {images}")
    }
}

/// A number of ranges, in words.
struct Ranges(usize);

impl fmt::Display for Ranges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => out.write_str("1 range"),
            count => write!(out, "{count} ranges"),
        }
    }
}

impl fmt::Display for PackSummary<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pack, images) = (ByteCount(self.fetch_bytes), ByteCount(self.instead_of_bytes));
        write!(out, "from the pack for {}: fetch {pack} instead of {images}", self.from)
    }
}

impl ImageSummary<'_> {
    /// The image of so many bytes, and where it goes; it does not travel as a whole.
    fn whole(&self, bytes: u64) -> String {
        let (bytes, partition) = (ByteCount(bytes), ByteCount(self.partition_bytes));
        format!("{}: {bytes} in partition {} ({partition})", self.part, self.partition)
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

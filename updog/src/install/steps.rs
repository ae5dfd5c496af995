//! The steps and their proofs.

use std::io;
use std::thread;

use cli::ByteCount;
use gptprio::{SetId, Tries};
use manifest::{Content, Contents, Digest};
use signpost::{Disk, SetLayout};
use thiserror::Error;
use trust::Whole;

use super::blocks::{Assembly, DeltaError, Found};
use super::check::{CheckError, check_set, check_settled};
use super::decode::{DecodeError, Decoding, Measured};
use super::deliver::Downloads;
use super::region::Region;
use super::settling::Settling;
use crate::mirrors::{NoMirror, Setback};
use crate::plan::{ImagePlan, Part, Plan};
use crate::source::{FetchError, Origin};

/// Pieces of a download that may wait for the decoder.
const AHEAD: usize = 32;

/// Why a release is not on the disk.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The table cannot be changed, or must not be.
    #[error(transparent)]
    Disk(#[from] signpost::Error),
    /// The rules of the boot bits say no.
    #[error("the inactive set must not be written")]
    Refusal(#[source] gptprio::Refusal),
    /// An image did not arrive.
    #[error("cannot fetch the {part} image")]
    Fetch {
        /// The part of the set.
        part: Part,
        /// The cause.
        source: FetchError,
    },
    /// An image arrived and is not the one that was released, or does not go onto the disk.
    #[error("the {part} image {target} is not usable")]
    Image {
        /// The part of the set.
        part: Part,
        /// Name of its target.
        target: String,
        /// The cause.
        source: DecodeError,
    },
    /// An image is not as long as the release says.
    #[error("the {part} image has {got} bytes and the release says {expected}")]
    Length {
        /// The part of the set.
        part: Part,
        /// Length of the image in bytes.
        got: u64,
        /// Length that the release names.
        expected: u64,
    },
    /// A part of a target, or a small one, did not arrive.
    #[error("cannot fetch {target}")]
    FetchPart {
        /// Name of the target.
        target: String,
        /// The cause.
        source: FetchError,
    },
    /// A target is longer than a small one may be.
    #[error("{target} has {length}, which is more than is read")]
    LongPart {
        /// Name of the target.
        target: String,
        /// Its signed length.
        length: ByteCount,
    },
    /// A target is not the one that was signed.
    #[error("{target} is not what was signed")]
    Altered {
        /// Name of the target.
        target: String,
        /// What does not agree.
        source: trust::Error,
    },
    /// More would be fetched than may be.
    #[error("{needed} would have to be fetched, and no more than {limit} may be")]
    OverLimit {
        /// All that this run would fetch.
        needed: ByteCount,
        /// The limit.
        limit: ByteCount,
    },
    /// Blocks from one source or another did not become the new set.
    #[error("{what} is not usable")]
    Blocks {
        /// Where they came from.
        what: String,
        /// The cause.
        source: DeltaError,
    },
    /// What was written did not reach the medium.
    #[error("cannot flush set {set}")]
    Flush {
        /// The set.
        set: SetId,
        /// The cause.
        source: io::Error,
    },
    /// The tree that was released cannot be read.
    #[error("the hash image is no dm-verity tree")]
    Tree(#[source] verity::Error),
    /// The set on the disk is not what was written.
    #[error("set {set} was written and does not read back as released")]
    Check {
        /// The set.
        set: SetId,
        /// What does not agree.
        source: CheckError,
    },
    /// The tree has no block of its own, so it names no root hash.
    #[error("the hash image covers one block only and names no root hash")]
    NoTree,
    /// No mirror has an image as it was signed.
    #[error(transparent)]
    NoMirror(#[from] NoMirror<InstallError>),
    /// A thread of ours ended early.
    #[error("the decoder stopped")]
    Stopped,
}

impl InstallError {
    /// Whether the disk is to blame, or we are, or the limit is reached: another way to the same set would end the same.
    pub(super) fn is_of_host(&self) -> bool {
        match self {
            Self::Disk(_)
            | Self::Refusal(_)
            | Self::Flush { .. }
            | Self::OverLimit { .. }
            | Self::Stopped => true,
            Self::Blocks { source, .. } => source.is_of_disk(),
            Self::Check { source, .. } => source.is_of_disk(),
            Self::NoMirror(_)
            | Self::Fetch { .. }
            | Self::Image { .. }
            | Self::Length { .. }
            | Self::FetchPart { .. }
            | Self::LongPart { .. }
            | Self::Altered { .. }
            | Self::Tree(_)
            | Self::NoTree => false,
        }
    }

    /// Whether there were no ranges to be had, from any mirror: the whole target may be.
    pub(super) fn is_no_ranges(&self) -> bool {
        match self {
            Self::FetchPart { source, .. } => source.is_no_ranges(),
            Self::NoMirror(error) => error.first().is_no_ranges(),
            _ => false,
        }
    }

    /// Whether servers, or the way to them, are in trouble.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::FetchPart { source, .. } => source.is_away(),
            Self::NoMirror(error) => error.first().is_away(),
            _ => false,
        }
    }

    /// Whether blocks of the disk were not what they were taken for.
    pub(super) fn has_holes(&self) -> bool {
        let Self::Blocks { source, .. } = self else { return false };
        matches!(source, DeltaError::Holes { .. } | DeltaError::NewRoot { .. })
    }
}

/// The inactive set cannot boot, durably.
#[derive(Debug)]
pub struct Cleared(());

/// Every image was written and flushed, of targets that are whole.
#[derive(Debug)]
struct Written {
    contents: Contents,
}

/// The whole set was read back and is what the release says.
#[derive(Debug)]
pub struct Checked {
    contents: Contents,
}

impl Checked {
    /// What lies in the set.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }
}

/// Takes the inactive set out of the running for the next boot.
///
/// # Errors
///
/// Refused when there is no inactive set, or when the active one could not boot alone.
pub fn clear(disk: &mut Disk, active: SetId) -> Result<Cleared, InstallError> {
    let state = disk.state(active).clear_inactive().map_err(InstallError::Refusal)?;
    disk.store(&state)?;
    Ok(Cleared(()))
}

/// Who is told of the bytes that are done, and of what else happens.
pub struct Watch<'a> {
    /// Bytes that were written.
    pub written: &'a (dyn Fn(u64) + Sync),
    /// Bytes that were read back and compared.
    pub checked: &'a (dyn Fn(u64) + Sync),
    /// A source that was planned is not used, or not to the end, and why; the next one is.
    pub next_source: &'a dyn Fn(&InstallError),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// Brings the release onto the set, block by block where the plan has sources for that, and reads the whole set back to compare it with what the
/// release says. Where they do not lead to the end, the images are fetched.
///
/// # Errors
///
/// Fails when the disk does, when more would be fetched than may be, and when the images do not arrive, are not the signed ones, or do not make the
/// set that the release says.
pub fn write_and_check(
    cleared: Cleared,
    (disk, layout, memory): (&Disk, &SetLayout, ByteCount),
    plan: &Plan,
    downloads: &Downloads<'_>,
    (found, watch): (&mut Found, &Watch<'_>),
) -> Result<Checked, InstallError> {
    if let Some(contents) = &plan.contents {
        let (set, disk) = (plan.set, disk.file());
        let assembly = Assembly { disk, set, layout, contents, downloads, memory };
        if let Some(()) = assembly.run(plan, found, watch)? {
            return Ok(Checked { contents: contents.clone() });
        }
    }
    downloads.check_limit(plan.image_bytes())?;
    write_images(cleared, disk, plan, layout, downloads, watch)
}

/// Fetches, verifies, decodes, writes and flushes every image of the plan, one after the other, and reads the whole set back to
/// compare it with what the release says: beside the writing, each range once it was flushed, where the release says it beforehand.
///
/// # Errors
///
/// Fails on the first image that does not arrive, is not the signed one, or does not go onto the disk; else names the first
/// partition, and the first block of it, that does not agree.
fn write_images(
    cleared: Cleared,
    disk: &Disk,
    plan: &Plan,
    layout: &SetLayout,
    downloads: &Downloads<'_>,
    watch: &Watch<'_>,
) -> Result<Checked, InstallError> {
    let settling = Settling::default();
    let (written, checked) = thread::scope(|scope| {
        // Where no more threads can be started it is read back afterwards.
        let checker = plan.contents.as_ref().and_then(|contents| {
            let check =
                || check_settled(disk.file(), layout, contents, Some(&settling), watch.checked);
            thread::Builder::new().spawn_scoped(scope, check).ok()
        });
        let ending = settling.until_dropped();
        let written = write(cleared, disk, plan, downloads, (&settling, watch));
        drop(ending);
        (written, checker.map(thread::ScopedJoinHandle::join))
    });
    // What went wrong with the writing explains what could not be read.
    let Written { contents } = written?;
    let checked = match checked {
        // What was read of an image that was begun again may have been the one before it.
        _ if settling.is_abandoned() => check_set(disk.file(), layout, &contents, watch.checked),
        Some(Ok(checked)) => checked,
        Some(Err(_)) => return Err(InstallError::Stopped),
        None => check_set(disk.file(), layout, &contents, watch.checked),
    };
    checked.map_err(|source| InstallError::Check { set: plan.set, source })?;
    Ok(Checked { contents })
}

fn write(
    _: Cleared,
    disk: &Disk,
    plan: &Plan,
    downloads: &Downloads<'_>,
    (settling, watch): (&Settling, &Watch<'_>),
) -> Result<Written, InstallError> {
    let mut measured = Vec::new();
    for image in &plan.images {
        let watermark = settling.of(image.part);
        let wrote = |bytes| {
            watermark.wrote(bytes);
            (watch.written)(bytes);
        };
        let copy = Copy { disk, image, progress: &wrote };
        measured.push((image, copy.run(downloads, settling)?));
        watermark.end();
    }
    disk.file().sync_all().map_err(|source| InstallError::Flush { set: plan.set, source })?;
    let contents = match &plan.contents {
        Some(contents) => contents.clone(),
        None => derive_contents(disk, &measured)?,
    };
    Ok(Written { contents })
}

/// One image on its way from the repository to its partition.
struct Copy<'a> {
    disk: &'a Disk,
    image: &'a ImagePlan,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Copy<'_> {
    /// Copies the image from the first mirror that has it as it was signed. After a bad one it is begun again from its first byte.
    fn run(
        &self,
        downloads: &Downloads<'_>,
        settling: &Settling,
    ) -> Result<Measured, InstallError> {
        let mut begun = false;
        downloads.mirrors.ask(|mirror| {
            if begun {
                settling.abandon();
            }
            begun = true;
            self.from(mirror, downloads)
        })
    }

    fn from(
        &self,
        mirror: &Origin,
        downloads: &Downloads<'_>,
    ) -> Result<Measured, Setback<InstallError>> {
        let (part, target) = (self.image.part, &self.image.target);
        let region = Region::open(self.disk.file(), self.image.range)
            .map_err(|source| Setback::Host(self.failed(DecodeError::Write(source))))?;
        let content = self.image.content.as_ref();
        let decoding = Decoding {
            region: &region,
            limit: content.map_or(self.image.range.length, |content| content.length),
            measure: content.is_none(),
            progress: self.progress,
        };
        let fetch = |source| Setback::Mirror(InstallError::Fetch { part, source });
        let take = |chunks| decoding.run(chunks);
        let delivered = downloads.deliver(mirror, (target, AHEAD), take);
        let delivered = delivered.map_err(fetch)?;
        let decoded = delivered.taken.map_err(|_| Setback::Host(InstallError::Stopped))?;
        match delivered.fetched {
            Err(error) if error.is_stopped() => Err(self.stopped(decoded)),
            Err(error) => Err(fetch(error)),
            Ok(()) => {
                let whole = delivered.whole;
                let whole = whole.map_err(|error| Setback::Mirror(self.failed(error.into())))?;
                self.complete(&whole, decoded).map_err(Setback::Host)
            }
        }
    }

    /// The decoder has gone first, and knows why. Of bytes that nobody compared with what was signed, another mirror may have better ones.
    fn stopped(&self, decoded: Result<Measured, DecodeError>) -> Setback<InstallError> {
        match decoded {
            Err(error @ (DecodeError::Write(_) | DecodeError::Thread(_))) => {
                Setback::Host(self.failed(error))
            }
            Err(error) => Setback::Mirror(self.failed(error)),
            Ok(_) => Setback::Host(InstallError::Stopped),
        }
    }

    /// Only a target that is whole, as one that was signed, makes an image.
    fn complete(
        &self,
        _: &Whole,
        decoded: Result<Measured, DecodeError>,
    ) -> Result<Measured, InstallError> {
        let measured = decoded.map_err(|error| self.failed(error))?;
        match &self.image.content {
            Some(content) if content.length != measured.length => Err(InstallError::Length {
                part: self.image.part,
                got: measured.length,
                expected: content.length,
            }),
            _ => Ok(measured),
        }
    }

    fn failed(&self, source: DecodeError) -> InstallError {
        InstallError::Image {
            part: self.image.part,
            target: self.image.target.name().to_owned(),
            source,
        }
    }
}

/// What a release that says nothing of its images turned out to hold: the targets were whole, so their
/// content is what was signed, and the tree's own root is what the root partition must agree with.
fn derive_contents(
    disk: &Disk,
    measured: &[(&ImagePlan, Measured)],
) -> Result<Contents, InstallError> {
    let find = |part| {
        let (image, measured) = measured.iter().find(|(image, _)| image.part == part)?;
        let sha256 = measured.sha256?;
        Some((image, Content::new(measured.length, sha256)))
    };
    let (Some((_, boot)), Some((_, root)), Some((plan, hash))) =
        (find(Part::Boot), find(Part::Root), find(Part::Hash))
    else {
        return Err(InstallError::Stopped);
    };
    let region = Region::open(disk.file(), plan.range)
        .map_err(|source| InstallError::Flush { set: SetId::A, source })?;
    let root_hash = verity::claimed_root_hash(&region, hash.length)
        .map_err(InstallError::Tree)?
        .ok_or(InstallError::NoTree)?;
    Ok(Contents::new(Digest::new(root_hash.0), boot, root, hash))
}

/// Gives the inactive set its tries: it may be activated from now on.
///
/// # Errors
///
/// Fails when the table cannot be written.
pub fn mark_valid(
    _: Checked,
    disk: &mut Disk,
    active: SetId,
    tries: Tries,
) -> Result<(), InstallError> {
    let state = disk.state(active).mark_inactive_valid(tries).map_err(InstallError::Refusal)?;
    disk.store(&state)?;
    Ok(())
}

//! Reads the new images back, past the cache, beside their being written: what lies on the disk, not what was sent there.

use std::io;

use manifest::{Content, Contents};
use verity::{BlockHasher, Leaves, Unreadable, available_threads};

use super::new_set::NewSet;
use crate::install::check::{CheckError, compare};
use crate::install::settling::{Settled, Settling};
use crate::plan::Part;

/// Why an image was not read back.
pub(super) type Outcome = Result<Leaves, CheckError>;

/// Reads the root image, for its leaves, and the boot image, which must be that of the release; each range once it has settled.
///
/// # Errors
///
/// Fails when they cannot be read, and when the boot image is another.
pub(super) fn read_back(
    new: &NewSet,
    contents: &Contents,
    hasher: &BlockHasher,
    settling: &Settling,
    checked: &(dyn Fn(u64) + Sync),
) -> Outcome {
    let root = Settled::new(&new.root, Some(settling.of(Part::Root)));
    let (length, threads) = (contents.root.length, available_threads());
    let leaves = Leaves::of_data(&root, length, hasher, Unreadable::Refuse, threads, checked);
    let leaves = leaves.map_err(CheckError::Tree)?;
    let boot = Settled::new(&new.boot, Some(settling.of(Part::Boot)));
    compare(&boot, Part::Boot, &contents.boot, checked)?;
    Ok(leaves)
}

/// Compares the tree with the release, once it is on the disk.
///
/// # Errors
///
/// Fails when it cannot be flushed or read, and when it is another.
pub(super) fn read_tree(
    new: &NewSet,
    content: &Content,
    checked: &(dyn Fn(u64) + Sync),
) -> Result<(), CheckError> {
    let failed = |source: io::Error| CheckError::Read { part: Part::Hash, source };
    new.hash.settle().map_err(failed)?;
    compare(&Settled::new(&new.hash, None), Part::Hash, content, checked)
}

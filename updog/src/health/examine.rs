//! A look at a set: does it still hold what was written there? At one that failed and left no word, and at the one that runs before it is proven.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use manifest::Digest;
use signpost::{Access, BootBits, Disk, Priority, SetLayout};
use verity::RootHash;

use super::Deadline;
use crate::boots::{Attempt, Cause, Finding};
use crate::error::chain;
use crate::install::{CheckError, Region, check_set};
use crate::plan::Part;

/// Reads the set of a failed attempt and compares it with what was recorded when it was installed; what does not agree. Of a set that
/// came with the disk only the root hash is known: its tree and its root are compared with that.
///
/// Nothing is said about a set of which nothing is known, and about one that has been cleared, or changes while it is read: another
/// installation has begun there.
///
/// # Errors
///
/// Fails when the disk cannot be opened.
pub fn examine(disk: &Disk, attempt: &Attempt) -> Result<Option<Finding>, signpost::Error> {
    let before = disk.sets().bits(attempt.set);
    let (Some(layout), true) = (disk.layout().set(attempt.set), is_whole(before)) else {
        return Ok(None);
    };
    let Some(defect) = defect(disk, layout, attempt) else { return Ok(None) };
    let after = Disk::open(disk.path(), Access::Read)?.sets().bits(attempt.set);
    Ok((before == after).then(|| Finding::plain(Cause::corruption(&defect))))
}

/// Reads the running set past the page cache and compares it with what is known of it, as [`examine()`] does; what does not agree, or that it could not be
/// read in time. Nothing is said about a set of which nothing is known.
pub fn read_back(disk: &Path, attempt: Attempt, deadline: Deadline) -> Option<Finding> {
    let (said, hear) = channel();
    let path = disk.to_owned();
    // A read that hangs ends with the program.
    let begun = thread::Builder::new().spawn(move || said.send(compare(&path, &attempt)));
    let left_out = |why: &str| Some(Finding::with(Cause::not_read_back(), why));
    if let Err(error) = begun {
        return left_out(&error.to_string());
    }
    match hear.recv_timeout(deadline.left()) {
        Ok(Ok(defect)) => defect.map(|defect| Finding::plain(Cause::corruption(&defect))),
        Ok(Err(error)) => left_out(&chain(&error)),
        Err(RecvTimeoutError::Timeout) => {
            let limit = deadline.limit().as_secs();
            left_out(&format!("not read within the time limit of {limit} s"))
        }
        Err(RecvTimeoutError::Disconnected) => left_out("the reader stopped"),
    }
}

/// Nobody writes to the set that runs: there is no installation to look out for.
fn compare(path: &Path, attempt: &Attempt) -> Result<Option<String>, signpost::Error> {
    let disk = Disk::open(path, Access::Read)?;
    let layout = disk.layout().set(attempt.set);
    Ok(layout.and_then(|layout| defect(&disk, layout, attempt)))
}

/// Whether a set holds an installation that was finished: what is being written has priority 0.
fn is_whole(bits: Option<BootBits>) -> bool {
    bits.is_some_and(|bits| bits.priority > Priority::ZERO)
}

fn defect(disk: &Disk, layout: &SetLayout, attempt: &Attempt) -> Option<String> {
    let Some(contents) = &attempt.contents else {
        return tree_defect(disk, layout, attempt.root_hash?);
    };
    match check_set(disk.file(), layout, contents, &|_| ()) {
        Ok(()) => None,
        // The tree can say where.
        Err(error @ CheckError::Digest { part: Part::Hash, .. }) => {
            tree_defect(disk, layout, contents.root_hash).or_else(|| Some(chain(&error)))
        }
        Err(error) => Some(chain(&error)),
    }
}

/// The first block of the tree or of the root that does not agree with the root hash.
fn tree_defect(disk: &Disk, layout: &SetLayout, root_hash: Digest) -> Option<String> {
    let open = |range| Region::open(disk.file(), range);
    let (Ok(root), Ok(hash)) = (open(layout.root), open(layout.hash)) else { return None };
    let (data, tree) = (root.length(), hash.length());
    let root_hash = RootHash(*root_hash.as_bytes());
    let threads = verity::available_threads();
    let checked = verity::verify(&root, data, &hash, tree, &root_hash, threads, &|_| ());
    checked.err().map(|error| match error {
        verity::Error::BadDataBlock { .. } | verity::Error::ReadData { .. } => {
            format!("root partition: {}", chain(&error))
        }
        _ => format!("hash partition: {}", chain(&error)),
    })
}

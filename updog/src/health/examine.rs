//! A look at a set that failed and left no word: does it still hold what was written there?

use std::error::Error;

use signpost::{Access, BootBits, Disk, Priority};

use crate::boots::{Attempt, Cause, Finding};
use crate::install::check_set;

/// Reads the set of a failed attempt and compares it with what was recorded when it was installed; what does not agree.
///
/// Nothing is said about a set of which no contents were recorded, and about one that has been cleared, or changes while it is read:
/// another installation has begun there.
///
/// # Errors
///
/// Fails when the disk cannot be opened.
pub fn examine(disk: &Disk, attempt: &Attempt) -> Result<Option<Finding>, signpost::Error> {
    let before = disk.sets().bits(attempt.set);
    let (Some(contents), Some(layout), true) =
        (&attempt.contents, disk.layout().set(attempt.set), is_whole(before))
    else {
        return Ok(None);
    };
    let Err(defect) = check_set(disk.file(), layout, contents, &|_| ()) else { return Ok(None) };
    let after = Disk::open(disk.path(), Access::Read)?.sets().bits(attempt.set);
    Ok((before == after).then(|| Finding::plain(Cause::corruption(&chain(&defect)))))
}

/// Whether a set holds an installation that was finished: what is being written has priority 0.
fn is_whole(bits: Option<BootBits>) -> bool {
    bits.is_some_and(|bits| bits.priority > Priority::ZERO)
}

/// An error and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

//! One writer at a time.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Error;

/// How long one waits for those who only look at a disk.
///
/// A device manager takes a shared lock for some milliseconds whenever a writer has closed a disk (systemd, "Locking Block
/// Device Access"): two of our programs in a row would trip over that.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How often one looks whether they are done.
const PAUSE: Duration = Duration::from_millis(10);

/// Takes an exclusive advisory lock. It goes when the file is closed, also by a crash.
///
/// For another writer there is no waiting at all; for readers with a shared lock as long as `patience` says.
pub(crate) fn exclusive(path: &Path, file: &File, patience: Duration) -> Result<(), Error> {
    let started = Instant::now();
    loop {
        if try_lock(path, file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(());
        }
        let only_readers = try_lock(path, file, FlockOperation::NonBlockingLockShared)?;
        if !only_readers || started.elapsed() >= patience {
            return Err(Error::Locked { path: path.to_owned() });
        }
        // Given back at once: two who wait must not take each other for readers.
        try_lock(path, file, FlockOperation::NonBlockingUnlock)?;
        thread::sleep(PAUSE);
    }
}

/// Whether a lock was taken; `false` if somebody else has one that excludes it.
fn try_lock(path: &Path, file: &File, operation: FlockOperation) -> Result<bool, Error> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(Error::Lock { path: path.to_owned(), source: io::Error::from(errno) }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Longer than any test may take: who waits for it has failed.
    const FOR_EVER: Duration = Duration::from_secs(3600);

    fn held(operation: FlockOperation) -> (tempfile::NamedTempFile, File) {
        let file = tempfile::NamedTempFile::new().unwrap();
        flock(file.as_file(), operation).unwrap();
        let second = File::open(file.path()).unwrap();
        (file, second)
    }

    #[test]
    fn for_another_writer_there_is_no_waiting() {
        let (first, second) = held(FlockOperation::LockExclusive);
        let error = exclusive(first.path(), &second, FOR_EVER).unwrap_err();
        assert!(matches!(error, Error::Locked { .. }));
    }

    #[test]
    fn readers_who_stay_are_not_waited_for_without_end() {
        let (first, second) = held(FlockOperation::LockShared);
        let error = exclusive(first.path(), &second, Duration::ZERO).unwrap_err();
        assert!(matches!(error, Error::Locked { .. }));
    }

    #[test]
    fn readers_who_go_are_waited_for() {
        let (first, second) = held(FlockOperation::LockShared);
        let path = first.path().to_owned();
        let reader = thread::spawn(move || drop(first));
        exclusive(&path, &second, FOR_EVER).unwrap();
        reader.join().unwrap();
    }
}

//! One writer at a time.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Error;

/// Takes an exclusive advisory lock at once or not at all. It goes when the file is closed, also by a crash.
pub(crate) fn exclusive(path: &Path, file: &File) -> Result<(), Error> {
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|errno| {
        let path = path.to_owned();
        if errno == Errno::WOULDBLOCK {
            Error::Locked { path }
        } else {
            Error::Lock { path, source: io::Error::from(errno) }
        }
    })
}

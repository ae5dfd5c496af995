//! One agent a host.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::Error;
use crate::files::lock_file;

/// Name of the file whose lock the agent holds.
const LOCK: &str = "agent.lock";

/// Takes the lock, for as long as the file is open.
///
/// # Errors
///
/// Refuses a second agent.
pub(super) fn take(state: &Path) -> Result<File, Error> {
    let file = lock_file(state, LOCK).map_err(Error::Agent)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(Error::AgentRuns),
        Err(error) => Err(Error::Agent(error.into())),
    }
}

/// Whether an agent runs; `None` where that cannot be told.
pub(super) fn is_held(state: &Path) -> Option<bool> {
    let file = match File::open(state.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(false),
        Err(_) => return None,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Some(false),
        Err(Errno::WOULDBLOCK) => Some(true),
        Err(_) => None,
    }
}

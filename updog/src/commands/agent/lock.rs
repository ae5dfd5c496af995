//! One agent a host.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::Error;
use crate::files::make_folder;

/// Name of the file whose lock the agent holds. It is never removed: the lock is what counts.
const LOCK: &str = "agent.lock";

/// Its mode: whoever may open a file may lock it, in a state folder that anybody may look into, too.
const MODE: u32 = 0o600;

/// Takes the lock, for as long as the file is open.
///
/// # Errors
///
/// Refuses a second agent.
pub(super) fn take(state: &Path) -> Result<File, Error> {
    let open = || {
        make_folder(state)?;
        File::options().create(true).append(true).mode(MODE).open(state.join(LOCK))
    };
    let file = open().map_err(Error::Agent)?;
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

//! What was kept of a repository, file by file as it was received, verified without a network and without a clock.
//!
//! It is judged as of the time at which its timestamp was signed: what had expired by then is refused, what expired since is not. Nothing is known from before, so
//! that nothing may be learnt from it: it is for who has chosen already, and needs the same again.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{Error, Known, Limits, Repository, RoleName, RootPhase, SnapshotPhase};

/// Before everything: the timestamp itself says as of when it is judged.
const BEFORE_EXPIRY: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;

/// Verifies the metadata below the root that `root` has come to. `read` brings a file by its name, of at most so many bytes; `refused` says
/// what is wrong with which one.
///
/// # Errors
///
/// What `read` says, or `refused` makes of an [`Error`].
pub fn as_signed<E>(
    root: RootPhase,
    limits: &Limits,
    mut read: impl FnMut(&str, u64) -> Result<Bytes, E>,
    refused: impl Fn(&str, Error) -> E,
) -> Result<Repository, E> {
    let nothing = Known::nothing();
    let name = RoleName::Root.file_name();
    let timestamp = root.settle(BEFORE_EXPIRY).map_err(|error| refused(name, error))?;
    let name = RoleName::Timestamp.file_name();
    let snapshot = timestamp
        .accept(&nothing, read(name, limits.timestamp)?)
        .and_then(SnapshotPhase::not_before_signed)
        .map_err(|error| refused(name, error))?;
    let name = snapshot.file();
    let bound = snapshot.bound(limits.snapshot).map_err(|error| refused(&name, error))?;
    let bytes = read(&name, bound)?;
    let targets = snapshot.accept(&nothing, bytes).map_err(|error| refused(&name, error))?;
    let name = targets.file();
    let bound = targets.bound(limits.targets).map_err(|error| refused(&name, error))?;
    targets.accept(read(&name, bound)?).map_err(|error| refused(&name, error))
}

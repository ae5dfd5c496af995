//! The state on disk, verified by the updater's own code.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use trust::{Known, Limits, Repository, RoleName, RootPhase};

use crate::files::read;
use crate::layout::Layout;
use crate::{Error, Result};

/// Before everything expires: an author looks at expiry by itself.
pub(crate) const BEFORE_EXPIRY: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;

/// Verifies the repository as a client does that trusts its first root.
pub(crate) fn verify(layout: &Layout, now: DateTime<Utc>) -> Result<Repository> {
    let phase = newest_root(layout)?;
    below_root(layout, phase, now)
}

/// Follows the roots from the first one.
pub(crate) fn newest_root(layout: &Layout) -> Result<RootPhase> {
    let first = RoleName::Root.versioned(1);
    let Some(bytes) = file(layout, &first)? else {
        return Err(Error::NoRepository(layout.metadata().to_owned()));
    };
    let mut phase = RootPhase::start(bytes).map_err(refused)?;
    while let Some(next) = file(layout, &phase.next_file())? {
        phase.advance(next).map_err(refused)?;
    }
    Ok(phase)
}

pub(crate) fn below_root(
    layout: &Layout,
    phase: RootPhase,
    now: DateTime<Utc>,
) -> Result<Repository> {
    let nothing = Known::nothing();
    let limits = Limits::default();
    let timestamp = phase.settle(now).map_err(refused)?;
    let bytes = need(layout, RoleName::Timestamp.file_name(), limits.timestamp)?;
    let snapshot = timestamp.accept(&nothing, bytes).map_err(refused)?;
    let bytes = need(layout, &snapshot.file(), limits.snapshot)?;
    let targets = snapshot.accept(&nothing, bytes).map_err(refused)?;
    let bytes = need(layout, &targets.file(), limits.targets)?;
    targets.accept(bytes).map_err(refused)
}

/// A metadata file that must be there, within the limit of every client.
fn need(layout: &Layout, name: &str, limit: u64) -> Result<Bytes> {
    let missing = || refused(trust::Error::Missing { name: name.to_owned() });
    let bytes = file(layout, name)?.ok_or_else(missing)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(refused(trust::Error::TooLong { name: name.to_owned(), limit }))
    }
}

/// A metadata file, if it is there.
pub(crate) fn file(layout: &Layout, name: &str) -> Result<Option<Bytes>> {
    Ok(read(&layout.metadata().join(name))?.map(Bytes::from))
}

fn refused(source: trust::Error) -> Error {
    Error::Trust { what: "the repository's metadata does not verify", source }
}

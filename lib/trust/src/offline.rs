//! What a store knows by itself: the phases and the search over what lies in it, without a network.
//!
//! Nothing is fetched and nothing is written.

use crate::refresh::{Start, accept_stored};
use crate::{
    Draft, Error, Expiry, Known, Limits, Repository, Result, Role, RoleName, Root, Rotation,
    Search, Step, Store, Target, Verified,
};

/// Verifies the stored metadata again, without a network, and returns what is trusted as of `expiry`.
///
/// A time in place of an [`Expiry`] refuses what has expired by then, as [`refresh`](crate::refresh()) does. Nothing is written; a store opened
/// for reading will do.
///
/// # Errors
///
/// Any [`Error`] but those of a source; [`Error::NotStored`] if no refresh ever came to its end.
pub fn offline(
    store: &Store,
    shipped_root: &[u8],
    expiry: impl Into<Expiry>,
) -> Result<Repository> {
    offline_within(&Limits::default(), store, shipped_root, expiry)
}

/// [`offline`] with other limits than the usual ones.
///
/// # Errors
///
/// As [`offline`].
pub fn offline_within(
    limits: &Limits,
    store: &Store,
    shipped_root: &[u8],
    expiry: impl Into<Expiry>,
) -> Result<Repository> {
    let start = Start::choose(store, shipped_root, limits)?;
    let root = start.phase.root().clone();
    let withdrawn = start.rotation == Rotation::Withdrawn || store.is_withdrawn(root.version())?;
    let kept = Kept { store, limits, root: &root, withdrawn };
    let nothing = Known::nothing();
    let timestamp = kept.read()?;
    let root = start.phase.settle(expiry.into().time(&timestamp))?;
    let snapshot = root.take(&nothing, timestamp)?.not_before_signed()?;
    snapshot.accept_stored(&nothing, kept.read()?)?.accept_stored(kept.read()?)
}

/// Looks for a target through the delegated roles that are stored, without a network.
///
/// # Errors
///
/// As [`find`](crate::find); [`Error::Delegated`], too, if a role on the way is not stored or no longer valid.
pub fn find_offline(
    limits: &Limits,
    store: &Store,
    repository: &Repository,
    name: &str,
) -> Result<Option<Target>> {
    let mut search = Search::new(repository, name, limits.delegations)?;
    loop {
        match search.step()? {
            Step::Done(found) => return Ok(found),
            Step::Load { role, .. } => {
                if !accept_stored(&mut search, store, &role, limits)? {
                    let source = Box::new(not_stored(store, RoleName::Targets));
                    return Err(Error::Delegated { role, source });
                }
            }
        }
    }
}

/// What lies in a store below the root.
struct Kept<'a> {
    store: &'a Store,
    limits: &'a Limits,
    root: &'a Root,
    /// Whether it may be signed by keys that were withdrawn.
    withdrawn: bool,
}

impl Kept<'_> {
    fn read<T: Role>(&self) -> Result<Verified<T>> {
        let nothing = || not_stored(self.store, T::NAME);
        let bytes = self.store.read(T::NAME, self.limits)?.ok_or_else(nothing)?;
        match Draft::parse(bytes)?.verify_stored(self.root) {
            Err(Error::Threshold { .. }) if self.withdrawn => Err(nothing()),
            verified => verified,
        }
    }
}

fn not_stored(store: &Store, role: RoleName) -> Error {
    Error::NotStored { path: store.folder().to_owned(), role }
}

//! As of when stored metadata must be unexpired, where nothing can be fetched.
//!
//! Only what reads the store without a network takes an [`Expiry`]. A refresh takes a time, so that no caller can have it
//! accept what has expired. The rule and what follows from it are in `docs/threats.md`.

use chrono::{DateTime, Utc};

use crate::Timestamp;

/// As of when stored metadata must be unexpired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// At this time: what has expired is refused, as in a refresh.
    Enforced(DateTime<Utc>),
    /// When its timestamp was signed. For a boot, which must not depend on the publisher's calendar: what was unexpired when
    /// it was kept goes on speaking for the release that is running or staged. Not for choosing a release to install.
    ///
    /// A timestamp that does not say when it was signed has nothing held against it: what expired was never kept.
    AsOfSigning,
}

impl Expiry {
    /// The time that everything beside `timestamp` is held against.
    pub(crate) fn time(self, timestamp: &Timestamp) -> DateTime<Utc> {
        match self {
            Self::Enforced(at) => at,
            Self::AsOfSigning => timestamp.signed().unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

impl From<DateTime<Utc>> for Expiry {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Enforced(at)
    }
}

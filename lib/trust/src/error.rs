//! What can go wrong, told apart by who is at fault.

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{RoleName, SourceError};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an [`Error`] is; programs map it to their exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The rules say no: what was received is not to be trusted.
    Refused,
    /// The world failed: a source or a disk.
    Failed,
    /// The same call may work later.
    Temporary,
}

/// Why metadata or a target was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The metadata was valid once.
    #[error("{role} metadata expired at {}", rfc3339(.since))]
    Expired {
        /// Which role.
        role: RoleName,
        /// When it expired.
        since: DateTime<Utc>,
    },
    /// A version below one that was trusted before.
    #[error("{role} metadata went back from version {from} to {to}")]
    Rollback {
        /// Which role.
        role: RoleName,
        /// The version that was trusted.
        from: u64,
        /// The version that came.
        to: u64,
    },
    /// A version other than the one that the signed metadata above names (mix-and-match).
    #[error("{role} metadata has version {found} where version {expected} is signed for")]
    WrongVersion {
        /// Which role.
        role: RoleName,
        /// The version that must be.
        expected: u64,
        /// The version that came.
        found: u64,
    },
    /// Too few valid signatures.
    #[error("{role} metadata has {have} valid signatures, needs {need}")]
    Threshold {
        /// Whose keys had to sign.
        role: RoleName,
        /// Distinct keys with a valid signature.
        have: u64,
        /// The threshold of the role.
        need: u64,
    },
    /// A length other than the signed one.
    #[error("{name} has {found} bytes where {expected} are signed for")]
    WrongLength {
        /// File or target.
        name: String,
        /// Signed length in bytes.
        expected: u64,
        /// Received length in bytes.
        found: u64,
    },
    /// A digest other than the signed one.
    #[error("{name} has {algorithm} {found} where {expected} is signed for")]
    WrongHash {
        /// File or target.
        name: String,
        /// Name of the digest's algorithm.
        algorithm: &'static str,
        /// Signed digest in hexadecimal.
        expected: String,
        /// Digest of what was received in hexadecimal.
        found: String,
    },
    /// More bytes than the limit, or a signed length beyond it (endless data).
    #[error("{name} is longer than the {limit} bytes that are read at most")]
    TooLong {
        /// File name.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// More new roots than one refresh follows.
    #[error("more than {limit} new roots")]
    TooManyRoots {
        /// The limit.
        limit: u32,
    },
    /// A delegated role cannot be used.
    #[error("the delegated role {role:?} cannot be used")]
    Delegated {
        /// The role.
        role: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// More delegated roles than one search visits.
    #[error("the search went through {limit} delegated roles without an end")]
    TooManyDelegations {
        /// The limit.
        limit: u32,
    },
    /// A file whose signed digests are all of kinds that we do not know.
    #[error("{name} has no digest that can be compared, neither sha256 nor sha512")]
    NoDigest {
        /// File or target.
        name: String,
    },
    /// Bytes that are not metadata of the role.
    #[error("{role} metadata is malformed: {reason}")]
    Malformed {
        /// Which role.
        role: RoleName,
        /// What is wrong, in words.
        reason: String,
    },
    /// The repository lacks a file that its own signed metadata names.
    #[error("the repository has no {name}")]
    Missing {
        /// File name.
        name: String,
    },
    /// The source of the metadata failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Store {
        /// What was tried.
        action: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A stored file that rollback protection needs is damaged, and no other file can stand in for it.
    #[error("stored {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// The store holds no metadata of this role yet.
    #[error("{} holds no {role} metadata", path.display())]
    NotStored {
        /// The store.
        path: PathBuf,
        /// Which role.
        role: RoleName,
    },
    /// Another process has the store open.
    #[error("{} is in use by another process", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
}

impl Error {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Delegated { source, .. } => source.kind(),
            Self::Source(source) if source.is_temporary() => Kind::Temporary,
            Self::Source(SourceError::TooLong { .. }) => Kind::Refused,
            Self::Busy { .. } => Kind::Temporary,
            Self::Source(_) | Self::Store { .. } | Self::Missing { .. } => Kind::Failed,
            Self::Damaged { .. } | Self::NotStored { .. } => Kind::Failed,
            _ => Kind::Refused,
        }
    }

    /// Whether the rules said no, as against a source or a disk that failed.
    pub fn is_refusal(&self) -> bool {
        self.kind() == Kind::Refused
    }

    /// What to do next where that is known, one sentence without a full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Expired { role: RoleName::Root, .. } => {
                Some("the publisher has to sign a new root; check this host's clock, too".into())
            }
            Self::Expired { .. } => Some(
                "the publisher has to refresh the repository (repo-tools refresh); \
                 check this host's clock, too"
                    .into(),
            ),
            Self::Damaged { path, .. } => Some(format!(
                "remove {} to start again from the shipped root; which versions were seen \
                 before is forgotten with it",
                path.parent().unwrap_or(path).display()
            )),
            Self::Missing { .. } => {
                Some("the repository or its mirror is incomplete; try again later".into())
            }
            Self::NotStored { .. } => Some("refresh from the repository first".into()),
            Self::Delegated { source, .. } => source.hint(),
            Self::Busy { .. } => Some("wait for the other process to end, then try again".into()),
            _ => None,
        }
    }
}

fn rfc3339(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

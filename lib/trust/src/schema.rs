//! The metadata of the four top-level roles (TUF specification, section 4).
//!
//! Unknown fields, key types and roles are passed over, as the specification says; what we use must be
//! there and of its type.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::num::NonZeroU64;

use chrono::{DateTime, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::entries::Entries;
use crate::key::KeyTable;
use crate::speakers::Speakers;
use crate::verified::count;
use crate::{Delegations, Digests, Error, PublicKey, Result};

/// A top-level role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleName {
    /// Says which keys speak for which role, itself included.
    Root,
    /// Says which snapshot is the newest; signed often.
    Timestamp,
    /// Says which versions of the targets metadata belong together.
    Snapshot,
    /// Says which targets there are.
    Targets,
}

impl RoleName {
    /// The name as it stands in metadata.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }

    /// The name of the role's file without a version: `root.json` and so on.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Root => "root.json",
            Self::Timestamp => "timestamp.json",
            Self::Snapshot => "snapshot.json",
            Self::Targets => "targets.json",
        }
    }

    /// The name of the role's file with a version: `2.root.json` and so on.
    pub fn versioned(self, version: u64) -> String {
        format!("{version}.{}", self.file_name())
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What the metadata of all roles has in common.
pub trait Role: DeserializeOwned {
    /// The role.
    const NAME: RoleName;

    /// The version, above zero.
    fn version(&self) -> u64;

    /// From when on it is expired.
    fn expires(&self) -> DateTime<Utc>;
}

macro_rules! role {
    ($role:ident) => {
        impl Role for $role {
            const NAME: RoleName = RoleName::$role;

            fn version(&self) -> u64 {
                self.version.get()
            }

            fn expires(&self) -> DateTime<Utc> {
                self.expires
            }
        }
    };
}

role!(Root);
role!(Timestamp);
role!(Snapshot);
role!(Targets);

/// Which keys speak for which role.
#[derive(Clone, Debug, Deserialize)]
pub struct Root {
    version: NonZeroU64,
    #[serde(deserialize_with = "rfc3339")]
    expires: DateTime<Utc>,
    consistent_snapshot: bool,
    keys: KeyTable,
    roles: TopLevel,
}

/// The roles of a root; others, which only extensions know, are passed over.
#[derive(Clone, Debug, Deserialize)]
struct TopLevel {
    root: RoleKeys,
    timestamp: RoleKeys,
    snapshot: RoleKeys,
    targets: RoleKeys,
}

/// Which keys speak for one role, and how many of them have to.
#[derive(Clone, Debug, Deserialize)]
pub struct RoleKeys {
    keyids: Vec<String>,
    threshold: NonZeroU64,
}

impl RoleKeys {
    pub(crate) fn speakers(&self, table: &KeyTable) -> Speakers {
        Speakers::new(&self.keyids, self.threshold, table)
    }
}

impl Root {
    /// Whether file names carry versions and digests.
    pub fn consistent_snapshot(&self) -> bool {
        self.consistent_snapshot
    }

    /// How many distinct keys have to sign for `role`.
    pub fn threshold(&self, role: RoleName) -> u64 {
        self.role(role).threshold.get()
    }

    /// The keys that speak for `role`, with their threshold.
    pub(crate) fn speakers(&self, role: RoleName) -> Speakers {
        self.role(role).speakers(&self.keys)
    }

    /// The distinct keys of known kinds that speak for `role`.
    pub fn keys(&self, role: RoleName) -> HashSet<&PublicKey> {
        self.role(role).keyids.iter().filter_map(|id| self.keys.get(id)).collect()
    }

    fn role(&self, role: RoleName) -> &RoleKeys {
        match role {
            RoleName::Root => &self.roles.root,
            RoleName::Timestamp => &self.roles.timestamp,
            RoleName::Snapshot => &self.roles.snapshot,
            RoleName::Targets => &self.roles.targets,
        }
    }
}

/// Which snapshot is the newest.
#[derive(Clone, Debug, Deserialize)]
pub struct Timestamp {
    version: NonZeroU64,
    #[serde(deserialize_with = "rfc3339")]
    expires: DateTime<Utc>,
    meta: TimestampMeta,
    #[serde(rename = "x-waystone-signed", default, deserialize_with = "rfc3339_or_none")]
    signed: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Deserialize)]
struct TimestampMeta {
    #[serde(rename = "snapshot.json")]
    snapshot: Metafile,
}

impl Timestamp {
    /// What it says of the snapshot.
    pub fn snapshot(&self) -> &Metafile {
        &self.meta.snapshot
    }

    /// When it was signed, if it says so: a field of ours that other clients pass over. It cannot be earlier than that.
    pub fn signed(&self) -> Option<DateTime<Utc>> {
        self.signed
    }
}

/// Which versions of the targets metadata belong together.
#[derive(Clone, Debug, Deserialize)]
pub struct Snapshot {
    version: NonZeroU64,
    #[serde(deserialize_with = "rfc3339")]
    expires: DateTime<Utc>,
    meta: BTreeMap<String, Metafile>,
}

impl Snapshot {
    /// What it says of a file such as `targets.json`.
    pub fn file(&self, name: &str) -> Option<&Metafile> {
        self.meta.get(name)
    }

    /// All files that it names, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Metafile)> {
        self.meta.iter().map(|(name, file)| (name.as_str(), file))
    }
}

/// What signed metadata says of a metadata file.
#[derive(Clone, Debug, Deserialize)]
pub struct Metafile {
    version: NonZeroU64,
    length: Option<u64>,
    hashes: Option<Digests>,
}

impl Metafile {
    /// The version that the file must have.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// The length in bytes that the file must have, if it is said.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The digests that the file must have, if they are said.
    pub fn hashes(&self) -> Option<&Digests> {
        self.hashes.as_ref()
    }

    /// Compares the whole file with the length and the digests that are said of it.
    pub(crate) fn check(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let found = count(bytes.len());
        if let Some(expected) = self.length.filter(|expected| *expected != found) {
            return Err(Error::WrongLength { name: name.to_owned(), expected, found });
        }
        self.hashes.as_ref().map_or(Ok(()), |hashes| hashes.check(name, bytes))
    }

    /// How many bytes of the file are read at most.
    pub(crate) fn bound(&self, name: &str, limit: u64) -> Result<u64> {
        match self.length {
            Some(length) if length > limit => Err(Error::TooLong { name: name.to_owned(), limit }),
            length => Ok(length.unwrap_or(limit)),
        }
    }
}

/// Which targets there are.
#[derive(Clone, Debug, Deserialize)]
pub struct Targets {
    version: NonZeroU64,
    #[serde(deserialize_with = "rfc3339")]
    expires: DateTime<Utc>,
    targets: Entries,
    #[serde(default, deserialize_with = "there")]
    delegations: Option<Delegations>,
}

impl Targets {
    /// What it says of a target.
    pub fn entry(&self, name: &str) -> Option<&TargetEntry> {
        self.targets.get(name)
    }

    /// To whom it delegates.
    pub fn delegations(&self) -> Option<&Delegations> {
        self.delegations.as_ref()
    }

    /// All targets, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &TargetEntry)> {
        self.targets.iter()
    }
}

/// What signed metadata says of a target.
#[derive(Clone, Debug, Deserialize)]
pub struct TargetEntry {
    length: u64,
    hashes: Digests,
    custom: Option<Box<RawValue>>,
}

impl TargetEntry {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digests that the target must have.
    pub fn hashes(&self) -> &Digests {
        &self.hashes
    }

    /// The publisher's own JSON beside it.
    pub fn custom(&self) -> Option<&str> {
        self.custom.as_deref().map(RawValue::get)
    }
}

/// A value that is there: null is none of its kind.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

fn rfc3339_or_none<'de, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    rfc3339(reader).map(Some)
}

fn rfc3339<'de, D: Deserializer<'de>>(reader: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(reader)?;
    let time = DateTime::parse_from_rfc3339(&text)
        .map_err(|error| D::Error::custom(format!("the time {text:?} cannot be read: {error}")))?;
    Ok(time.to_utc())
}

//! What a generation is for.

use semver::Version;
use serde::{Deserialize, Serialize};

/// Name of the record in a generation.
pub(super) const FILE: &str = "kept.json";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Between which versions a generation leads. Not signed: which migrations that takes is read from the signed
/// manifest, and they must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The version that ran when it was kept.
    pub from: Version,
    /// The version that boots next.
    pub version: Version,
    /// Version of the newest root.
    pub root: u64,
}

impl Record {
    /// A record of what is kept for the way from one version to another, under a root.
    pub fn new(from: Version, version: Version, root: u64) -> Self {
        Self { format: FORMAT, from, version, root }
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// Says what is wrong with bytes that are none, or one of another format.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match record.format {
            FORMAT => Ok(record),
            other => Err(format!("it has format {other}, this program knows {FORMAT}")),
        }
    }

    /// Its bytes in a generation.
    pub fn to_json(&self) -> Vec<u8> {
        // Numbers and versions always have a form in JSON.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

//! What can be wrong with a manifest.

use semver::Version;
use thiserror::Error;

use crate::json::JsonError;
use crate::waves::WavesError;

/// A manifest that cannot be trusted to mean one thing is refused as a whole.
#[derive(Debug, Error)]
pub enum Error {
    /// Not the JSON that we accept.
    #[error("manifest cannot be read")]
    Json(#[from] JsonError),
    /// A part of the manifest is missing, or is of another type than it must be.
    #[error("manifest has a bad '{field}'")]
    Field {
        /// The field of the top level.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A field of the top level is missing.
    #[error("manifest has no '{0}'")]
    Missing(&'static str),
    /// One update of the list cannot be read.
    #[error("update {number} of the manifest cannot be read")]
    Update {
        /// Its place in the list, counted from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The waves of one update contradict each other.
    #[error("update {update} of the manifest has bad waves")]
    Waves {
        /// Variant, architecture and version.
        update: String,
        /// What is wrong with them.
        #[source]
        source: WavesError,
    },
    /// A name that is empty, too long, or would not be a plain file name.
    #[error("{what} '{name}' is not a plain name of 1 to {max} bytes", max = crate::MAX_NAME_BYTES)]
    Name {
        /// What the name stands for.
        what: &'static str,
        /// The name, shortened.
        name: String,
    },
    /// One variant, architecture and version stands twice.
    #[error("update {0} stands twice in the manifest")]
    Doubled(String),
    /// Frames of which nothing says what comes out.
    #[error("update {0} of the manifest has 'frames' without 'contents'")]
    FramesAlone(String),
    /// Two keys of the migrations mean the same step.
    #[error("migrations from {from} to {to} stand twice in the manifest")]
    DoubledMigration {
        /// Lower version.
        from: Version,
        /// Higher version.
        to: Version,
    },
    /// A key of the migrations is not `(from, to)`.
    #[error("migration key '{0}' is not '(FROM, TO)' with two versions")]
    MigrationKey(String),
    /// A migration does not lead upward.
    #[error("migrations from {from} to {to} do not lead to a higher version")]
    MigrationOrder {
        /// Version that the step starts from.
        from: Version,
        /// Version that the step leads to.
        to: Version,
    },
    /// More of something than a manifest may hold.
    #[error("manifest has {count} {what}, more than the limit of {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
}

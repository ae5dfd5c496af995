//! Why a migration does not succeed.

use std::io;

use thiserror::Error;

/// The outcome of a migration.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a migration does not succeed.
#[derive(Debug, Error)]
pub enum Error {
    /// The command line is wrong.
    #[error(
        "{0}; usage: --forward|--backward --source-datastore PATH --target-datastore PATH, or --forward|--backward --stream"
    )]
    Usage(String),
    /// Standard input cannot be read, or standard output not be written.
    #[error("cannot {action}: {cause}")]
    Stream {
        /// What was tried.
        action: &'static str,
        /// The cause.
        cause: io::Error,
    },
    /// A name is no key.
    #[error(transparent)]
    Key(#[from] datastore::NoKey),
    /// A store cannot be read or written.
    #[error(transparent)]
    Store(#[from] datastore::Error),
    /// Two settings, or two of a setting's metadata, would be one.
    #[error("{from} cannot become {to}, which is there already")]
    Taken {
        /// What it is about.
        from: String,
        /// Its new name.
        to: String,
    },
    /// A setting would be a folder and a file at once.
    #[error("{key} cannot lie below {above}, which has a value")]
    Within {
        /// The setting below.
        key: String,
        /// That above.
        above: String,
    },
    /// A setting with a value is not what the change is for.
    #[error("{key} is no table: it has a value")]
    NoTable {
        /// The setting.
        key: String,
    },
    /// A value is not what the change is for.
    #[error("the value of {key} cannot be split in {parts}: {value}")]
    Split {
        /// The setting.
        key: String,
        /// How many parts it should have.
        parts: usize,
        /// Its value.
        value: String,
    },
}

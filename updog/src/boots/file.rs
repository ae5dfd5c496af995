//! Where the ledger is kept: one small file in the state folder, which both sets mount.
//!
//! It is replaced whole, as every record of ours, and only under a lock of its own, so that two programs that note something at
//! once both find it noted. A damaged ledger is an error, not an absent one: who only reads it says so, `updog health` puts it
//! aside under another name and begins anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;
use thiserror::Error;

use super::Ledger;
use super::ledger::FORMAT;
use crate::staged::replace;

/// Name of the ledger in the state folder.
pub const FILE: &str = "boots.json";

/// Name of the file whose lock a writer holds. It is never removed, since somebody may be waiting for it.
const LOCK: &str = "boots.lock";

/// Longest ledger that is read, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

/// How many damaged ledgers are kept.
const MAX_ASIDE: u32 = 9;

/// Why the ledger cannot be read or replaced.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The file or its folder cannot be used.
    #[error("cannot use the ledger of boots {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is there and makes no sense.
    #[error("the ledger of boots {path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Only to find out which program wrote it.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The ledger in the state folder; an empty one if there is none.
///
/// # Errors
///
/// Fails when there is one that cannot be read or makes no sense.
pub fn read(state: &Path) -> Result<Ledger, LedgerError> {
    let path = state.join(FILE);
    match contents(&path) {
        Ok(Some(bytes)) => parse(&bytes).map_err(|problem| LedgerError::Damaged { path, problem }),
        Ok(None) => Ok(Ledger::default()),
        Err(source) => Err(LedgerError::File { path, source }),
    }
}

/// Changes the ledger, durably. What the change says is given back.
///
/// # Errors
///
/// Fails when the ledger is damaged, or cannot be replaced; the old one is then still there.
pub fn change<T>(state: &Path, change: impl FnOnce(&mut Ledger) -> T) -> Result<T, LedgerError> {
    let _lock = lock(state)?;
    let mut ledger = read(state)?;
    apply(state, &mut ledger, change)
}

/// As [`change`], but a damaged ledger is put aside, and the change is made in a new one. The damage is told as well.
///
/// # Errors
///
/// Fails when the ledger can neither be read nor put aside, or cannot be replaced.
pub fn change_or_begin<T>(
    state: &Path,
    change: impl FnOnce(&mut Ledger) -> T,
) -> Result<(T, Option<SetAside>), LedgerError> {
    let _lock = lock(state)?;
    let (mut ledger, aside) = match read(state) {
        Ok(ledger) => (ledger, None),
        Err(damaged @ LedgerError::Damaged { .. }) => {
            (Ledger::default(), Some(SetAside { to: set_aside(state)?, damaged }))
        }
        Err(error) => return Err(error),
    };
    Ok((apply(state, &mut ledger, change)?, aside))
}

/// A damaged ledger that was put aside.
#[derive(Debug)]
pub struct SetAside {
    /// Where it is now.
    pub to: PathBuf,
    /// What is wrong with it.
    pub damaged: LedgerError,
}

fn apply<T>(
    state: &Path,
    ledger: &mut Ledger,
    change: impl FnOnce(&mut Ledger) -> T,
) -> Result<T, LedgerError> {
    let before = ledger.clone();
    let result = change(ledger);
    if *ledger != before {
        let path = state.join(FILE);
        let bytes = serde_json::to_vec_pretty(ledger).map_err(io::Error::other);
        bytes
            .and_then(|bytes| replace(state, &path, &bytes))
            .map_err(|source| LedgerError::File { path, source })?;
    }
    Ok(result)
}

/// The lock of the ledger, for as long as the file is open.
fn lock(state: &Path) -> Result<File, LedgerError> {
    let path = state.join(LOCK);
    let locked = || {
        fs::create_dir_all(state)?;
        let file = File::options().create(true).append(true).open(&path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    };
    locked().map_err(|source| LedgerError::File { path: path.clone(), source })
}

fn contents(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        // Too long to be one of ours: it is damaged, which an empty text is as well.
        Ok(metadata) if metadata.len() > MAX_LENGTH => Ok(Some(Vec::new())),
        Ok(_) => fs::read(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> Result<Ledger, String> {
    let Format { format } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!("it has format {format}, this program knows {FORMAT}"));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Renames a damaged ledger to a name that is free; when there are too many, the last one gives way.
fn set_aside(state: &Path) -> Result<PathBuf, LedgerError> {
    let path = state.join(FILE);
    let name = |number: u32| state.join(format!("boots.damaged-{number}.json"));
    let free = (1..MAX_ASIDE).find(|number| !name(*number).exists());
    let to = name(free.unwrap_or(MAX_ASIDE));
    let renamed = fs::rename(&path, &to).and_then(|()| File::open(state)?.sync_all());
    renamed.map_err(|source| LedgerError::File { path, source })?;
    Ok(to)
}

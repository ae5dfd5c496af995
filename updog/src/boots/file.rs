//! Where the ledger is kept: one small file in the state folder, which both sets mount.
//!
//! It is replaced whole, as every record of ours, and only under a lock of its own, so that two programs that note something at
//! once both find it noted. A damaged ledger is an error, not an absent one: who only reads it says so, `updog health` puts it
//! aside under another name and begins anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::Ledger;
use super::ledger::FORMAT;
use crate::files::{locked, read_small, replace};

/// Name of the ledger in the state folder.
pub const FILE: &str = "boots.json";

/// Name of the file whose lock a writer holds.
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
    match read_small(&path, MAX_LENGTH) {
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
    locked(state, LOCK).map_err(|source| LedgerError::File { path: state.join(LOCK), source })
}

/// The ledger that these bytes are.
///
/// # Errors
///
/// Says what is wrong with bytes that are none, or one of another format.
pub fn parse(bytes: &[u8]) -> Result<Ledger, String> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use chrono::DateTime;
    use gptprio::SetId;

    use super::*;

    fn note(ledger: &mut Ledger) {
        let now = DateTime::UNIX_EPOCH;
        ledger.add(crate::boots::Attempt::new(SetId::A, semver::Version::new(1, 0, 0), now));
    }

    #[test]
    fn what_is_noted_is_read_and_nothing_is_written_without_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(read(&state).unwrap(), Ledger::default());
        change(&state, |_| ()).unwrap();
        assert!(!state.join(FILE).exists());
        change(&state, note).unwrap();
        assert_eq!(read(&state).unwrap().attempts.len(), 1);
    }

    #[test]
    fn two_writers_at_once_are_both_remembered() {
        let folder = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| change(folder.path(), note).unwrap());
            }
        });
        assert_eq!(read(folder.path()).unwrap().attempts.len(), 8);
    }

    #[test]
    fn a_damaged_ledger_is_not_an_absent_one_and_every_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let long = vec![b' '; usize::try_from(MAX_LENGTH).unwrap() + 1];
        let newer = b"{\"format\": 2, \"attempts\": \"elsewhere\"}".as_slice();
        let bad = b"{\"format\": 1, \"attempts\": [{}]}".as_slice();
        for (number, text) in (1..).zip([&b""[..], b"[]", newer, bad, &long]) {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert!(matches!(read(folder.path()), Err(LedgerError::Damaged { .. })));
            assert!(matches!(change(folder.path(), note), Err(LedgerError::Damaged { .. })));
            let ((), aside) = change_or_begin(folder.path(), note).unwrap();
            let to = aside.unwrap().to;
            assert_eq!(to, folder.path().join(format!("boots.damaged-{number}.json")));
            assert_eq!(fs::read(to).unwrap(), text);
            assert_eq!(read(folder.path()).unwrap().attempts.len(), 1);
        }
    }

    #[test]
    fn what_a_newer_program_adds_does_not_make_it_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"format": 1, "new": 1, "attempts": [{"set": "B", "version": "1.0.0",
            "noted": "2026-01-01T00:00:00Z", "outcome": "failed", "cause": "new cause", "new": []}]}"#;
        fs::write(folder.path().join(FILE), text).unwrap();
        let ledger = read(folder.path()).unwrap();
        assert_eq!(ledger.failed_versions().len(), 1);
    }
}

//! A host's place in the waves: made once, by chance, and kept for as long as the host has its state folder.
//!
//! One small file there, which both sets mount. It is written under another name, flushed, and given its own name only if that is
//! free: of programs that make it at once one is first, and all of them go on with what that one made. It is never replaced. A damaged
//! file is an error and not an absent one, since a new seed would move the host to another place in the waves.
//!
//! Who cannot write the folder makes no seed: one that is not kept would be another the next time.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use manifest::Seed;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::config::SeedChoice;
use crate::files::{flush, make_folder, read_small};

/// Name of the record in the state folder.
pub const FILE: &str = "seed.json";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Longest record that is read, in bytes.
const MAX_LENGTH: u64 = 4096;

/// The record. What a newer program adds to it is skipped.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    seed: Seed,
}

/// Why the host's seed is not known.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The file is there and cannot be read.
    #[error("cannot read this host's seed in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is there and makes no sense.
    #[error("this host's seed in {path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is none yet, and it cannot be kept.
    #[error("this host has no seed yet, and none can be kept in {path}")]
    Make {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// There is none yet, and the system gives nothing to make it from.
    #[error("this host has no seed yet, and the system has no random numbers")]
    Random,
}

impl SeedError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "run the same command as root, or mend the disk; a seed in the configuration goes before the file"
            }
            Self::Damaged { .. } => {
                "write {\"format\": 1, \"seed\": N} into it with the seed of this host's requests in the server's log, \
                 or remove it: then the host takes another place in the waves"
            }
            Self::Make { .. } | Self::Random => {
                "run `updog check-update` once as root, which makes it, or set seed in the configuration"
            }
        }
    }
}

/// The seed of this host, which is made now if there is none yet.
///
/// # Errors
///
/// Fails when the record is damaged or cannot be read, or there is none and it cannot be made.
pub fn of_host(choice: SeedChoice, state: &Path) -> Result<Seed, SeedError> {
    match choice {
        SeedChoice::Fixed(seed) => Ok(seed),
        SeedChoice::Own => match read(state)? {
            Some(seed) => Ok(seed),
            None => make(state, drawn()?),
        },
    }
}

/// The seed that was made before, if one was.
///
/// # Errors
///
/// Fails when there is a record that cannot be read or makes no sense.
pub fn read(state: &Path) -> Result<Option<Seed>, SeedError> {
    let path = state.join(FILE);
    match read_small(&path, MAX_LENGTH) {
        Ok(Some(bytes)) => {
            parse(&bytes).map(Some).map_err(|problem| SeedError::Damaged { path, problem })
        }
        Ok(None) => Ok(None),
        Err(source) => Err(SeedError::Read { path, source }),
    }
}

/// The seed in the bytes of a record.
///
/// # Errors
///
/// Says what is wrong with bytes that are none, or one of another format.
pub fn parse(bytes: &[u8]) -> Result<Seed, String> {
    match serde_json::from_slice(bytes) {
        Ok(Record { format: FORMAT, seed }) => Ok(seed),
        Ok(Record { format, .. }) => {
            Err(format!("it has format {format}, this program knows {FORMAT}"))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A seed by chance, each as likely as every other.
fn drawn() -> Result<Seed, SeedError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SeedError::Random)?;
    Ok(Seed::of_random(u64::from_ne_bytes(bytes)))
}

/// Keeps `seed`, durably, unless somebody else was faster; then theirs is the host's.
fn make(state: &Path, seed: Seed) -> Result<Seed, SeedError> {
    let path = state.join(FILE);
    let fault = |source| SeedError::Make { path: path.clone(), source };
    let first = keep(state, &path, seed).map_err(fault)?;
    // Whoever was faster may not have flushed yet.
    flush(state).map_err(fault)?;
    if first {
        return Ok(seed);
    }
    let gone = || fault(io::ErrorKind::NotFound.into());
    read(state)?.ok_or_else(gone)
}

/// Gives the record its name, if that is free; says whether it was.
fn keep(state: &Path, path: &Path, seed: Seed) -> io::Result<bool> {
    make_folder(state)?;
    let mut file = NamedTempFile::new_in(state)?;
    serde_json::to_writer(&mut file, &Record { format: FORMAT, seed })?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn own(state: &Path) -> Result<Seed, SeedError> {
        of_host(SeedChoice::Own, state)
    }

    #[test]
    fn a_seed_is_made_once_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("lib/waystone");
        assert_eq!(read(&state).unwrap(), None);
        let seed = own(&state).unwrap();
        let written = fs::read(state.join(FILE)).unwrap();
        for _ in 0..32 {
            assert_eq!(own(&state).unwrap(), seed);
        }
        assert_eq!(fs::read(state.join(FILE)).unwrap(), written);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn hosts_have_seeds_of_their_own() {
        let seeds: BTreeSet<_> = (0..64).map(|_| drawn().unwrap()).collect();
        assert!(seeds.len() > 32, "{seeds:?}");
    }

    #[test]
    fn programs_that_make_it_at_once_agree() {
        for _ in 0..32 {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join("state");
            let barrier = Barrier::new(8);
            let seeds = thread::scope(|scope| {
                let one = || {
                    barrier.wait();
                    own(&state).unwrap()
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
                threads.into_iter().map(|it| it.join().unwrap()).collect::<BTreeSet<_>>()
            });
            assert_eq!(seeds, BTreeSet::from([read(&state).unwrap().unwrap()]));
            assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
        }
    }

    #[test]
    fn who_comes_second_takes_what_the_first_made() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [5, 6].map(|number| Seed::new(number).unwrap());
        assert_eq!(make(folder.path(), first).unwrap(), first);
        assert_eq!(make(folder.path(), second).unwrap(), first);
    }

    #[test]
    fn a_damaged_record_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let long = format!("{{\"format\":1,\"seed\":1}}{}", " ".repeat(5000));
        let newer = "{\"format\":2,\"seed\":1}";
        let bad = ["", "{}", "7", "{\"format\":1}", "{\"format\":1,\"seed\":2048}", newer, &long];
        for text in bad {
            fs::write(&path, text).unwrap();
            let error = own(folder.path()).unwrap_err();
            assert!(matches!(error, SeedError::Damaged { .. }), "{text:?}: {error}");
            assert!(error.hint().contains("remove it"));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn one_that_cannot_be_read_is_not_absent() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        assert!(matches!(own(folder.path()), Err(SeedError::Read { .. })));
    }

    #[test]
    fn what_a_newer_program_adds_is_skipped() {
        let text = b"{\"format\": 1, \"seed\": 12, \"made\": \"2026-11-26\"}";
        assert_eq!(parse(text).unwrap().value(), 12);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_nothing_is_derived() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::write(&state, "in the way").unwrap();
        let error = own(&state).unwrap_err();
        assert!(matches!(error, SeedError::Read { .. } | SeedError::Make { .. }), "{error}");
        let error = make(&state, Seed::MAX).unwrap_err();
        assert!(error.to_string().contains("no seed yet"), "{error}");
    }

    #[test]
    fn a_seed_of_the_configuration_goes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let seed = Seed::new(9).unwrap();
        fs::write(folder.path().join(FILE), "damaged").unwrap();
        assert_eq!(of_host(SeedChoice::Fixed(seed), folder.path()).unwrap(), seed);
    }
}

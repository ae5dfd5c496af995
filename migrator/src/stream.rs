//! One migration, run without folders.
//!
//! It is called `--forward|--backward --stream`. Its standard input is a file in memory that holds all settings, its standard output another one, which it
//! fills with what they become ([`datastore::stream`]); what it says on standard error goes to the log. Time, memory, the end of all that it started
//! and what it may touch are as for any other ([`run`](mod@crate::run)), but that it may write in no folder at all. What it wrote is taken out of its reach
//! before it is read, as a whole, and counts only then.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use datastore::stream;
use manifest::Direction;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

use crate::run::{Place, command, supervise};
use crate::{Error, Limits, Log, Result, Sealed};

/// The folder in which it may write: this is none, and open to everybody.
const NOWHERE: &str = "/dev/null";

/// How a migration is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Which way.
    pub(crate) direction: Direction,
    /// What it reads.
    pub(crate) settings: &'a [u8],
}

/// Runs a migration to its end, or to that of its time; what it wrote.
///
/// # Errors
///
/// [`Error::Start`], [`Error::Failed`], or [`Error::Left`] if what it wrote are not settings, whole.
pub(crate) fn run(
    program: &Sealed,
    call: &Call<'_>,
    limits: &Limits,
    log: &mut Log<'_>,
) -> Result<Vec<u8>> {
    let cannot = |source| Error::Start { name: call.name.to_owned(), source };
    let input = filled(call.settings).map_err(cannot)?;
    let output = memory().map_err(cannot)?;
    let mut command = command(program, call.name, call.direction);
    command.arg("--stream").stdin(input);
    let place = Place { name: call.name, work: Path::new(NOWHERE), output: Some(&output) };
    let limits = Limits { file: limits.file.min(too_long()), ..*limits };
    let ran = supervise(command, &place, &limits, log);
    let wrote = contents(&output).map_err(cannot)?;
    // It was killed at the limit then, and the length says why.
    if wrote.len() <= stream::MAX_LENGTH {
        ran?;
    }
    let read = stream::read(&wrote);
    read.map_err(|source| Error::Left { name: call.name.to_owned(), source })?;
    Ok(wrote)
}

/// A length that no stream has.
fn too_long() -> u64 {
    u64::try_from(stream::MAX_LENGTH).unwrap_or(u64::MAX).saturating_add(1)
}

/// A file in memory with these bytes, to be read from its beginning.
fn filled(bytes: &[u8]) -> io::Result<File> {
    let mut file = memory()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// An empty file in memory, which cannot be run.
fn memory() -> io::Result<File> {
    let made = match memfd_create("settings", MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3 that cannot be asked for.
        Err(Errno::INVAL) => memfd_create("settings", MemfdFlags::CLOEXEC),
        made => made,
    };
    Ok(made?.into())
}

/// A copy of what a file holds now, as far as it can be a stream. Whoever still has the file open cannot change that, and does not steer where it is read.
fn contents(file: &File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len().min(too_long());
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use datastore::{Area, Contents, Json};

    use super::*;

    const NAME: &str = "migrate_v1.6.0_x";

    struct Ran {
        outcome: Result<Vec<u8>>,
        log: Vec<String>,
    }

    fn settings() -> Vec<u8> {
        let mut live = Contents::default();
        live.data.insert("a.b".parse().unwrap(), Json::parse(" 1 ".to_owned()).unwrap());
        let mut bytes = Vec::new();
        stream::write(&BTreeMap::from([(Area::Live, live)]), &mut bytes).unwrap();
        bytes
    }

    /// Runs a script.
    fn script(text: &str, limits: Limits) -> Ran {
        let program = Sealed::new(NAME, format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
        let call = Call { name: NAME, direction: Direction::Backward, settings: &settings() };
        let mut log = Vec::new();
        let outcome = run(&program, &call, &limits, &mut |line| log.push(line.to_owned()));
        Ran { outcome, log }
    }

    #[track_caller]
    fn fails(text: &str, words: &str) {
        let limits = Limits { time: Duration::from_secs(20), ..Limits::default() };
        let error = cli::chain(&script(text, limits).outcome.unwrap_err());
        assert!(error.contains(words), "{error}");
        assert!(error.contains(NAME), "{error}");
    }

    #[test]
    fn it_is_called_with_a_direction_and_reads_and_writes_settings() {
        let ran = script("echo \"$@\" >&2; env | grep -v ^_= >&2; cat", Limits::default());
        assert_eq!(ran.outcome.unwrap(), settings());
        let said = ["--backward --stream", "PWD=/"].map(|line| format!("{NAME}: {line}"));
        assert_eq!(ran.log, said, "PWD is the shell's own");
    }

    #[test]
    fn what_is_no_whole_stream_is_refused_though_it_says_that_it_succeeded() {
        fails("true", "left no whole data store: no whole stream of settings");
        fails("head -c 30", "it is cut");
        fails("echo hello", "does not begin as one");
        fails("echo warning; cat", "does not begin as one");
        fails("cat; echo more", "something follows its end");
        fails("sed 's/ 1 /xxx/'", "a value of a.b is not JSON");
        fails("tr b '\"'", "is no key");
    }

    #[test]
    fn one_that_fails_has_written_nothing_that_counts() {
        fails("cat; exit 3", "exit status: 3");
        fails("cat; kill -9 $$", "signal: 9");
    }

    #[test]
    fn one_that_writes_without_end_is_stopped_at_the_limit() {
        fails("yes | head -c 1073741824", "more than 16777216 bytes");
        fails("yes", "more than 16777216 bytes");
    }

    #[test]
    fn one_that_hangs_is_killed_with_all_that_it_started() {
        let started = Instant::now();
        let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
        let ran = script("cat; sleep 3600 & sleep 3600", limits);
        let error = ran.outcome.unwrap_err().to_string();
        assert!(error.contains("did not end within"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn it_writes_in_no_folder() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("written");
        let ran = script(&format!("cat; echo x > {}", path.display()), Limits::default());
        assert!(ran.outcome.is_err(), "{:?}", ran.log);
        assert!(!path.exists());
    }
}

//! Exit codes and the one place where an error reaches the user.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed: the world did not do its part (a disk, a server, a file) |
//! | 2 | wrong usage: the command line or the configuration |
//! | 3 | nothing to do |
//! | 4 | refused: the rules say no |
//! | 70 | a bug of ours |
//! | 75 | temporary: the same command may work later |

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::umask;
use serde::Serialize;

/// How a program ended when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Done,
    /// There was no work.
    NothingToDo,
}

/// Why a program did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The world failed: a disk, a server, a file.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The rules say no.
    Refused,
    /// The same command may work later.
    Temporary,
    /// A mistake in this program.
    Bug,
}

impl Kind {
    /// The exit code, stable across releases.
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 4,
            Self::Bug => 70,
            Self::Temporary => 75,
        }
    }
}

/// An error that knows whose fault it is and what to do next.
pub trait Classify: Error {
    /// Whose fault it is.
    fn kind(&self) -> Kind;

    /// What the user can do next, one sentence without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Maps the end of a program to its exit code and prints the error, if any, once to standard error.
///
/// What the program makes meanwhile can be written by nobody but its owner, whatever the umask is that it was started with.
pub fn run<E: Classify>(program: &str, body: impl FnOnce() -> Result<Outcome, E>) -> ExitCode {
    keep_others_from_writing();
    match body() {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NothingToDo) => ExitCode::from(3),
        Err(error) => {
            report(program, &error);
            ExitCode::from(error.kind().code())
        }
    }
}

/// Takes the right to write from all but the owner; a umask that takes more away stays.
fn keep_others_from_writing() {
    let others = Mode::WGRP | Mode::WOTH;
    // It cannot be asked for without being set.
    let given = umask(others);
    umask(given | others);
}

/// Prints an error, its causes and its hint to standard error.
pub fn report<E: Classify>(program: &str, error: &E) {
    let mut text = format!("{program}: {}", chain(error));
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\n  next: {hint}"));
    }
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Parses the command line; wrong usage ends the program with code 2, help and version with 0.
pub fn parse_or_exit<P: clap::Parser>() -> P {
    P::parse()
}

/// Prints a result to standard output as indented JSON with a final line feed.
///
/// # Errors
///
/// Fails when standard output cannot be written, for instance because the reader has gone.
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    io::stdout().lock().write_all(text.as_bytes())
}

/// The message and its causes on one line; a cause that its parent already tells is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let message = next.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            let cause = self.1.as_deref()?;
            Some(cause)
        }
    }

    #[test]
    fn chain_names_each_cause_once() {
        let root = Layer("no such file", None);
        let middle = Layer("no such file", Some(Box::new(root)));
        let top = Layer("cannot read updog.toml", Some(Box::new(middle)));
        assert_eq!(chain(&top), "cannot read updog.toml: no such file");
    }

    #[test]
    fn every_kind_has_its_own_code() {
        let kinds = [Kind::Failed, Kind::Usage, Kind::Refused, Kind::Bug, Kind::Temporary];
        let mut codes: Vec<u8> = kinds.iter().map(|kind| kind.code()).collect();
        codes.extend([0, 3]);
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 7);
    }
}

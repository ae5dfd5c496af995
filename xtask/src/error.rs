//! What can go wrong, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use cli::{Classify, Kind};
use thiserror::Error;

use crate::packages;
use crate::packages::Package;

/// Why a command of the project did not end well.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Something that this command does not do yet.
    #[error("{0}")]
    NotYet(String),
    /// Debian packages are missing and cannot be installed from here.
    #[error("{} missing: {}", plural(.missing.len()), packages::describe(.missing))]
    Packages {
        /// What is missing.
        missing: Vec<&'static Package>,
        /// Why it was not installed.
        reason: &'static str,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A program ended badly.
    #[error("{shown}\n  ended with {ended}{}", quoted(.output))]
    Command {
        /// The command line.
        shown: String,
        /// Exit code or signal.
        ended: String,
        /// The end of what it wrote.
        output: String,
    },
    /// A file could not be read, written, made or removed.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Something that was claimed turned out not to be so.
    #[error("not as claimed: {0}")]
    Untrue(String),
    /// Steps of the test that failed.
    #[error("failed: {0}")]
    Steps(String),
    /// Inputs of a fuzzer that failed.
    #[error("{}", .0.join("\n"))]
    Fuzz(Vec<String>),
    /// Bars of a bench that are not met.
    #[error("not met:{}", quoted(&.0.join("\n")))]
    Bars(Vec<String>),
}

impl Error {
    /// Makes an error of what was tried on a file, for `map_err`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Usage(_) => Kind::Usage,
            Self::NotYet(_) => Kind::Refused,
            _ => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Packages { missing, reason } => {
                let command = packages::install_command(missing).join(" ");
                Some(format!("{reason}; run: sudo {command}"))
            }
            _ => None,
        }
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 package is".to_owned() } else { format!("{count} packages are") }
}

/// Output of a program, indented below the message.
fn quoted(output: &str) -> String {
    output.lines().map(|line| format!("\n  | {line}")).collect()
}

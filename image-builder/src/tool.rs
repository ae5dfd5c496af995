//! Programs of others that are called.
//!
//! A missing one is named with the Debian package that has it. They run in the C locale, with the folders for
//! administrators in the search path, and see no terminal.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A program that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Makes an erofs filesystem from a folder.
    MkfsErofs,
    /// Makes an empty ext4 filesystem.
    Mke2fs,
    /// Fills an ext4 filesystem.
    Debugfs,
    /// Checks an ext4 filesystem.
    E2fsck,
    /// Lets a user make files of other owners, as far as the programs under it can see.
    Fakeroot,
    /// Extracts an archive.
    Tar,
    /// Runs several programs one after the other.
    Shell,
}

/// A program that is missing or failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not installed.
    #[error("the program {program} is missing")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It could not be started or fed.
    #[error("cannot run {program}")]
    Start {
        /// Its name.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{program} failed with {status}: {said}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said on standard error.
        said: String,
    },
    /// What it is to read could not be read.
    #[error("cannot prepare the input of {program}")]
    Input {
        /// Its name.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ToolError {
    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { package, .. } => Some(format!("install the Debian package {package}")),
            _ => None,
        }
    }
}

impl Tool {
    fn program(self) -> &'static str {
        match self {
            Self::MkfsErofs => "mkfs.erofs",
            Self::Mke2fs => "mke2fs",
            Self::Debugfs => "debugfs",
            Self::E2fsck => "e2fsck",
            Self::Fakeroot => "fakeroot",
            Self::Tar => "tar",
            Self::Shell => "sh",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::MkfsErofs => "erofs-utils",
            Self::Mke2fs | Self::Debugfs | Self::E2fsck => "e2fsprogs",
            Self::Fakeroot => "fakeroot",
            Self::Tar => "tar",
            Self::Shell => "dash",
        }
    }

    /// A command that runs it.
    pub(crate) fn command(self) -> Invocation {
        Invocation { tool: self, command: quiet(self.program()) }
    }

    /// A command that runs it under another program.
    pub(crate) fn command_under(self, outer: Self) -> Invocation {
        let mut command = quiet(outer.program());
        command.arg("--").arg(self.program());
        Invocation { tool: self, command }
    }

    /// Looks whether it is installed, so that a missing one is named before any work is done.
    pub(crate) fn require(self) -> Result<(), ToolError> {
        let path = search_path();
        let found =
            std::env::split_paths(&path).any(|folder| folder.join(self.program()).is_file());
        if found { Ok(()) } else { Err(self.missing()) }
    }

    fn missing(self) -> ToolError {
        ToolError::Missing { program: self.program(), package: self.package() }
    }
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path()).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The caller's search path, and where programs for administrators are.
fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin");
    path
}

/// A program and its arguments.
#[derive(Debug)]
pub(crate) struct Invocation {
    tool: Tool,
    command: Command,
}

impl Invocation {
    /// The command, for its arguments and environment.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Result<(), ToolError> {
        self.run_and_listen().map(drop)
    }

    /// Runs it to its end; gives what it said on standard error.
    pub(crate) fn run_and_listen(self) -> Result<String, ToolError> {
        self.run_fed(None::<fn(&mut ChildStdin) -> io::Result<()>>)
    }

    /// Runs it to its end while `feed` writes to its standard input.
    pub(crate) fn run_with_input(
        mut self,
        feed: impl FnOnce(&mut ChildStdin) -> io::Result<()>,
    ) -> Result<(), ToolError> {
        self.command.stdin(Stdio::piped());
        self.run_fed(Some(feed)).map(drop)
    }

    fn run_fed<F>(mut self, feed: Option<F>) -> Result<String, ToolError>
    where
        F: FnOnce(&mut ChildStdin) -> io::Result<()>,
    {
        let program = self.tool.program();
        // A file rather than a pipe: nobody has to read it while the program runs.
        let mut said =
            tempfile::tempfile().map_err(|source| ToolError::Start { program, source })?;
        let errors = said.try_clone().map_err(|source| ToolError::Start { program, source })?;
        let mut child =
            self.command.stderr(errors).spawn().map_err(|error| self.unstarted(error))?;
        let fed = feed.map_or(Ok(()), |feed| pour(&mut child, feed));
        let status = child.wait().map_err(|source| ToolError::Start { program, source })?;
        match fed {
            // It ended before it had read everything: why is in what it said.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(ToolError::Input { program, source: error })
            }
            _ if !status.success() => {
                Err(ToolError::Failed { program, status, said: last_words(&mut said) })
            }
            Err(source) => Err(ToolError::Input { program, source }),
            Ok(()) => Ok(text_of(&mut said)),
        }
    }

    fn unstarted(&self, source: io::Error) -> ToolError {
        let program = self.tool.program();
        if source.kind() == ErrorKind::NotFound {
            return self.tool.missing();
        }
        ToolError::Start { program, source }
    }
}

/// Writes everything to the program's standard input and closes it.
fn pour(child: &mut Child, feed: impl FnOnce(&mut ChildStdin) -> io::Result<()>) -> io::Result<()> {
    let mut input = child.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
    feed(&mut input)?;
    input.flush()
}

/// What a program said; courtesy, so that a failure to read it back is no failure.
fn text_of(said: &mut File) -> String {
    let mut bytes = Vec::new();
    let _ = said.seek(SeekFrom::Start(0)).and_then(|_| said.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines of what a program said, on one line.
fn last_words(said: &mut File) -> String {
    let text = text_of(said);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing".to_owned();
    }
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[test]
    fn a_failure_tells_what_the_program_said() {
        let invocation = Tool::Tar.command().with(|tar| {
            tar.args(["--extract", "--file", "/nonexistent.tar"]);
        });
        match invocation.run() {
            Err(ToolError::Failed { program: "tar", said, .. }) => {
                assert!(said.contains("/nonexistent.tar"), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let mut invocation = Tool::MkfsErofs.command();
        invocation.command = Command::new("/nonexistent/mkfs.erofs");
        let error = invocation.run().expect_err("is not there");
        assert_eq!(error.to_string(), "the program mkfs.erofs is missing");
        assert_eq!(error.hint().as_deref(), Some("install the Debian package erofs-utils"));
    }
}

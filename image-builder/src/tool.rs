//! Programs of others that are called.
//!
//! A missing one is named with the Debian package that has it. They run in the C locale, with the folders for
//! administrators in the search path, and see no terminal.

use std::io::{self, ErrorKind};
use std::process::{Command, ExitStatus, Stdio};

/// A program that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Makes an empty ext4 filesystem.
    Mke2fs,
    /// Fills an ext4 filesystem.
    Debugfs,
    /// Checks an ext4 filesystem.
    E2fsck,
    /// Signs an EFI program.
    Sbsign,
    /// Runs a program with a clock that stands still.
    Faketime,
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
    /// It could not be started.
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
        /// The end of what it said.
        said: String,
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
            Self::Mke2fs => "mke2fs",
            Self::Debugfs => "debugfs",
            Self::E2fsck => "e2fsck",
            Self::Sbsign => "sbsign",
            Self::Faketime => "faketime",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Mke2fs | Self::Debugfs | Self::E2fsck => "e2fsprogs",
            Self::Sbsign => "sbsigntool",
            Self::Faketime => "faketime",
        }
    }

    /// Runs it to its end, with what `prepare` adds; gives what it said on standard error.
    pub(crate) fn run(self, prepare: impl FnOnce(&mut Command)) -> Result<String, ToolError> {
        let mut command = Command::new(self.program());
        command.env("PATH", search_path()).env("LC_ALL", "C").stdin(Stdio::null());
        prepare(&mut command);
        finish(self, &mut command)
    }

    /// Runs it as [`run`](Self::run) does, at a time that is given in seconds since 1970.
    pub(crate) fn run_at(
        self,
        timestamp: u32,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<String, ToolError> {
        // Else faketime would say that it is missing, and nobody where it is to be had.
        let path = search_path();
        let mut places = std::env::split_paths(&path).map(|folder| folder.join(self.program()));
        let program = places
            .find(|program| program.is_file())
            .ok_or(ToolError::Missing { program: self.program(), package: self.package() })?;
        Self::Faketime.run(|command| {
            command.env("FAKETIME_FMT", "%s").args(["-f", &timestamp.to_string()]).arg(program);
            prepare(command);
        })
    }
}

fn finish(tool: Tool, command: &mut Command) -> Result<String, ToolError> {
    let program = tool.program();
    let output = command.output().map_err(|source| match source.kind() {
        ErrorKind::NotFound => ToolError::Missing { program, package: tool.package() },
        _ => ToolError::Start { program, source },
    })?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(errors);
    }
    let said = last_words(&errors).or_else(|| last_words(&String::from_utf8_lossy(&output.stdout)));
    let said = said.unwrap_or_else(|| "it said nothing".to_owned());
    Err(ToolError::Failed { program, status: output.status, said })
}

/// The caller's search path, and where programs for administrators are.
fn search_path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin");
    path
}

/// The last lines of what a program said, on one line.
fn last_words(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(5)..].join(" | ");
    (!last.is_empty()).then_some(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[test]
    fn a_failure_tells_what_the_program_said() {
        let run = Tool::Mke2fs.run(|mke2fs| {
            mke2fs.args(["-q", "/nonexistent/disk", "1k"]);
        });
        match run {
            Err(ToolError::Failed { program: "mke2fs", said, .. }) => {
                assert!(said.contains("No such file or directory"), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let mut command = Command::new("/nonexistent/debugfs");
        let error = finish(Tool::Debugfs, &mut command).expect_err("is not there");
        assert_eq!(error.to_string(), "the program debugfs is missing");
        assert_eq!(error.hint().as_deref(), Some("install the Debian package e2fsprogs"));
    }
}

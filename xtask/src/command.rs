//! Running programs: shown as a user would type them, their output kept, their failure told with its end.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Result;
use crate::error::Error;
use crate::packages::find_program;
use crate::place;

/// Our programs; each is a package of the same name.
pub(crate) const PROGRAMS: [&str; 5] =
    ["image-builder", "migrator", "repo-tools", "signpost", "updog"];

/// What has a program end with the one that started it, from Debian's essential package util-linux.
const BINDER: &str = "setpriv";
const BOUND: [&str; 2] = ["--pdeathsig", "KILL"];

/// How many lines of a failed program's output are told.
const TAIL_LINES: usize = 40;

/// One run of a program.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    arguments: Vec<OsString>,
    program: String,
    accepted: Vec<i32>,
    record: Option<PathBuf>,
}

/// What a program left.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Run {
    /// A program of the system, found also where administrators' programs are.
    pub(crate) fn new(program: &str) -> Self {
        let path = find_program(program).unwrap_or_else(|| program.into());
        Self::at(&path, program)
    }

    /// A program of ours, as built for release.
    pub(crate) fn ours(program: &str) -> Self {
        Self::at(&place::program(program), program)
    }

    /// Cargo, in the project and as if it were not called by cargo: what cargo sets for this program would make its
    /// build scripts believe that something changed.
    pub(crate) fn cargo() -> Self {
        Self::new("cargo").outside_cargo()
    }

    /// Cargo, which is killed when this program is: for what would go on for long, or starts machines.
    pub(crate) fn bound_cargo() -> Self {
        Self::new(BINDER).args(BOUND).arg("cargo").outside_cargo()
    }

    /// A program that calls cargo, in the same way.
    pub(crate) fn cargo_tool(path: &Path) -> Self {
        let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::at(path, &shown).outside_cargo()
    }

    fn outside_cargo(mut self) -> Self {
        self.command.current_dir(place::project()).env("CARGO_TERM_COLOR", "never");
        let set_by_cargo = |name: &str| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name.starts_with("CARGO_BIN_")
                || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "LD_LIBRARY_PATH"]
                    .contains(&name)
        };
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(set_by_cargo) {
                self.command.env_remove(name);
            }
        }
        self
    }

    /// A program at a place, shown by this name.
    pub(crate) fn program_at(path: &Path, shown: &str) -> Self {
        Self::at(path, shown)
    }

    fn at(path: &Path, shown: &str) -> Self {
        let mut command = Command::new(path);
        command.stdin(Stdio::null());
        let program = shown.to_owned();
        Self { command, arguments: Vec::new(), program, accepted: vec![0], record: None }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(&argument);
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives it this file as its standard input.
    pub(crate) fn input(mut self, file: File) -> Self {
        self.command.stdin(file);
        self
    }

    /// Runs in this folder.
    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Says which exit codes are as expected, instead of 0 alone.
    pub(crate) fn accept(mut self, codes: &[i32]) -> Self {
        self.accepted = codes.to_vec();
        self
    }

    /// Appends the command line and all output to this file.
    pub(crate) fn record(mut self, file: &Path) -> Self {
        self.record = Some(file.to_owned());
        self
    }

    /// The same run as an argument of another program, which measures it.
    pub(crate) fn under(self, outer: &str, arguments: &[&str]) -> Self {
        let run = Self::new(outer).args(arguments).arg(self.command.get_program());
        let run = run.args(&self.arguments).accept(&self.accepted);
        Self { record: self.record, ..run }
    }

    /// The same, killed when this program is.
    pub(crate) fn bound(self) -> Self {
        self.under(BINDER, &BOUND)
    }

    /// The command line as one would type it.
    pub(crate) fn shown(&self) -> String {
        let words = self.arguments.iter().map(|argument| quote(&argument.to_string_lossy()));
        std::iter::once(self.program.clone()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// Fails when the program cannot be started or ends with a code that is not accepted.
    pub(crate) fn run(mut self) -> Result<Finished> {
        let output = self.command.output();
        let output =
            output.map_err(|source| Error::Start { program: self.program.clone(), source })?;
        self.write_record(&output)?;
        let finished = Finished {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        if self.accepted.contains(&finished.code) {
            return Ok(finished);
        }
        let ended = output.status.to_string();
        Err(Error::Command { shown: self.shown(), ended, output: finished.tail() })
    }

    /// Starts without waiting; standard output is the caller's, standard error goes to the record.
    ///
    /// # Errors
    ///
    /// Fails when the program cannot be started.
    pub(crate) fn spawn(mut self) -> Result<(std::process::Child, String)> {
        let stderr = self.record_as_stdio()?;
        self.command.stdout(Stdio::piped()).stderr(stderr);
        let shown = self.shown();
        let child = self.command.spawn();
        let child =
            child.map_err(|source| Error::Start { program: self.program.clone(), source })?;
        Ok((child, shown))
    }

    fn record_as_stdio(&self) -> Result<Stdio> {
        let Some(path) = &self.record else { return Ok(Stdio::null()) };
        let mut file = append_to(path)?;
        writeln!(file, "$ {}", self.shown()).map_err(Error::file("write", path))?;
        Ok(file.into())
    }

    fn write_record(&self, output: &Output) -> Result<()> {
        let Some(path) = &self.record else { return Ok(()) };
        let mut text = format!("$ {}\n", self.shown()).into_bytes();
        text.extend_from_slice(&output.stdout);
        text.extend_from_slice(&output.stderr);
        text.extend_from_slice(format!("[{}]\n\n", output.status).as_bytes());
        append_to(path)?.write_all(&text).map_err(Error::file("write", path))
    }
}

impl Finished {
    /// The last lines of standard output and standard error.
    fn tail(&self) -> String {
        let all: Vec<&str> = self.stdout.lines().chain(self.stderr.lines()).collect();
        all[all.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

/// Builds some of our programs as they are shipped.
///
/// # Errors
///
/// Fails when cargo does.
pub(crate) fn build_programs(names: &[&str]) -> Result<()> {
    let packages = names.iter().flat_map(|name| ["--package", name]);
    Run::cargo().args(["build", "--release", "--locked"]).args(packages).run().map(|_| ())
}

fn append_to(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(Error::file("open", path))
}

/// A word as a shell would take it.
pub(crate) fn quote(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=,+%@".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let run = Run::new("echo").args(["a b", "it's", "", "--x=/y:1"]);
        assert_eq!(run.shown(), r"echo 'a b' 'it'\''s' '' --x=/y:1");
    }

    #[test]
    fn a_code_that_is_not_accepted_is_an_error_with_the_end_of_the_output() {
        let script = |text: &str| Run::new("sh").args(["-c", text]);
        assert_eq!(script("exit 3").accept(&[0, 3]).run().unwrap().code, 3);
        let error = script("echo out; echo err >&2; exit 4").run().unwrap_err().to_string();
        assert!(error.ends_with("ended with exit status: 4\n  | out\n  | err"), "{error}");
        assert!(Run::new("no-such-program").run().is_err());
    }

    #[test]
    fn a_record_holds_command_output_and_end() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        for text in ["one", "two"] {
            Run::new("echo").arg(text).record(&record).run().unwrap();
        }
        let text = place::read(&record).unwrap();
        assert_eq!(
            text,
            "$ echo one\none\n[exit status: 0]\n\n$ echo two\ntwo\n[exit status: 0]\n\n"
        );
    }
}

//! Our programs as processes, the way users and scripts run them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where `cargo` puts what it builds; set it to skip building.
const FOLDER: &str = "WAYSTONE_PROGRAMS";

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs one of our programs to its end.
///
/// # Panics
///
/// If it cannot be built or started: the test has nothing to look at then.
pub fn run(program: &str, arguments: &[&str]) -> Finished {
    finished(command(program).args(arguments))
}

/// Runs one of our programs and expects that it does what it is asked to.
///
/// # Panics
///
/// If it does not.
pub fn must(program: &str, arguments: &[&str]) -> Finished {
    let finished = run(program, arguments);
    assert_eq!(finished.code, 0, "{program} {arguments:?}: {}", finished.stderr);
    finished
}

/// Runs a command to its end.
///
/// # Panics
///
/// If it cannot be started or was killed.
pub fn finished(command: &mut Command) -> Finished {
    let output = command.output().expect("the program can be started");
    Finished {
        code: output.status.code().expect("the program was not killed"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A command for one of our programs. It is not taken for a service, though the test may be part of one.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(folder().join(program));
    command.env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET");
    command
}

/// A Python with python-tuf.
///
/// # Panics
///
/// If there is none.
pub fn python() -> PathBuf {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/python");
    let python = std::env::var_os("WAYSTONE_PYTHON").map_or(ours.into(), PathBuf::from);
    assert!(
        python.exists(),
        "there is no {}: run `cargo xtask setup`, or set WAYSTONE_PYTHON to a Python with python-tuf",
        python.display()
    );
    python
}

/// The folder with the programs, which are built once a process.
fn folder() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| match std::env::var_os(FOLDER) {
        Some(folder) => folder.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let programs = ["image-builder", "migrator", "repo-tools", "signpost", "updog"];
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--bins"])
        .args(programs.iter().flat_map(|program| ["--package", program]))
        .status()
        .expect("cargo can be started");
    assert!(built.success(), "the programs can be built");
    let this = std::env::current_exe().expect("a program knows its own name");
    beside(&this).expect("a program lies in a folder").to_owned()
}

/// Where cargo puts programs, by one that it has put there: target/debug/xtask and target/debug/deps/this-test → target/debug.
fn beside(this: &Path) -> Option<&Path> {
    let folder = this.parent()?;
    if folder.ends_with("deps") { folder.parent() } else { Some(folder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_lie_beside_programs_and_above_tests() {
        for this in ["target/debug/xtask", "target/debug/deps/seen-0123"] {
            assert_eq!(beside(Path::new(this)), Some(Path::new("target/debug")), "{this}");
        }
    }
}

//! The clients: what builds them, and how each is told what to do.

use std::path::{Path, PathBuf};

use crate::command::Run;
use crate::{Result, place};

/// A client, as a whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// `tuf-client`, over `lib/trust`.
    Ours,
    /// python-tuf's `ngclient`.
    Python,
    /// tough's loader with its own HTTP transport and its defaults.
    Tough,
}

/// One run against a repository.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    /// Address of the metadata.
    pub(super) metadata: String,
    /// Address of the targets.
    pub(super) targets: String,
    /// Folder of what the client remembers, with the first root in it.
    pub(super) store: PathBuf,
    /// Folder for targets.
    pub(super) downloads: PathBuf,
    /// Targets to fetch after the refresh.
    pub(super) wanted: &'a [&'a str],
}

impl Client {
    /// As it is shown.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "tuf-client",
            Self::Python => "python-tuf",
            Self::Tough => "tough",
        }
    }

    /// The program that makes this visit.
    pub(super) fn visits(self, visit: &Visit<'_>) -> Run {
        match self {
            Self::Ours => ours(visit),
            Self::Python => in_order(script().arg("client"), visit),
            Self::Tough => in_order(Run::new(&tough_program().to_string_lossy()), visit),
        }
    }
}

/// Builds both clients that are compiled.
///
/// # Errors
///
/// Fails when cargo does.
pub(super) fn build() -> Result<()> {
    Run::cargo().args(["build", "--release", "--locked", "--package", "tuf-client"]).run()?;
    let manifest = place::project().join("bench/tough-client/Cargo.toml");
    let build = Run::cargo().args(["build", "--release", "--locked", "--manifest-path"]);
    build.arg(manifest).arg("--target-dir").arg(tough_target()).run().map(drop)
}

/// Author, server, and python-tuf's client.
pub(super) fn script() -> Run {
    let script = place::project().join("xtask/src/bench/trust.py");
    Run::new(&python().to_string_lossy()).arg("-B").arg(script)
}

/// The Python that has python-tuf.
fn python() -> PathBuf {
    place::target().join("venv/bin/python3")
}

fn tough_target() -> PathBuf {
    place::target().join("tough-client")
}

fn tough_program() -> PathBuf {
    tough_target().join("release/tough-client")
}

fn in_order(run: Run, visit: &Visit<'_>) -> Run {
    let run = run.arg(&visit.metadata).arg(&visit.targets);
    run.arg(&visit.store).arg(&visit.downloads).args(visit.wanted)
}

fn ours(visit: &Visit<'_>) -> Run {
    let run = Run::ours("tuf-client").arg("--metadata-dir").arg(&visit.store);
    let run = run.arg("--metadata-url").arg(&visit.metadata);
    if visit.wanted.is_empty() {
        return run.arg("refresh");
    }
    let names = visit.wanted.iter().flat_map(|name| ["--target-name", name]);
    let run = run.args(names).arg("--target-base-url").arg(&visit.targets);
    run.arg("--target-dir").arg(&visit.downloads).arg("download")
}

/// Puts a client back to where it knows the first root and nothing else.
///
/// # Errors
///
/// Fails when a folder or file cannot be removed, made or copied.
pub(super) fn forget(folder: &Path, root: &Path) -> Result<()> {
    let store = folder.join("metadata");
    place::remove_folder(folder)?;
    place::make_folder(&store)?;
    place::write(&store.join("root.json"), &place::read(root)?)
}

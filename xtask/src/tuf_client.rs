//! `cargo xtask tuf-client`: builds the client that the TUF conformance suite runs, and runs the suite if there is one.
//!
//! The suite is no package: it is a folder with a `tuf_conformance` package in it, such as a checkout of its repository.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::command::Run;
use crate::error::Error;
use crate::steps::say;
use crate::{Result, place, setup};

/// What the suite needs beside what the project's own tests need.
const PYTEST: &str = "pytest==8.4.2";

/// Whether to run the suite, too.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder that holds the suite's package `tuf_conformance`; it is run against the client
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
}

/// Builds the client, and runs the suite against it if it was named.
pub(crate) fn run(options: &Options) -> Result<()> {
    Run::cargo().args(["build", "--release", "--locked", "--package", "tuf-client"]).run()?;
    let client = place::program("tuf-client");
    say(&format!("{}\n", client.display()));
    options.suite.as_deref().map_or(Ok(()), |suite| conformance(suite, &client))
}

/// The suite, with its own output where ours goes.
fn conformance(suite: &Path, client: &Path) -> Result<()> {
    if !suite.join("tuf_conformance").is_dir() {
        return Err(Error::Usage(format!("{} holds no tuf_conformance", suite.display())));
    }
    setup::make_venv()?;
    let python = place::target().join("venv/bin/python3");
    let python = python.to_string_lossy();
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTEST];
    Run::new(&python).args(pip).run()?;
    let client = std::path::absolute(client).map_err(Error::file("find", client))?;
    let ran = Run::new(&python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir"])
        .arg(suite)
        .arg("--entrypoint")
        .arg(client)
        .arg(suite.join("tuf_conformance"))
        .env("PYTHONPATH", suite)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .accept(&[0, 1])
        .run()?;
    say(&ran.stdout);
    if ran.code == 0 { Ok(()) } else { Err(Error::Steps("TUF conformance suite".to_owned())) }
}

//! `cargo xtask tuf-client`: builds the client that the TUF conformance suite runs, and runs the suite if there is one.
//!
//! The suite is no package of a registry: it is a checkout of its repository, with a `pyproject.toml` that pins what it needs.

mod report;
mod suite;

use std::path::PathBuf;

use clap::Args;

use self::suite::Suite;
use crate::command::Run;
use crate::packages::Need;
use crate::steps::say;
use crate::{Result, place, setup};

/// Whether to run the suite, too.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Checkout of the suite, which holds its package `tuf_conformance`; it is run against the client
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
}

/// Builds the client, and runs the suite against it if it was named.
pub(crate) fn run(options: &Options) -> Result<()> {
    Run::cargo().args(["build", "--release", "--locked", "--package", "tuf-client"]).run()?;
    let client = place::program("tuf-client");
    say(&format!("{}\n", client.display()));
    let Some(folder) = &options.suite else { return Ok(()) };
    let suite = Suite::open(folder)?;
    setup::install_packages(&[Need::Always])?;
    let python = suite.install(&place::target().join("conformance-venv"))?;
    let report = suite.run(&python, &client)?;
    say(&format!("{report}\n"));
    report.verdict()
}

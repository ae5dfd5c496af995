//! `cargo xtask package`: a Debian package of what a host has: programs, units, manual pages, completions, and a configuration to fill in.
//!
//! What is in it and where it goes is in `updog/Cargo.toml`, as cargo-deb reads it. What is not a file of the project is written
//! into `target/pages` first: the pages and completions that follow from their command lines.

mod configuration;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod contents;
mod pages;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use cli::ByteCount;
use serde::Serialize;

use crate::command::{Run, build_programs};
use crate::error::Error;
use crate::packages::Need;
use crate::steps::say;
use crate::{Result, place, setup};

/// Programs of ours that a host has.
pub(crate) const PROGRAMS: [&str; 3] = ["migrator", "signpost", "updog"];

/// The crate whose manifest says what the package holds.
const OWNER: &str = "updog";

/// Where the manifest expects what is written for the package, wherever cargo builds.
const PAGES: &str = "target/pages";

/// Where the package goes, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder for the package [default: target/debian]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The package that was made.
#[derive(Debug, Serialize)]
pub(crate) struct Made {
    /// The file.
    pub(crate) package: PathBuf,
    /// Its size.
    bytes: u64,
}

/// Makes the package, and says where it is.
pub(crate) fn run(options: &Options) -> Result<()> {
    let made = make(options.out.as_deref())?;
    if options.json {
        return cli::print_json(&made).map_err(Error::file("write", Path::new("standard output")));
    }
    say(&format!("{}: {}\n", made.package.display(), ByteCount(made.bytes)));
    Ok(())
}

/// Builds the programs as they are shipped, and the package of them, in a folder or where packages go.
///
/// # Errors
///
/// Fails if something that this needs is not there, or something of it cannot be built or written.
pub(crate) fn make(out: Option<&Path>) -> Result<Made> {
    setup::install_packages(&[Need::Package])?;
    build_programs(&PROGRAMS)?;
    of_built(out)
}

/// The package of programs that are built.
///
/// # Errors
///
/// Fails if cargo-deb cannot be installed, or something cannot be written.
pub(crate) fn of_built(out: Option<&Path>) -> Result<Made> {
    let cargo_deb = setup::cargo_deb()?;
    pages::write(&place::project().join(PAGES))?;
    let out = out.map_or_else(|| place::target().join("debian"), Path::to_owned);
    place::make_folder(&out)?;
    put_together(&cargo_deb, &fs::canonicalize(&out).map_err(Error::file("find", &out))?)
}

/// Has cargo-deb put together what is there. It prints the package's path.
fn put_together(cargo_deb: &Path, out: &Path) -> Result<Made> {
    let run = Run::cargo_tool(cargo_deb).args(["--package", OWNER, "--no-build", "--locked"]);
    let said = run.args(["--strip", "--output"]).arg(out).run()?.stdout;
    let package = PathBuf::from(said.trim());
    Ok(Made { bytes: place::length(&package)?, package })
}

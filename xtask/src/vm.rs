//! `cargo xtask vm`: cases in the virtual machine, each with a verdict that the guest announced.
//!
//! What runs in the machine is built here; the cases themselves are in `e2e::vm`, and the consoles are kept in
//! `target/vm`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::command::{PROGRAMS, Run, build_programs};
use crate::error::Error;
use crate::packages::Need;
use crate::sources::Sources;
use crate::steps::{Steps, say};
use crate::{Result, keys, package, place, selector, setup};

/// What runs the cases.
const EXAMPLE: [&str; 8] =
    ["run", "--quiet", "--locked", "--package", "e2e", "--example", "vm", "--"];

/// What continuous integration runs of them: each way through the chain once, in as few boots as show it.
const BOUNDED: [&str; 10] = [
    "unloadable",
    "update-over-http",
    "settings-go-along",
    "kernel-panics",
    "chain-bit",
    "health-check-fails",
    "operator-rolls-back",
    "power-cut-selector",
    "table-write-error-passes",
    "agent-timers-update",
];

/// Which cases to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Names of cases or of groups of them; all of them if none is named
    cases: Vec<String>,
    /// Names the cases and what each shows
    #[arg(long)]
    list: bool,
}

/// Runs the cases, a line each.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        return cases(&["--list".to_owned()]);
    }
    let mut steps = Steps::new(3);
    let needs = [Need::Always, Need::Machine, Need::Package];
    steps.step("Debian packages", || Ok(((), setup::install_packages(&needs)?)))?;
    steps.step("builds what runs in the machine", || Ok(((), build()?)))?;
    steps.step("keys for Secure Boot", || Ok(((), keys::make(&keys::folder())?)))?;
    say("\n");
    cases(&options.cases)
}

/// Builds what they need and runs the few that continuous integration runs.
///
/// # Errors
///
/// Fails when one of them does not hold; its output tells which.
pub(crate) fn bounded() -> Result<String> {
    setup::install_packages(&[Need::Always, Need::Machine, Need::Package])?;
    build()?;
    let list = Run::cargo().args(EXAMPLE).arg("--list").run()?.stdout;
    // Names of groups stand at the beginning of their lines.
    let count = list.lines().filter(|line| line.starts_with(' ')).count();
    let said = Run::bound_cargo().args(EXAMPLE).arg("--again").args(BOUNDED).run()?.stdout;
    let mut verdict = said.lines().last().unwrap_or_default().to_owned();
    for line in said.lines().filter(|line| line.starts_with("FAILED")) {
        verdict.push_str("; passed only when tried again: ");
        verdict.push_str(line);
    }
    // Each of them passed, and nobody will look at its disk; what comes after needs the room.
    BOUNDED
        .iter()
        .try_for_each(|case| place::remove_folder(&place::target().join("vm").join(case)))?;
    Ok(format!("{verdict}; `cargo xtask vm` runs all {count}"))
}

fn build() -> Result<String> {
    let said = selector::build()?;
    Run::cargo()
        .args(["first-program", "--locked", "--package", "initramfs", "--package", "guest"])
        .run()?;
    let programs: Vec<&str> = PROGRAMS.into_iter().chain(["migrations"]).collect();
    build_programs(&programs)?;
    // What hosts that update themselves have installed: the programs that the package is made of lie there now.
    let package = package::of_built(None)?.package;
    let folder = place::target().join("vm");
    place::make_folder(&folder)?;
    place::copy(&package, &folder.join("waystone.deb"))?;
    write_sources(&folder)?;
    Ok(said)
}

/// This machine's sources of Debian's packages, for systems that a case makes of them.
fn write_sources(folder: &Path) -> Result<()> {
    let sources = Sources::of_machine()?.updated();
    let text: String = sources.iter().map(ToString::to_string).collect();
    place::write(&folder.join("debian.sources"), &text)
}

/// Becomes the example that holds the cases. Comes back only if that cannot be started.
fn cases(arguments: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // In the place of this program: whoever ends this one ends the machine.
    let source = Command::new(cargo).args(EXAMPLE).args(arguments).exec();
    Err(Error::Start { program: "cargo".into(), source })
}

//! `cargo xtask metrics`: what hosts tell Prometheus, read by the real programs.
//!
//! Debian's packages would start services where they are installed, so that they are unpacked into the target folder instead, which takes
//! no rights. Everything listens on loopback, and is ended by its id. The host is one of the tests', with a version that has failed: an alert about
//! it is seen in the end, from our program through node exporter, and through a socket that starts our program for each request.

mod programs;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use e2e::world::World;
use gptprio::SetId;

use self::programs::Programs;
use crate::command::Run;
use crate::error::Error;
use crate::steps::Steps;
use crate::{Result, place};

/// Where rules and their tests are, from the project's folder.
const RULES: &str = "dist/prometheus/updog.rules.yml";
const RULE_TESTS: &str = "dist/prometheus/updog.rules.test.yml";

/// Metrics of a host of which everything is known, as our renderer must write them.
const GOLDEN: &str = "updog/src/seen/metrics/tests/whole.prom";

/// A ledger in which a version has failed.
const LEDGER: &str = r#"{"format":1,"attempts":[{"set":"B","version":"1.1.0","noted":"2026-11-23T22:16:00Z",
    "starts":1,"outcome":"failed","ended":"2026-11-23T22:19:00Z","cause":"health check 10-\"net\""}]}"#;

/// Nothing to choose.
#[derive(Debug, Args)]
pub(crate) struct Options {}

/// Runs every check, a line each.
///
/// # Errors
///
/// Fails at the first that fails.
pub(crate) fn run(_: &Options) -> Result<()> {
    let mut steps = Steps::new(7);
    let programs = steps.step("promtool, Prometheus, node exporter", Programs::find)?;
    steps.step("the rules are rules", || {
        programs.promtool(&["check", "rules", "--lint-fatal"], &[RULES])
    })?;
    steps.step("every alert does what it says", || {
        programs.promtool(&["test", "rules"], &[RULE_TESTS])
    })?;
    steps.step("the format, with all metrics", || {
        programs.check_metrics(&place::project().join(GOLDEN))
    })?;
    let host = steps
        .step("a host on which an update has failed", || Ok((Host::make()?, String::new())))?;
    steps.step("the format, of this host", || programs.check_metrics(&host.file()))?;
    steps.step("Prometheus sees it and alerts, by node exporter and by a socket", || {
        watch::watch(&programs, &host)
    })
}

/// A host of the tests, and what it has told node exporter.
struct Host {
    world: World,
}

impl Host {
    fn make() -> Result<Self> {
        let host = Self { world: World::unpublished() };
        let state = host.world.path("state");
        place::make_folder(&state)?;
        place::make_folder(&host.textfiles())?;
        place::write(&state.join("boots.json"), LEDGER)?;
        let folder = host.textfiles();
        let arguments = host.arguments(&["metrics", "--textfile"]);
        Run::program_at(&updog(), "updog").args(arguments).arg(folder).run()?;
        Ok(host)
    }

    /// The arguments with which our program works on this host.
    fn arguments<'a>(&self, command: &[&'a str]) -> Vec<&'a str> {
        self.world.updog_arguments(SetId::A, command)
    }

    /// The folder that node exporter reads.
    fn textfiles(&self) -> PathBuf {
        self.world.path("textfiles")
    }

    /// The file in it.
    fn file(&self) -> PathBuf {
        self.textfiles().join("updog.prom")
    }

    /// A folder for what Prometheus keeps.
    fn folder(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }
}

/// Our program, as the host's world runs it.
fn updog() -> PathBuf {
    e2e::programs::command("updog").get_program().into()
}

/// The text of a file as the standard input of a program.
fn open(path: &Path) -> Result<fs::File> {
    fs::File::open(path).map_err(Error::file("open", path))
}

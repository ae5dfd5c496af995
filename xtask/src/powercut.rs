//! `cargo xtask powercut`: power that fails at every moment, calls that fail at every site, programs that are killed at any time.
//!
//! What is tried is in `e2e::cut`; here our programs are built and it is run. `--mutants` is the test of that test: the same on copies of the
//! source with one precaution taken away each ([`mutants`]).

mod mutants;

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::{place, setup};

/// What runs it.
const EXAMPLE: [&str; 7] =
    ["run", "--quiet", "--locked", "--package", "e2e", "--example", "powercut"];

/// What continuous integration runs of it: every operation but those whose states take long, each with all plain states, fewer by chance, and a
/// sample of faults and kills.
const BOUNDED: [&str; 12] = [
    "--quick",
    "--cases",
    "4",
    "--again",
    "3000",
    "--stride",
    "9",
    "--one-fault-of",
    "20",
    "--kills",
    "60",
    "--seed=1",
];

/// What is tried, and how much of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Names of operations; all of them if none is named
    operations: Vec<String>,
    /// What chance follows from
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// States by chance at each moment, where there are too many to try all (3000); with fewer, fewer faults and kills are tried, too
    #[arg(long, value_name = "N")]
    cases: Option<usize>,
    /// How many calls of one call site fail
    #[arg(long, value_name = "N")]
    faults: Option<usize>,
    /// Only calls on this file of the host fail, such as disk.img; or `memory`, `network`, `programs` (threads and processes that are started)
    #[arg(long, value_name = "FILE")]
    fault_on: Option<String>,
    /// Tries one fault of so many, others of each operation (8 with few cases, else all)
    #[arg(long, value_name = "N")]
    one_fault_of: Option<usize>,
    /// How many runs are killed, in all
    #[arg(long, value_name = "N")]
    kills: Option<usize>,
    /// Leaves everything else out: states, faults or kills; may be given more than once
    #[arg(long, value_name = "PART", value_parser = ["states", "faults", "kills"])]
    only: Vec<String>,
    /// Judges a state that was kept, again
    #[arg(long, value_name = "FOLDER")]
    replay: Option<String>,
    /// Tries whether precautions that are taken away are missed; names of mutants may be given
    #[arg(long)]
    mutants: bool,
    /// Names the operations and the rules, or the mutants
    #[arg(long)]
    list: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Builds and runs.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.mutants {
        return mutants::run(&options.operations, options.list);
    }
    build()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(EXAMPLE).arg("--").args(arguments(options)).env("WAYSTONE_PROGRAMS", programs());
    // In the place of this program: whoever ends this one ends what it runs.
    let source = command.current_dir(place::project()).exec();
    Err(Error::Start { program: "cargo".into(), source })
}

fn arguments(options: &Options) -> Vec<String> {
    let Options { operations, seed, cases, faults, one_fault_of, kills, .. } = options;
    let Options { fault_on, only, replay, list, json, .. } = options;
    let mut arguments = operations.clone();
    let numbers = [
        ("--seed", seed.map(|seed| seed.to_string())),
        ("--cases", cases.map(|cases| cases.to_string())),
        ("--faults", faults.map(|faults| faults.to_string())),
        ("--fault-on", fault_on.clone()),
        ("--one-fault-of", one_fault_of.map(|count| count.to_string())),
        ("--kills", kills.map(|kills| kills.to_string())),
        ("--replay", replay.clone()),
    ];
    for (name, value) in numbers {
        arguments.extend(value.map(|value| [name.to_owned(), value]).into_iter().flatten());
    }
    only.iter().for_each(|part| arguments.extend(["--only".to_owned(), part.clone()]));
    let flags = [("--list", *list), ("--json", *json)];
    arguments
        .extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (*name).to_owned()));
    arguments
}

/// The part that continuous integration runs.
///
/// # Errors
///
/// Fails when a host is lost; the output tells which.
pub(crate) fn bounded() -> Result<String> {
    build()?;
    let run = Run::bound_cargo().args(EXAMPLE).arg("--").args(BOUNDED);
    let said = run.env("WAYSTONE_PROGRAMS", programs()).run()?.stdout;
    Ok(said.lines().last().unwrap_or_default().to_owned())
}

/// Our programs, as tests have them.
fn build() -> Result<()> {
    // Keys are withdrawn by another author.
    setup::make_venv()?;
    let programs = crate::command::PROGRAMS.iter().chain(&["migrations"]);
    let names = programs.flat_map(|name| ["--package", name]);
    Run::cargo().args(["build", "--locked", "--bins"]).args(names).run().map(drop)
}

fn programs() -> std::path::PathBuf {
    place::target().join("debug")
}

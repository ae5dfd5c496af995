//! `cargo xtask fuzz`: targets for a while, each with limits.
//!
//! The targets are programs of libFuzzer, built by the stable compiler: the flags that have LLVM count which edges were
//! taken are stable ones. What only a nightly compiler has is the address sanitizer, which finds little in code
//! without `unsafe`. A run begins with what is committed in `fixtures/fuzz` and what was found before, in `fuzz/corpus`. An input that
//! fails, or takes more than a second or 64 MiB, is kept in `fuzz/artifacts`.

mod corpus;
mod engine;
mod figures;
mod targets;

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use clap::Args;

use crate::Result;
use crate::error::Error;
use crate::steps::say;
use engine::Engine;
use figures::{Figures, sum};
use targets::{Target, find, names};

/// What to fuzz, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Targets; `--list` shows them
    #[arg(value_name = "TARGET", value_parser = names(), required_unless_present_any = ["all", "list", "seeds"])]
    targets: Vec<String>,
    /// All targets
    #[arg(long)]
    all: bool,
    /// How long, for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// How many targets at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    jobs: u32,
    /// Shows the targets, and what each of them reads
    #[arg(long)]
    list: bool,
    /// Writes the figures as JSON to standard output
    #[arg(long)]
    json: bool,
    /// Gives this input to the target, once
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "list"])]
    input: Option<PathBuf>,
    /// Drops from the corpus what adds nothing, and puts a small part of it into fixtures/fuzz
    #[arg(long, conflicts_with = "input")]
    minimise: bool,
    /// Makes the inputs in fixtures/fuzz that are made by our own makers
    #[arg(long, conflicts_with_all = ["input", "minimise", "list"])]
    seeds: bool,
}

/// Seconds for each target in continuous integration, and targets at a time.
const BOUNDED: (u64, u32) = (10, 2);

/// Builds the targets and runs them.
///
/// # Errors
///
/// Fails when something cannot be built or started, and when an input fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen: Vec<&'static Target> = match options.all {
        true => targets::ALL.iter().collect(),
        false => options.targets.iter().filter_map(|name| find(name)).collect(),
    };
    match options {
        Options { list: true, .. } => list(),
        Options { seeds: true, .. } => corpus::make_seeds()?,
        Options { input: Some(file), .. } => {
            let engine = Engine::build(&chosen)?;
            chosen.iter().try_for_each(|target| engine.replay(target, file))?;
        }
        Options { minimise: true, .. } => {
            let engine = Engine::build(&chosen)?;
            chosen.iter().try_for_each(|target| corpus::minimise(&engine, target))?;
        }
        _ => drop(fuzz(&chosen, options.seconds, options.jobs, options.json)?),
    }
    Ok(())
}

/// The bounded part for continuous integration: every target for a few seconds.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn bounded() -> Result<String> {
    let chosen: Vec<&'static Target> =
        targets::ALL.iter().filter(|target| target.is_bounded).collect();
    let (seconds, jobs) = BOUNDED;
    let figures = fuzz_quietly(&chosen, seconds, jobs, &|_, _| ())?;
    Ok(sum(&figures))
}

fn list() {
    for target in targets::ALL {
        say(&format!("{:20} {}\n", target.name, target.reads));
    }
}

fn fuzz(chosen: &[&'static Target], seconds: u64, jobs: u32, json: bool) -> Result<()> {
    let tell = |target: &Target, figures: &Figures| {
        if !json {
            say(&format!("{:20} {figures}\n", target.name));
        }
    };
    let figures = fuzz_quietly(chosen, seconds, jobs, &tell)?;
    say(&if json { figures::json(&figures) } else { sum(&figures) + "\n" });
    Ok(())
}

/// Runs some targets, so many at a time; `tell` is called with each that is done.
fn fuzz_quietly(
    chosen: &[&'static Target],
    seconds: u64,
    jobs: u32,
    tell: &(dyn Fn(&Target, &Figures) + Sync),
) -> Result<Vec<(&'static Target, Figures)>> {
    let engine = Engine::build(chosen)?;
    let (left, done) = (Mutex::new(chosen.iter()), Mutex::new(Vec::new()));
    let next = || left.lock().ok()?.next().copied();
    let work = || {
        while let Some(target) = next() {
            let result = engine.run(target, seconds);
            if let Ok(figures) = &result {
                tell(target, figures);
            }
            done.lock().map(|mut done| done.push((target, result))).unwrap_or_default();
        }
    };
    thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    let done = done.into_inner().unwrap_or_default();
    let mut figures = Vec::new();
    let mut failures = Vec::new();
    for (target, result) in done {
        match result {
            Ok(one) => figures.push((target, one)),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if failures.is_empty() { Ok(figures) } else { Err(Error::Fuzz(failures)) }
}

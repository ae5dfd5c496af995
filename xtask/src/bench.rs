//! `cargo xtask bench`: ratios against peers, both sides in one run.
//!
//! The sides take turns, after one round that is not counted, so that both meet the same noise. What counts is the
//! ratio of the medians. A bar that is not met is said where it stands; what was named is measured to the end, and then the
//! command fails and says all of them again.

mod agent;
mod boot;
mod delta;
mod install;
mod measure;
mod migrator;
mod rauc;
mod slots;
mod swupdate;
mod trust;
mod verity;

use clap::Args;

use crate::Result;
use crate::error::Error;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Names of benches (default: all): verity, install, delta, boot, trust, migrator, agent
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Rounds that count
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Leaves out peers that take many minutes and have no bar, unless an earlier run has their figures
    #[arg(long)]
    quick: bool,
}

/// A bench: its name and what it runs; it shows its bars and gives back those that are not met.
type Bench = (&'static str, fn(&Options) -> Result<measure::Missed>);

const BENCHES: [Bench; 7] = [
    ("verity", |options| verity::run(options.rounds)),
    ("install", |options| install::run(options.rounds)),
    ("delta", |options| delta::run(options.rounds, options.quick)),
    ("boot", |options| boot::run(options.rounds)),
    ("trust", |options| trust::run(options.rounds)),
    ("migrator", |options| migrator::run(options.rounds)),
    ("agent", |options| agent::run(options.rounds)),
];

/// Runs the benches that were named.
///
/// # Errors
///
/// Fails on a name that is unknown, when something that is measured fails, and when a bar is not met.
pub(crate) fn run(options: &Options) -> Result<()> {
    let known = |name: &String| BENCHES.iter().any(|(bench, _)| bench == name);
    if let Some(unknown) = options.names.iter().find(|name| !known(name)) {
        let names = BENCHES.map(|(name, _)| name).join(", ");
        return Err(Error::Usage(format!("there is no bench '{unknown}', only: {names}")));
    }
    let wanted = |name: &str| options.names.is_empty() || options.names.iter().any(|it| it == name);
    let mut missed = measure::Missed::new();
    for (_, run) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        missed.extend(run(options)?);
    }
    if missed.is_empty() { Ok(()) } else { Err(Error::Bars(missed)) }
}

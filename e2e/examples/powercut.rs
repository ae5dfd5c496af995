//! Cuts power, lets calls fail, and kills programs, for every operation that changes a disk or what a host remembers.
//!
//! ```text
//! powercut [OPERATION…] [--seed N] [--cases N] [--only states|faults|kills]… [--list] [--json]
//! ```
//!
//! Our programs are built before: `cargo build -p image-builder -p repo-tools -p signpost -p updog`, or lie where
//! `WAYSTONE_PROGRAMS` says. States that lose a host are kept in `powercut` in cargo's target folder.

#![allow(clippy::print_stdout)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use clap::Parser;
use e2e::cut::bed::Bed;
use e2e::cut::operation::{ALL, Operation};
use e2e::cut::{Effort, Outcome, explore, inject, kill};
use serde_json::{Value, json};

/// States by chance at each moment when everything is tried.
const CASES: usize = 3000;

/// Runs that are killed then.
const KILLS: usize = 2000;

/// Cuts power at every moment, lets every call fail, and kills programs at any time
#[derive(Debug, Parser)]
struct Options {
    /// Operations; all of them if none is named
    operations: Vec<String>,
    /// What chance follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// States by chance at each moment, where there are too many to try all; with fewer, fewer faults and kills are tried, too
    #[arg(long, value_name = "N", default_value_t = CASES)]
    cases: usize,
    /// Of so many other states the command is run again on one
    #[arg(long, value_name = "N", default_value_t = 1000)]
    again: u64,
    /// At one of so many moments the command is run again on its plain states
    #[arg(long, value_name = "N", default_value_t = 1)]
    stride: usize,
    /// How many calls of one call site fail
    #[arg(long, value_name = "N", default_value_t = 1)]
    faults: usize,
    /// Only calls on this file of the host fail, such as disk.img; or `memory`, `network`, `programs` (threads and processes that are started)
    #[arg(long, value_name = "FILE")]
    fault_on: Option<String>,
    /// Of so many faults one is tried
    #[arg(long, value_name = "N")]
    one_fault_of: Option<usize>,
    /// How many runs are killed, in all
    #[arg(long, value_name = "N")]
    kills: Option<usize>,
    /// Leaves out the operations whose states take long
    #[arg(long)]
    quick: bool,
    /// Leaves everything else out; may be given more than once
    #[arg(long, value_name = "PART", value_parser = ["states", "faults", "kills"])]
    only: Vec<String>,
    /// Judges a state that was kept, again
    #[arg(long, value_name = "FOLDER")]
    replay: Option<PathBuf>,
    /// Names the operations and the rules
    #[arg(long)]
    list: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        list();
        return ExitCode::SUCCESS;
    }
    let unknown = |name: &&String| !ALL.iter().any(|operation| operation.name == **name);
    if let Some(name) = options.operations.iter().find(unknown) {
        println!("there is no operation '{name}'; --list names them");
        return ExitCode::from(2);
    }
    let outcome = Run::new(&options).and_then(|run| match &options.replay {
        Some(folder) => run.replay(folder),
        None => run.all(),
    });
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("it cannot be tried: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    println!("operations:");
    for operation in ALL {
        println!("  {:<22} {}", operation.name, operation.is);
    }
    println!("rules:");
    for (name, rule) in e2e::cut::rules::ALL {
        println!("  {name:<22} {rule}");
    }
}

struct Run<'o> {
    options: &'o Options,
    operations: Vec<&'static Operation>,
    bed: Bed,
    scratch: PathBuf,
    kept: PathBuf,
}

impl<'o> Run<'o> {
    fn new(options: &'o Options) -> std::io::Result<Self> {
        let kept = target().join("powercut");
        fs::create_dir_all(&kept)?;
        // Disks that live in memory: what is tried is not the disk of this machine.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory } else { &kept };
        let bed = Bed::new(place);
        let scratch = bed.path("scratch");
        fs::create_dir(&scratch)?;
        let is_meant = |operation: &&Operation| {
            let is_named = options.operations.iter().any(|name| name == operation.name);
            is_named || options.operations.is_empty() && !(options.quick && operation.is_long())
        };
        let operations = ALL.iter().filter(is_meant).collect();
        Ok(Self { options, operations, bed, scratch, kept })
    }

    fn does(&self, part: &str) -> bool {
        self.options.only.is_empty() || self.options.only.iter().any(|only| only == part)
    }

    /// Judges a state that was kept, with all its files.
    fn replay(&self, folder: &Path) -> std::io::Result<usize> {
        match explore::replay(&self.bed, folder, &self.scratch)? {
            Ok(verdict) => {
                self.say(&format!("set {} starts, with {}", verdict.boot.set, verdict.version));
                Ok(0)
            }
            Err(why) => {
                self.say(&format!("LOST: {why}"));
                Ok(1)
            }
        }
    }

    /// Gives how many were lost.
    fn all(&self) -> std::io::Result<usize> {
        let started = Instant::now();
        let mut sum = Sum::default();
        if self.does("states") {
            self.say("power cuts: states that a cut may leave, at every moment");
            for operation in &self.operations {
                self.told(operation, &mut sum, |sum| self.states(operation, sum));
            }
        }
        if self.does("faults") {
            self.say("faults: every call site that can fail");
            for operation in self.operations.iter().filter(|one| one.has_programs()) {
                self.told(operation, &mut sum, |sum| self.faults(operation, sum));
            }
        }
        if self.does("kills") {
            self.say("kills: at any time");
            let is_killed = |operation: &&&Operation| operation.has_programs();
            let kinds = self.operations.iter().filter(is_killed).count().max(1);
            let Options { kills, cases, .. } = *self.options;
            let kills = kills.unwrap_or_else(|| (KILLS * cases).div_ceil(CASES).min(KILLS));
            for operation in self.operations.iter().filter(|one| one.has_programs()) {
                let runs = kills.div_ceil(kinds);
                self.told(operation, &mut sum, |sum| self.kills(operation, runs, sum));
            }
        }
        let seconds = started.elapsed().as_secs();
        let Sum { tried, distinct, continued, faults, kills, lost, .. } = &sum;
        let (seed, minutes) = (self.options.seed, seconds / 60);
        self.say(&format!(
            "{tried} states, {distinct} of them different, {continued} gone on with, {faults} faults, {kills} kills: {lost} lost (seed {seed}, {minutes} min {} s)",
            seconds % 60
        ));
        if self.options.json {
            println!("{}", sum.json(self.options, seconds));
        }
        Ok(*lost)
    }

    fn say(&self, text: &str) {
        if self.options.json { eprintln!("{text}") } else { println!("{text}") }
    }

    /// Shows the beginning of a line.
    fn begin(&self, text: &str) {
        if self.options.json {
            eprint!("{text}")
        } else {
            print!("{text}")
        }
        // A reader that has gone does not stop the work.
        let _ = std::io::stdout().flush();
    }

    /// Runs one part for one operation: says its name first, since some take minutes, then what came of it.
    fn told(
        &self,
        operation: &Operation,
        sum: &mut Sum,
        part: impl FnOnce(&mut Sum) -> std::io::Result<Option<Told>>,
    ) {
        let (name, started) = (operation.name, Instant::now());
        self.begin(&format!("  {name:<22} "));
        let told = match part(sum) {
            Ok(Some(told)) => told,
            Ok(None) => return self.say("nothing to be tried"),
            // An operation that does not work without a cut loses hosts as well.
            Err(error) => {
                Told { line: "not done".into(), row: json!({}), lost: vec![error.to_string()] }
            }
        };
        let Told { line, mut row, lost } = told;
        let (seconds, count) = (started.elapsed().as_secs_f64(), lost.len());
        self.say(&format!("{line} {count:>3} lost {seconds:>6.1} s"));
        lost.iter().for_each(|why| self.say(&format!("    LOST {name}: {why}")));
        sum.lost += count;
        row["operation"] = json!(name);
        row["lost"] = json!(lost);
        sum.rows.push(row);
    }

    fn states(&self, operation: &Operation, sum: &mut Sum) -> std::io::Result<Option<Told>> {
        let Options { seed, cases, again, stride, .. } = *self.options;
        let effort = Effort { seed, cases, again, stride: stride.max(1) };
        let outcome = explore::explore(&self.bed, operation, effort, (&self.scratch, &self.kept))?;
        let Outcome { events, tried, distinct, continued, .. } = outcome;
        sum.tried += tried;
        sum.distinct += distinct;
        sum.continued += continued;
        let line = format!(
            "{events:>4} events {tried:>7} states {distinct:>7} different {continued:>5} gone on with"
        );
        let row = json!({
            "part": "states", "events": events, "states": tried, "different": distinct,
            "continued": continued,
        });
        let lost = outcome.lost.iter().map(ToString::to_string).collect();
        Ok(Some(Told { line, row, lost }))
    }

    fn faults(&self, operation: &Operation, sum: &mut Sum) -> std::io::Result<Option<Told>> {
        let Options { seed, cases, faults, one_fault_of, fault_on, .. } = self.options;
        let one_of = one_fault_of.unwrap_or_else(|| CASES.div_ceil((*cases).max(1)).min(8));
        let place = fault_on.clone();
        let effort = inject::Effort { seed: *seed, per_site: *faults, one_of, place };
        let outcome = inject::inject(&self.bed, operation, effort, &self.scratch)?;
        let inject::Outcome { sites, runs, survived, lost, .. } = outcome;
        sum.faults += runs;
        let line = format!("{sites:>4} sites {runs:>6} faults {survived:>6} done nevertheless");
        let row = json!({ "part": "faults", "sites": sites, "faults": runs, "done": survived });
        Ok((runs > 0).then_some(Told { line, row, lost }))
    }

    fn kills(
        &self,
        operation: &Operation,
        runs: usize,
        sum: &mut Sum,
    ) -> std::io::Result<Option<Told>> {
        let effort = (self.options.seed, runs);
        let outcome = kill::kill(&self.bed, operation, effort, &self.scratch)?;
        let kill::Outcome { runs, killed, lost, .. } = outcome;
        sum.kills += runs;
        let line = format!("{runs:>5} runs {killed:>5} killed");
        let row = json!({ "part": "kills", "runs": runs, "killed": killed });
        Ok((runs > 0).then_some(Told { line, row, lost }))
    }
}

/// What came of one part for one operation.
struct Told {
    line: String,
    row: Value,
    lost: Vec<String>,
}

#[derive(Debug, Default)]
struct Sum {
    tried: usize,
    distinct: usize,
    continued: usize,
    faults: usize,
    kills: usize,
    lost: usize,
    rows: Vec<Value>,
}

impl Sum {
    fn json(&self, options: &Options, seconds: u64) -> Value {
        json!({
            "seed": options.seed, "cases": options.cases, "states": self.tried,
            "different": self.distinct, "continued": self.continued, "faults": self.faults,
            "kills": self.kills, "lost": self.lost, "seconds": seconds, "parts": self.rows,
        })
    }
}

/// Cargo's target folder: this program is in `debug/examples` in it.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).to_owned()
}

//! Carrying settings to another version, against copying them.
//!
//! A data store of 10,000 keys goes through twenty migrations, each a program of its own, verified and run as at a boot. `cp -a` copies the store and
//! flushes the same file system, checking nothing. Both work on the file system that the target folder lies on. Beside that: what
//! a boot costs at which nothing is to be done, beyond the start of the program.

mod bed;

use std::time::Duration;

use cli::ByteCount;

use self::bed::{Bed, KEYS, STEPS};
use super::measure::{self, Missed, Side};
use crate::command::{Run, build_programs};
use crate::packages::Need;
use crate::{Result, place, setup};

/// The most of the copy's time that ours may take.
const TIME: f64 = 1.5;

/// The most memory of the migrator, and of any migration.
const MEMORY: ByteCount = ByteCount(64 << 20);

/// The longest that finding nothing to do may take, beyond the start of the program.
const NOTHING: Duration = Duration::from_millis(5);

/// How many rounds of something short count for one of the others.
const SHORT: u32 = 5;

/// Measures, after everything that is needed was made.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    build_programs(&["image-builder", "migrations", "migrator", "repo-tools"])?;
    let bed = Bed::make(&place::target().join("bench/migrator"))?;
    let mut missed = carrying(&bed, rounds)?;
    missed.extend(nothing(&bed, rounds.saturating_mul(SHORT))?);
    Ok(missed)
}

/// All migrations, against a copy.
fn carrying(bed: &Bed, rounds: u32) -> Result<Missed> {
    let migrator =
        Side { name: "migrator", prepare: Box::new(|| bed.reset()), run: Box::new(|| bed.all()) };
    let copy =
        Side { name: "cp", prepare: Box::new(|| bed.no_copy()), run: Box::new(|| bed.copy()) };
    let all = measure::in_turns(rounds, &[migrator, copy])?;
    bed.has_moved()?;
    let bars = [all[0].time_of(&all[1], Some(TIME)), all[0].memory(MEMORY)];
    Ok(measure::show(&format!("migrator: {KEYS} keys, {STEPS} migrations"), &all, &bars))
}

/// The same version, against no more than a start.
fn nothing(bed: &Bed, rounds: u32) -> Result<Missed> {
    bed.reset()?;
    let none = || Ok(());
    let start = || Run::ours("migrator").arg("--version");
    let nothing =
        Side { name: "nothing to do", prepare: Box::new(none), run: Box::new(|| bed.none()) };
    let start = Side { name: "--version", prepare: Box::new(none), run: Box::new(start) };
    let all = measure::in_turns(rounds, &[nothing, start])?;
    let bars = [all[0].time_beyond(&all[1], NOTHING), all[0].memory(MEMORY)];
    Ok(measure::show(&format!("migrator: {KEYS} keys, nothing to do"), &all, &bars))
}

//! The program: arguments in, one call of the library, a report out.
//!
//! The report goes to standard output, as text or with `--json` as JSON (the fields of [`crate::Report`]); what migrations say and errors
//! go to standard error. The exit codes are those of the `cli` crate: 0 done (also if there was nothing to do), 1 failed, 2 wrong usage, 4 refused, 75 the
//! data store is in use, try again.

mod args;
mod changes;
mod error;
mod kept;
mod new;
mod os_release;
mod text;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use cli::Outcome;
use semver::Version;

use crate::{Limits, Mode, Repository, Request, Secrets, migrate};
pub use args::Args;
use args::{Command, MigrateArgs};
use error::ProgramError;

/// Does what the arguments say.
///
/// # Errors
///
/// Fails, or refuses, as the library does.
pub fn run(args: &Args) -> Result<Outcome, ProgramError> {
    match &args.command {
        Some(Command::New(args)) => new::run(args),
        Some(Command::Diff(args)) => kept::run_diff(args),
        Some(Command::Carry(args)) => kept::run_carry(args),
        Some(Command::Forget(args)) => kept::run_forget(args),
        None => carried(args.migrate.as_ref().expect("required where there is no subcommand")),
    }
}

/// Carries the settings.
fn carried(args: &MigrateArgs) -> Result<Outcome, ProgramError> {
    let request = Request {
        datastore: &args.datastore_path,
        to: &wanted(args)?,
        mode: match (args.dry_run, args.rehearse) {
            (true, _) => Mode::DryRun,
            (_, true) => Mode::Rehearsal,
            _ => Mode::Real,
        },
        secrets: if args.show_secrets { Secrets::Shown } else { Secrets::Masked },
        limits: limits(args),
    };
    let load =
        || Repository::load(&args.root_path, &args.metadata_directory, &args.migration_directory);
    let report = migrate(&request, load, &mut say, &mut |_| Ok(()))?;
    if args.json {
        cli::print_json(&report)?;
    } else {
        io::stdout().lock().write_all(text::of(&report, &args.datastore_path).as_bytes())?;
    }
    Ok(Outcome::Done)
}

fn limits(args: &MigrateArgs) -> Limits {
    let time = Duration::from_secs(args.time_limit_seconds);
    let total = args.total_limit_seconds.map(Duration::from_secs);
    Limits { time, until: total.map(|total| Instant::now() + total), ..Limits::default() }
}

/// The version that the settings should have.
fn wanted(args: &MigrateArgs) -> Result<Version, ProgramError> {
    match &args.migrate_to_version {
        Some(version) => Ok(version.clone()),
        None => os_release::version(&args.os_release_path),
    }
}

/// A line on standard error.
fn say(line: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr().lock(), "migrator: {line}");
}

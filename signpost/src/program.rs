//! The program: arguments in, one call of the library, a report out.
//!
//! Results go to standard output, as text or with `--json` as JSON; warnings and errors go to standard error. The exit
//! codes are those of the `cli` crate: 0 done (also if it was so already), 1 failed, 2 wrong usage, 4 refused, 75 the disk
//! is in use, try again.

mod args;
mod change;
mod error;
mod status;
mod text;
mod timer;
mod warning;

use cli::Outcome;
use gptprio::{SetId, State};

use crate::{Access, Disk, Medium, SystemRoot, Target};
pub use args::Args;
use args::Command;
use change::Transition;
use error::ProgramError;

/// Does what the arguments say.
///
/// # Errors
///
/// Fails, or refuses, as the library does.
pub fn run(args: &Args) -> Result<Outcome, ProgramError> {
    let target = Target::find(&SystemRoot::host(), args.disk.as_deref(), args.active)?;
    match args.command {
        Command::Status => status::run(args, &target)?,
        Command::RewriteTable => rewrite_table(args, &target)?,
        Command::HasBootEverSucceeded => has_boot_ever_succeeded(args, &target)?,
        Command::MarkSuccessfulBoot { tries } => {
            change(args, &target, |state| state.mark_successful_boot_with(tries))?;
            timer::disarm(args);
        }
        Command::ClearInactive => change(args, &target, State::clear_inactive)?,
        Command::MarkInactiveValid { tries } => {
            change(args, &target, |state| state.mark_inactive_valid(tries))?;
        }
        Command::UpgradeToInactive => change(args, &target, State::upgrade_to_inactive)?,
        Command::CancelUpgrade => change(args, &target, State::cancel_upgrade)?,
        Command::RollbackToInactive => change(args, &target, State::rollback_to_inactive)?,
    }
    Ok(Outcome::Done)
}

/// Makes a transition, or with `--dry-run` only says what it would do.
fn change(args: &Args, target: &Target, transition: impl Transition) -> Result<(), ProgramError> {
    let active = active(target)?;
    let access = if args.dry_run { Access::Read } else { Access::Write };
    let mut disk = Disk::open(&target.disk, access)?;
    let report = change::make(&mut disk, active, args, transition)?;
    report.show(args.json)
}

fn rewrite_table(args: &Args, target: &Target) -> Result<(), ProgramError> {
    let access = if args.dry_run { Access::Read } else { Access::Write };
    let mut medium = Medium::open(&target.disk, access)?;
    let report = change::rewrite(&mut medium, args.dry_run)?;
    report.show(args.json)
}

fn has_boot_ever_succeeded(args: &Args, target: &Target) -> Result<(), ProgramError> {
    let disk = Disk::open(&target.disk, Access::Read)?;
    warning::of_copies(disk.medium());
    let private = || crate::Error::NoPrivate { path: target.disk.clone() };
    let ever = disk.ever_succeeded().ok_or_else(private)?;
    if args.json {
        return Ok(cli::print_json(&ever)?);
    }
    text::print(&format!("{ever}\n"))
}

/// The set that runs, for the commands that are about it.
fn active(target: &Target) -> Result<SetId, ProgramError> {
    target.active.ok_or_else(|| ProgramError::ActiveUnknown { disk: target.disk.clone() })
}

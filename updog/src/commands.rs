//! One module a subcommand: resolve the arguments, decide, execute, report.
//!
//! Only `check`, `image` and what calls them open a [`Session`](crate::session::Session); `status`, `apply`, `revert`
//! and `rollback` never touch the network.

mod apply;
mod check;
mod choice;
mod image;
mod place;
mod revert;
mod status;

use chrono::Utc;
use cli::Outcome;

use crate::args::{Arguments, Command};
use crate::config::Settings;
use crate::error::Error;
use crate::output::Output;
use place::Place;

/// What every command is given.
struct Context {
    settings: Settings,
    disk: Option<std::path::PathBuf>,
    active: Option<gptprio::SetId>,
    output: Output,
}

/// Runs the command that was typed.
///
/// # Errors
///
/// Whatever keeps it from its work.
pub fn run(arguments: Arguments) -> Result<Outcome, Error> {
    let context = Context {
        settings: Settings::read(&arguments.config)?,
        disk: arguments.disk,
        active: arguments.active,
        output: Output { json: arguments.json, quiet: arguments.quiet },
    };
    // The one place of this program that reads the clock.
    let now = Utc::now();
    match arguments.command {
        Command::Status => status::run(&context),
        Command::CheckUpdate(check) => check::run(&context, &check, now),
        Command::Prepare(choice) => image::prepare(&context, &choice, now),
        Command::UpdateImage(choice) => image::run(&context, &choice, now),
        Command::Update(update) => apply::update(&context, &update, now),
        Command::UpdateApply(apply) => apply::run(&context, &apply),
        Command::UpdateRevert(revert) => revert::run(&context, &revert),
        Command::Rollback(rollback) => revert::rollback(&context, &rollback),
    }
}

//! One module a subcommand: resolve the arguments, decide, execute, report.
//!
//! Only `check`, `image`, `explain`, `doctor` and what calls them open a [`Session`](crate::session::Session); `status`, `apply`, `revert`,
//! `rollback`, `health`, `verify-kept`, `clear-failure`, `metrics`, `history` and the agent's orders never touch the network, nor does the
//! agent itself.

mod agent;
mod apply;
mod check;
mod choice;
mod doctor;
mod explain;
mod health;
mod history;
mod image;
mod kept;
mod ledger;
mod metrics;
mod orders;
mod place;
mod revert;
mod seen;
mod status;

use chrono::Utc;
use cli::Outcome;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::args::{Arguments, Command};
use crate::config::{ConfigError, Settings};
use crate::error::Error;
use crate::output::Output;
use place::Place;

/// What every command is given.
struct Context {
    settings: Settings,
    from: Option<std::path::PathBuf>,
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
    let judges = matches!(&arguments.command, Command::Health(health) if !health.dry_run);
    let looks = matches!(&arguments.command, Command::Doctor(_));
    let (settings, text, problem) = match load(&arguments) {
        Ok((settings, text)) => (settings, text, None),
        Err(problem) if judges || looks => (Settings::without_file(), String::new(), Some(problem)),
        Err(problem) => return Err(problem.into()),
    };
    let context = Context {
        settings,
        from: arguments.from,
        disk: arguments.disk,
        active: arguments.active,
        output: Output { json: arguments.json, quiet: arguments.quiet },
    };
    // Every decision is made with this time; `health` reads the clock again for the end of its checks.
    let now = Utc::now();
    let problem = match problem {
        Some(problem) if judges => {
            return Err(health::judge_unseen(&context, problem.into(), now));
        }
        problem => problem,
    };
    match arguments.command {
        Command::Status => status::run(&context, now),
        Command::CheckUpdate(check) => check::run(&context, &check, now),
        Command::Prepare(choice) => image::prepare(&context, &choice, now),
        Command::UpdateImage(choice) => image::run(&context, &choice, now),
        Command::Update(update) => apply::update(&context, &update, now),
        Command::UpdateApply(apply) => apply::run(&context, &apply, now),
        Command::UpdateRevert(revert) => revert::run(&context, &revert, now),
        Command::Rollback(rollback) => revert::rollback(&context, &rollback, now),
        Command::Health(health) => health::run(&context, &health, now),
        Command::VerifyKept => kept::verify(&context),
        Command::ClearFailure(clear) => ledger::clear(&context, &clear),
        Command::Agent(agent) => agent::run(context, &agent, arguments.config, &text),
        Command::Pause(pause) => orders::pause(&context, &pause, now),
        Command::Hold(hold) => orders::hold(&context, &hold, now),
        Command::Resume => orders::resume(&context),
        Command::Proceed => orders::proceed(&context, now),
        Command::Metrics(metrics) => metrics::run(&context, &metrics, now),
        Command::History(history) => history::run(&context, &history),
        Command::Explain(explain) => explain::run(&context, &explain, now),
        Command::Doctor(doctor) => doctor::run(&context, &doctor, problem, now),
    }
}

/// Has a command of the agent's end with it: alone it would hold the disk, and the next agent would find that taken. Whose agent is gone already
/// finds no text of the configuration. Old kernels that refuse let it live on, which costs time only.
fn end_with_agent() {
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
}

/// The configuration, and its text.
fn load(arguments: &Arguments) -> Result<(Settings, String), ConfigError> {
    if arguments.config_text.is_some() {
        end_with_agent();
    }
    let text = Settings::text(arguments.config_text.as_deref().unwrap_or(&arguments.config))?;
    Ok((Settings::parse(&text, &arguments.config)?, text))
}

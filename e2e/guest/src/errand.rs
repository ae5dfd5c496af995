//! What a host needs programs for, and the tiny root has no shell to do.
//!
//! | called as | does |
//! |---|---|
//! | `/sbin/init restart` | restarts the machine: what `restart_command` names |
//! | anything in a folder `health.d` | is a health check: does what the release's file [`CHECK`] says |

use std::env;
use std::fs;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Signal, getppid, kill_process};
use rustix::system::{RebootCommand, reboot};

use crate::settings;

/// What the check of this release does: `pass`; `fail WHY`; `late SECONDS`, which passes then; `stuck`, which fails, and restarts
/// are not carried out; `stop`, which stops the program that runs it; `carried`, which passes if this boot has carried the settings.
const CHECK: &str = "/usr/lib/guest/check";

/// Runs the one that it was called for.
pub(crate) fn run() -> ExitCode {
    let mut arguments = env::args();
    let name = arguments.next().unwrap_or_default();
    match arguments.next().as_deref() {
        _ if name.contains("/health.d/") => check(),
        Some("restart") => restart(),
        _ => {
            eprintln!("error: this is the first program of a machine: it takes 'restart' only");
            ExitCode::from(2)
        }
    }
}

fn restart() -> ExitCode {
    if fs::read_to_string(CHECK).is_ok_and(|text| text.trim() == "stuck") {
        return ExitCode::SUCCESS;
    }
    println!("guest: restarts");
    rustix::fs::sync();
    let error = reboot(RebootCommand::Restart);
    println!("guest: cannot restart: {error:?}");
    ExitCode::FAILURE
}

fn stop_parent() -> ExitCode {
    if let Some(parent) = getppid() {
        let _ = kill_process(parent, Signal::STOP);
    }
    sleep(Duration::from_secs(u64::from(u32::MAX)));
    ExitCode::FAILURE
}

fn check() -> ExitCode {
    let text = fs::read_to_string(CHECK).unwrap_or_default();
    match text.trim().split_once(' ') {
        None if text.trim() == "pass" => ExitCode::SUCCESS,
        None if text.trim() == "stuck" => ExitCode::FAILURE,
        None if text.trim() == "stop" => stop_parent(),
        None if text.trim() == "carried" => match settings::are_carried() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
        Some(("fail", why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
        Some(("late", seconds)) => {
            sleep(Duration::from_secs(seconds.parse().unwrap_or(u64::MAX)));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{CHECK} does not say what this check does");
            ExitCode::from(2)
        }
    }
}

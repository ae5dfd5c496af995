//! A restart that happens.

use std::process::Command;
use std::time::Duration;

use rustix::system::{RebootCommand, reboot};

use super::limited;

/// How long the command that restarts the host may take until it has handed the work over.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the command that restarts the host.
///
/// # Errors
///
/// Says what the command did instead.
pub fn ask(words: &[String]) -> Result<(), String> {
    let Some((program, rest)) = words.split_first() else { return Err("no command".to_owned()) };
    match limited::run(Command::new(program).args(rest), LIMIT) {
        Err(error) => Err(error.to_string()),
        Ok(limited::Ended { status: Some(status), .. }) if status.success() => Ok(()),
        Ok(limited::Ended { status: Some(status), tail }) => Err(format!("{status}: {tail}")),
        Ok(limited::Ended { status: None, .. }) => {
            Err(format!("it did not end within {} s", LIMIT.as_secs()))
        }
    }
}

/// Restarts the machine at once, without asking anybody. Comes back only if it may not.
pub fn force() -> std::io::Error {
    rustix::fs::sync();
    match reboot(RebootCommand::Restart) {
        Ok(()) => std::io::Error::other("the kernel did not restart"),
        Err(errno) => errno.into(),
    }
}

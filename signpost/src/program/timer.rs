//! The watchdog that the first program of the machine armed: a boot that was marked good is not to be ended by it.

use std::fs;
use std::io;
use std::path::Path;

use watchdog::Watchdog;

use super::args::Args;
use super::warning;

/// The device.
const DEVICE: &str = "/dev/watchdog";

/// What the kernel was told.
const COMMAND_LINE: &str = "/proc/cmdline";

/// Disarms it on the machine that runs from the disk, if its first program was told to arm it. Somebody who has the device open
/// feeds it, and keeps it.
pub(crate) fn disarm(args: &Args) {
    let is_armed = || fs::read_to_string(COMMAND_LINE).is_ok_and(|line| was_told_to_arm(&line));
    if args.disk.is_some() || args.dry_run || !is_armed() {
        return;
    }
    match Watchdog::open(Path::new(DEVICE)).and_then(Watchdog::disarm) {
        Err(error)
            if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ResourceBusy) =>
        {
            warning::say(&format!("warning: {DEVICE} stays armed: {error}"));
        }
        _ => {}
    }
}

fn was_told_to_arm(command_line: &str) -> bool {
    let parameter =
        |word: &str| word.split_once('=').is_some_and(|(name, _)| name == watchdog::PARAMETER);
    command_line.split_ascii_whitespace().take_while(|word| *word != "--").any(parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_watchdog_that_the_first_program_armed_is_touched() {
        assert!(was_told_to_arm("ro waystone.watchdog=300 quiet\n"));
        assert!(!was_told_to_arm("ro quiet -- waystone.watchdog=300"));
        assert!(!was_told_to_arm("waystone.watchdogs=1 watchdog=1 waystone.watchdog"));
    }
}

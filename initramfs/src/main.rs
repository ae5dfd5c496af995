//! PID 1 of the initial RAM filesystem; see the library.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use initramfs::boot::{boot, farewell, restarts_on_panic};
use initramfs::console::{Level, say};
use rustix::system::{RebootCommand, reboot};

/// How long the reason stands on the console.
const PAUSE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    if std::process::id() != 1 {
        eprintln!("error: this is the first program of a machine, and not for any other place");
        return ExitCode::from(2);
    }
    let Err(failure) = boot();
    say(Level::Critical, &farewell(&failure, PAUSE));
    sleep(PAUSE);
    // The kernel panics when its first program ends: it keeps the reason for the next start, and restarts the machine.
    if !restarts_on_panic()
        && let Err(error) = reboot(RebootCommand::Restart)
    {
        say(Level::Critical, &format!("cannot restart: {error}"));
    }
    ExitCode::FAILURE
}

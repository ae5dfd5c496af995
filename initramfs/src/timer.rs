//! The watchdog: a system that hangs before it says that it is well restarts, and spends its tries.
//!
//! It is armed and left behind. Userland takes it over: `updog health` feeds it while the checks run and disarms it when they have passed.

use std::io::{self, ErrorKind};
use std::path::Path;

use watchdog::Watchdog;

use crate::console::{Level, say};
use crate::modules::{self, NotLoaded};

/// The device.
const DEVICE: &str = "/dev/watchdog";

/// Arms the watchdog for so many seconds. Machines without a driver of their own get the kernel's; where nothing of it works,
/// that is told, and the machine starts without.
///
/// Opening the device has armed it, with the driver's own time. Where that cannot be set to about what was asked for it is
/// disarmed again: a timer that is over before userland can be up would restart every set, the good one too.
pub fn arm(seconds: i32) {
    let outcome = open().and_then(|watchdog| match watchdog.set_timeout(seconds) {
        Ok(taken) if taken >= seconds / 2 => Ok(taken),
        outcome => {
            let why = outcome.map_or_else(|error| error, too_short);
            watchdog.disarm().and(Err(why))
        }
    });
    match outcome {
        Ok(seconds) => say(Level::Notice, &format!("the watchdog waits for {seconds} s")),
        Err(error) => say(Level::Warning, &format!("no watchdog for {seconds} s: {error}")),
    }
}

fn too_short(seconds: i32) -> io::Error {
    io::Error::other(format!("its driver waits for {seconds} s at most"))
}

fn open() -> io::Result<Watchdog> {
    let device = Path::new(DEVICE);
    match Watchdog::open(device) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            load_spare()?;
            Watchdog::open(device)
        }
        opened => opened,
    }
}

fn load_spare() -> io::Result<()> {
    let failed = modules::load_spare_watchdog(Path::new(modules::LIST))?;
    match failed.into_iter().next() {
        None => Ok(()),
        Some(NotLoaded { source, .. }) => Err(source),
    }
}

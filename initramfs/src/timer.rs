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
pub fn arm(seconds: i32) {
    match open().and_then(|watchdog| watchdog.set_timeout(seconds)) {
        Ok(seconds) => say(Level::Notice, &format!("the watchdog waits for {seconds} s")),
        Err(error) => say(Level::Warning, &format!("no watchdog for {seconds} s: {error}")),
    }
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

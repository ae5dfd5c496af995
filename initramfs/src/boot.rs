//! The order of things.

use std::convert::Infallible;
use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gptprio::SetId;
use handover::EFIVARS;

use crate::booted_set::booted_set;
use crate::command_line::CommandLine;
use crate::console::{Level, say};
use crate::device_mapper;
use crate::failure::{Failure, chain};
use crate::kernel_table::KernelTable;
use crate::modules;
use crate::mounts;
use crate::place::Place;
use crate::search::{SearchError, search};
use crate::system::SystemRoot;
use crate::timer;

/// The name of the verified device.
const DEVICE: &str = "waystone-root";

/// Time between two looks for a disk.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Starts the system of the set that was chosen. Returns only with the reason why that did not work.
///
/// # Errors
///
/// Whatever fails ends the start: no root but the verified one is ever mounted.
pub fn boot() -> Result<Infallible, Failure> {
    mounts::mount_system()?;
    restart_on_panic();
    let line: CommandLine = read("/proc/cmdline")?.parse()?;
    load_modules()?;
    if let Some(seconds) = line.watchdog {
        timer::arm(seconds);
    }
    mounts::mount_efivars()?;
    if let Err(error) = mounts::mount_pstore() {
        say(Level::Warning, &chain(&error));
    }
    let set = booted_set(Path::new(EFIVARS), line.set)?;
    let place = wait_for_place(set, &line)?;
    let table = KernelTable::new(&line.verity, place.root.device, place.hash.device)?;
    let device = device_mapper::create(DEVICE, &table)?;
    mounts::mount_root(&device, &line.filesystem, &line.flags)?;
    announce(set, &place, &line);
    mounts::enter_root()?;
    let error = Command::new(&line.init).args(env::args_os().skip(1)).exec();
    Err(Failure::Start(line.init, error))
}

/// After how many seconds the kernel restarts a machine on which it panicked: 0 for never, below for at once.
const PANIC_SETTING: &str = "/proc/sys/kernel/panic";

/// A kernel that was started without `panic=` would stand still where it should restart.
fn restart_on_panic() {
    let stands_still = fs::read_to_string(PANIC_SETTING).is_ok_and(|text| text.trim_ascii() == "0");
    if stands_still && let Err(error) = fs::write(PANIC_SETTING, "1") {
        say(Level::Warning, &format!("a panic will not restart the machine: {error}"));
    }
}

/// Whether the kernel is known to restart a machine on which it panicked, and soon.
#[must_use]
pub fn restarts_on_panic() -> bool {
    fs::read_to_string(PANIC_SETTING).is_ok_and(|text| is_soon(&text))
}

/// Whether so many seconds are few, and are not for ever.
fn is_soon(seconds: &str) -> bool {
    seconds.trim_ascii().parse::<i32>().is_ok_and(|seconds| seconds != 0 && seconds <= 60)
}

fn load_modules() -> Result<(), Failure> {
    let list = Path::new(modules::LIST);
    let failed = modules::load_all(list).map_err(|error| Failure::Read(list.into(), error))?;
    for modules::NotLoaded { path, source } in failed {
        say(Level::Warning, &format!("cannot load {}: {source}", path.display()));
    }
    Ok(())
}

/// Looks for the image until it is there or there is no hope.
fn wait_for_place(set: SetId, line: &CommandLine) -> Result<Place, SearchError> {
    let (system, start) = (SystemRoot::machine(), Instant::now());
    loop {
        match search(&system, set, &line.verity) {
            Err(error) if start.elapsed() < error.patience() => sleep(LOOK_AGAIN),
            result => return result,
        }
    }
}

fn announce(set: SetId, place: &Place, line: &CommandLine) {
    let (root, hash) = (&place.root.name, &place.hash.name);
    let CommandLine { verity, filesystem, init, .. } = line;
    say(
        Level::Notice,
        &format!(
            "set {set}: root is {root} ({filesystem}), verified with {hash} and root hash {}; starting {}",
            verity.root_hash,
            init.display()
        ),
    );
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error: io::Error| Failure::Read(path.into(), error))
}

/// What is told when it did not work.
#[must_use]
pub fn farewell(failure: &Failure, pause: Duration) -> String {
    format!("cannot boot: {}; restarting in {} s", chain(failure), pause.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_restarts_soon_or_is_not_relied_on() {
        assert!(["1\n", "-1\n", "60"].into_iter().all(is_soon));
        assert!(["0\n", "61", "2147483647\n", "", "x"].into_iter().all(|text| !is_soon(text)));
    }
}

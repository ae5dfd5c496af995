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

/// A kernel that was started without `panic=` would stand still where it should restart.
fn restart_on_panic() {
    const SETTING: &str = "/proc/sys/kernel/panic";
    let stands_still = fs::read_to_string(SETTING).is_ok_and(|text| text.trim_ascii() == "0");
    if stands_still && let Err(error) = fs::write(SETTING, "1") {
        say(Level::Warning, &format!("a panic will not restart the machine: {error}"));
    }
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

//! `cargo xtask demo`: the main job, from a root filesystem to an updated and a rolled-back host.
//!
//! Our programs run as a user would run them, and what they claim is looked at with programs that are not ours:
//! partitions with sgdisk, their contents by their digests.

mod bits;
mod boots;
mod broken;
mod folder;
mod further;
mod guest;
mod host_files;
mod migrations;
mod settings;
mod workshop;

use std::path::PathBuf;

use clap::Args;

use self::broken::Broken;
use crate::Result;
use crate::error::Error;

/// Room that the demo needs without a machine, and with one, in bytes. At its fullest it took 3.3 GiB without one.
const ROOM: [u64; 2] = [4 << 30, 11 << 30];

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Without starting the machine: flips the bits that decide what boots, and shows them
    #[arg(long)]
    no_boot: bool,
    /// Keep everything in this folder (default: work in target/demo and remove it in the end)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// What is wrong with the release that the machine comes back from
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value = "unit",
        conflicts_with = "no_boot"
    )]
    broken: Broken,
    /// Goes on with the machine in --dir: serves its repository, starts it from its disk, until it switches itself off
    #[arg(long = "continue", requires = "dir", conflicts_with_all = ["no_boot", "broken"])]
    go_on: bool,
    /// What the machine that goes on is to do, a command each (default: look for an update and take it)
    #[arg(long = "order", value_name = "COMMAND", requires = "go_on")]
    orders: Vec<String>,
}

/// Shows the whole way through.
///
/// # Errors
///
/// Fails at the first step that fails, or whose result is not as claimed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let [without, with] = ROOM;
    let dir = options.dir.as_deref();
    if let (true, Some(dir)) = (options.go_on, dir) {
        return further::go_on(&folder::Folder::again(dir)?, &options.orders);
    }
    let folder = if options.no_boot {
        let folder = folder::Folder::take(dir, without)?;
        bits::tell(&folder)?;
        folder
    } else {
        has_machine()?;
        let folder = folder::Folder::take(dir, with)?;
        boots::tell(&folder, options.broken)?;
        folder
    };
    folder.leave()
}

/// The machine is of one architecture, and runs what is built for this computer.
fn has_machine() -> Result<()> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(()),
        other => Err(Error::NotYet(format!(
            "the demo's machine is x86_64, and this computer is {other}: run `cargo xtask demo --no-boot`"
        ))),
    }
}

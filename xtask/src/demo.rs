//! `cargo xtask demo`: the main job, from a root filesystem to an updated and a rolled-back host.
//!
//! Our programs run as a user would run them, and what they claim is looked at with programs that are not ours:
//! partitions with sgdisk, their contents by their digests.

mod folder;
mod story;

use std::path::PathBuf;

use clap::Args;

use crate::Result;
use crate::error::Error;

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Without starting the machine: flips the bits that decide what boots, and shows them
    #[arg(long)]
    no_boot: bool,
    /// Keep everything in this folder (default: work in target/demo and remove it in the end)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Shows the whole way through.
///
/// # Errors
///
/// Fails at the first step that fails, or whose result is not as claimed.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_boot {
        return Err(Error::NotYet(
            "the demo cannot start a machine yet: run `cargo xtask demo --no-boot`".to_owned(),
        ));
    }
    let folder = folder::Folder::take(options.dir.as_deref())?;
    story::tell(&folder)?;
    folder.leave()
}

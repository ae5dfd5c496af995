//! Files that stand for the partitions of a peer.
//!
//! Their blocks are there before anything is measured, as those of partitions are.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::measure::Side;
use crate::command::Run;
use crate::error::Error;
use crate::release::{PARTS, Release};
use crate::{Result, place};

/// A file for each part of a set.
#[derive(Debug)]
pub(super) struct Slots([PathBuf; 3]);

impl Slots {
    /// Makes files of a peer that hold one release and have room for another.
    ///
    /// # Errors
    ///
    /// Fails when they cannot be written.
    pub(super) fn make(folder: &Path, peer: &str, old: &Release, new: &Release) -> Result<Self> {
        let slots = PARTS.map(|part| folder.join(format!("{peer}-{part}.img")));
        for (part, slot) in PARTS.iter().zip(&slots) {
            let raw = old.image(part);
            fs::copy(&raw, slot).map_err(Error::file("copy", &raw))?;
            grow(slot, place::length(&new.image(part))?)?;
        }
        Ok(Self(slots))
    }

    /// The files, in the order of the parts.
    pub(super) fn paths(&self) -> [&Path; 3] {
        self.0.each_ref().map(PathBuf::as_path)
    }

    /// The side that copies a release's raw images and flushes them, and checks nothing.
    pub(super) fn dd<'a>(&'a self, new: &'a Release) -> Side<'a> {
        let copy = |(part, slot): (&str, &PathBuf)| {
            let input = format!("if={}", new.image(part).display());
            let output = format!("of={}", slot.display());
            Run::new("dd").args([&input, &output, "bs=4M", "conv=fsync,notrunc"]).shown()
        };
        let run = move || {
            let copies: Vec<_> = PARTS.into_iter().zip(&self.0).map(copy).collect();
            Run::new("sh").args(["-c", &copies.join(" && ")])
        };
        Side { name: "dd", prepare: Box::new(|| Ok(())), run: Box::new(run) }
    }
}

/// Adds zeros up to a length, written out.
fn grow(slot: &Path, wanted: u64) -> Result<()> {
    let missing = wanted.saturating_sub(place::length(slot)?);
    let mut zeros = std::io::Read::take(std::io::repeat(0), missing);
    let grown = File::options().append(true).open(slot).and_then(|mut file| {
        std::io::copy(&mut zeros, &mut file)?;
        file.sync_all()
    });
    grown.map_err(Error::file("grow", slot))
}

//! The peers: what they make of the same two releases, hash partition and all.
//!
//! Each peer gets what is documented for large files: xdelta3 a window as large as the old image, zstd a window of 2 GiB, and level 15, since 19 was not
//! done with one image after four minutes. casync has its defaults;
//! the chunks that the old release does not have travel, and the new index.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cli::ByteCount;

use super::figure::{Figure, Figures};
use super::index;
use crate::bench::measure::{Sample, measure};
use crate::command::Run;
use crate::error::Error;
use crate::packages::find_program;
use crate::release::{PARTS, Release};
use crate::steps::say;
use crate::{Result, place};

/// xdelta3, of which the others are told as parts.
pub(super) const XDELTA3: &str = "xdelta3 -9";

/// zstd, with the old image as a prefix.
const PATCH_FROM: &str = "zstd -15 --patch-from";

/// casync, which ranges are held against.
pub(super) const CASYNC: &str = "casync";

/// What peers work on.
pub(super) struct Task<'a> {
    /// What hosts have.
    pub(super) old: &'a Release,
    /// What they are to have.
    pub(super) new: &'a Release,
    /// Where files may be made.
    pub(super) folder: &'a Path,
    /// Figures of earlier runs.
    pub(super) figures: &'a Figures,
    /// Whether peers that take minutes are left out.
    pub(super) quick: bool,
}

/// A peer, the program that it needs and what runs it.
struct Peer {
    name: &'static str,
    program: &'static str,
    needs: Needs,
    pace: Pace,
    make: fn(&Task<'_>) -> Result<Figure>,
}

/// How long a peer takes for releases of 800 MiB.
#[derive(PartialEq, Eq)]
enum Pace {
    Quick,
    /// Minutes, on two cores.
    Slow,
}

/// On which images a peer's bytes depend.
enum Needs {
    Both,
    New,
}

/// zstd, without an old image.
const EVERYTHING: &str = "zstd -19, all of it";

const PEERS: [Peer; 5] = [
    Peer {
        name: XDELTA3,
        program: "xdelta3",
        needs: Needs::Both,
        pace: Pace::Quick,
        make: xdelta3,
    },
    Peer {
        name: PATCH_FROM,
        program: "zstd",
        needs: Needs::Both,
        pace: Pace::Slow,
        make: patch_from,
    },
    Peer { name: CASYNC, program: "casync", needs: Needs::Both, pace: Pace::Quick, make: casync },
    Peer {
        name: index::NAME,
        program: "mksquashfs",
        needs: Needs::Both,
        pace: Pace::Quick,
        make: index::squashfs,
    },
    Peer {
        name: EVERYTHING,
        program: "zstd",
        needs: Needs::New,
        pace: Pace::Slow,
        make: everything,
    },
];

/// Has all peers that are installed make their updates, and says which are not.
///
/// # Errors
///
/// Fails when a peer does.
pub(super) fn figures(task: &Task<'_>) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for peer in &PEERS {
        match peer.figure(task)? {
            Ok(figure) => figures.push(figure),
            Err(reason) => say(&format!("without {}: {reason}; ", peer.name)),
        }
    }
    Ok(figures)
}

impl Peer {
    /// The peer's figure, or why there is none.
    fn figure(&self, task: &Task<'_>) -> Result<std::result::Result<Figure, String>> {
        if find_program(self.program).is_none() {
            return Ok(Err(format!("{} is not installed", self.program)));
        }
        let inputs = inputs(task, self)?;
        if let Some(figure) = task.figures.earlier(self.name, &inputs) {
            return Ok(Ok(figure));
        }
        if task.quick && self.pace == Pace::Slow {
            return Ok(Err("it takes minutes".to_owned()));
        }
        let folder = task.folder.join("peer");
        place::remove_folder(&folder)?;
        place::make_folder(&folder)?;
        let figure = (self.make)(&task.at(&folder))?;
        task.figures.keep(&figure, &inputs)?;
        place::remove_folder(&folder)?;
        Ok(Ok(figure))
    }
}

/// What a peer's bytes depend on: images, by their digests, and its version.
fn inputs(task: &Task<'_>, peer: &Peer) -> Result<Vec<String>> {
    let releases = match peer.needs {
        Needs::Both => vec![task.old, task.new],
        Needs::New => vec![task.new],
    };
    let digests = releases.into_iter().flat_map(|it| PARTS.map(|part| it.digest(part).to_owned()));
    let version = if peer.program == "xdelta3" { "-V" } else { "--version" };
    let said = Run::new(peer.program).arg(version).accept(&[0, 1]).run()?;
    Ok(digests.chain([said.stdout, said.stderr]).collect())
}

impl Task<'_> {
    fn at<'a>(&'a self, folder: &'a Path) -> Task<'a> {
        Task { folder, ..*self }
    }

    /// Has one run make a file for each part; gives their lengths and what the runs took.
    fn each(&self, name: &str, run: impl Fn(&Path, &Path, &Path) -> Result<Run>) -> Result<Figure> {
        let part = |part| {
            let (old, new, out) = (self.old.image(part), self.new.image(part), self.out(part));
            let sample = measure(run(&old, &new, &out)?)?;
            Ok((ByteCount(place::length(&out)?), sample))
        };
        let parts: Result<Vec<_>> = PARTS.into_iter().map(part).collect();
        Ok(Figure::sum(name, &parts?))
    }

    /// The file that is made for a part.
    pub(super) fn out(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }
}

fn xdelta3(task: &Task<'_>) -> Result<Figure> {
    task.each(XDELTA3, |old, new, out| {
        let window = place::length(old)?.next_power_of_two().to_string();
        let run = Run::new("xdelta3").args(["-e", "-9", "-f", "-B", &window, "-s"]);
        Ok(run.arg(old).arg(new).arg(out))
    })
}

fn patch_from(task: &Task<'_>) -> Result<Figure> {
    task.each(PATCH_FROM, |old, new, out| {
        let from = format!("--patch-from={}", old.display());
        let run = Run::new("zstd").args(["-15", "--long=31", "--quiet", "--force", &from]);
        Ok(run.arg(new).arg("-o").arg(out))
    })
}

fn everything(task: &Task<'_>) -> Result<Figure> {
    task.each(EVERYTHING, |_, new, out| {
        let run = Run::new("zstd").args(["-19", "--threads=2", "--quiet", "--force"]);
        Ok(run.arg(new).arg("-o").arg(out))
    })
}

fn casync(task: &Task<'_>) -> Result<Figure> {
    let [old, new] = ["old", "new"].map(|name| task.folder.join(name));
    index_all(task.old, &old)?;
    let (indexes, samples) = index_all(task.new, &new)?;
    let (had, wanted) = (chunks(&old)?, chunks(&new)?);
    let lacking = wanted.iter().filter(|(name, _)| !had.contains_key(*name));
    let bytes = ByteCount(indexes.0 + lacking.map(|(_, length)| length).sum::<u64>());
    let samples: Vec<_> = samples.into_iter().map(|sample| (ByteCount(0), sample)).collect();
    Ok(Figure { bytes, ..Figure::sum(CASYNC, &samples) })
}

/// Cuts the images of a release into the chunks of a store; gives the length of all indexes.
fn index_all(release: &Release, store: &Path) -> Result<(ByteCount, Vec<Sample>)> {
    let (mut bytes, mut samples) = (0, Vec::new());
    for part in PARTS {
        let index = store.with_extension(format!("{part}.caibx"));
        let run = Run::new("casync").arg("make").arg(format!("--store={}.castr", store.display()));
        samples.push(measure(run.arg(&index).arg(release.image(part)))?);
        bytes += place::length(&index)?;
    }
    Ok((ByteCount(bytes), samples))
}

/// Names and lengths of the chunks in a store.
fn chunks(store: &Path) -> Result<BTreeMap<PathBuf, u64>> {
    let mut chunks = BTreeMap::new();
    let folder = store.with_extension("castr");
    for group in list(&folder)? {
        for chunk in list(&group)? {
            let length = place::length(&chunk)?;
            chunks.insert(chunk.file_name().unwrap_or_default().into(), length);
        }
    }
    Ok(chunks)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file("list", folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<std::io::Result<_>>().map_err(Error::file("list", folder))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_found_by_name_in_all_groups() {
        let folder = tempfile::tempdir().unwrap();
        for (group, chunk, text) in [("00aa", "00aab.cacnk", "12"), ("ffff", "ffffc.cacnk", "1")] {
            let group = folder.path().join("old.castr").join(group);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join(chunk), text).unwrap();
        }
        let found = chunks(&folder.path().join("old")).unwrap();
        let expected = [("00aab.cacnk", 2), ("ffffc.cacnk", 1)];
        assert_eq!(found, expected.map(|(name, length)| (name.into(), length)).into());
    }
}

//! Installing a whole release, against copying the same bytes and against SWUpdate.
//!
//! Ours fetches over HTTP on loopback, verifies, writes to the inactive set of a disk image and reads back. `dd` copies
//! the raw images to preallocated files and flushes, checking nothing. SWUpdate gets its file locally.
//! Before each of our runs the inactive set gets its old content back, so that there is something to write.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use cli::ByteCount;

use super::measure::{self, Missed, Side};
use super::swupdate::{Image, Update};
use crate::Result;
use crate::command::{PROGRAMS, Run, build_programs};
use crate::error::Error;
use crate::host::{Fleet, Host};
use crate::packages::{Need, find_program};
use crate::partition::Partitions;
use crate::release::{self, Release};
use crate::rootfs;
use crate::server::Server;
use crate::steps::{Steps, say};
use crate::{place, setup};

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// The most of dd's time that ours may take.
const TIME: f64 = 2.0;

/// The most memory that ours may take.
const MEMORY: ByteCount = ByteCount(64 << 20);

/// The three images of a release, as files.
const IMAGES: [&str; 3] = ["boot.img", "root.img", "hash.img"];

/// Measures, after everything that is needed was made.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always])?;
    build_programs(&PROGRAMS)?;
    let bed = Bed::make(&place::target().join("bench/install"))?;
    let server = Server::start(&bed.repository, &bed.record)?;
    let url = server.url();
    let fleet = Fleet { repository: &bed.repository, url, disk: &bed.disk, record: &bed.record };
    let host = fleet.host(&bed.folder.join("host"), 0, &bed.old)?;
    let peer = peer(&bed)?;
    let sides = [Some(bed.ours(&host)), Some(bed.dd()), peer.as_ref().map(|it| bed.swupdate(it))];
    let all = measure::in_turns(rounds, &sides.into_iter().flatten().collect::<Vec<_>>())?;
    bed.new.is_in(&bed.disk, 'B')?;
    let mut bars = vec![all[0].time_of(&all[1], Some(TIME)), all[0].memory(MEMORY)];
    bars.extend(all.get(2).map(|swupdate| all[0].time_of(swupdate, None)));
    let title = format!("install: {} of boot, root and hash images", bed.bytes()?);
    Ok(measure::show(&title, &all, &bars))
}

/// The peer's update file, or nothing, said, when the peer is not installed.
fn peer(bed: &Bed) -> Result<Option<Update>> {
    for (program, package) in [("swupdate", "swupdate"), ("zstd", "zstd"), ("openssl", "openssl")] {
        if find_program(program).is_none() {
            say(&format!("without SWUpdate: the Debian package {package} is missing\n"));
            return Ok(None);
        }
    }
    let slots: Vec<PathBuf> = IMAGES.map(|name| bed.slot("swupdate", name)).into();
    let raws: Vec<PathBuf> = IMAGES.map(|name| bed.new.parts.join(name)).into();
    let pairs = raws.iter().zip(&slots).map(|(raw, slot)| Image { raw, slot });
    Update::make(&bed.folder.join("swupdate"), &pairs.collect::<Vec<_>>()).map(Some)
}

/// Everything that is measured upon.
struct Bed {
    folder: PathBuf,
    record: PathBuf,
    repository: PathBuf,
    disk: PathBuf,
    old: Release,
    new: Release,
}

impl Bed {
    /// Root filesystems are kept from run to run; everything else is made anew.
    fn make(folder: &Path) -> Result<Self> {
        place::make_folder(folder)?;
        let mut steps = Steps::new(3);
        let tars = steps.step("root filesystems", || rootfs(&folder.join("rootfs")))?;
        let made = folder.join("made");
        place::remove_folder(&made)?;
        place::make_folder(&made)?;
        let (record, spec) = (made.join("commands.log"), made.join("image.toml"));
        release::write_spec(&spec, release::DEBIAN_INITRAMFS)?;
        let [old, new] = steps.step("images", || {
            let build = |version: &str, tar: &Path| {
                Release::build(&spec, tar, version, &made.join(version), &record)
            };
            Ok(([build(OLD, &tars[0])?, build(NEW, &tars[1])?], String::new()))
        })?;
        let disk = made.join("disk.img");
        let repository = steps.step("repository, disk and slots", || {
            let repository = publish(&made, &new, &record)?;
            let run = Run::ours("image-builder").arg("disk").arg("--parts").arg(&old.parts);
            run.arg("--out").arg(&disk).record(&record).run()?;
            Ok((repository, String::new()))
        })?;
        let bed = Self { folder: made, record, repository, disk, old, new };
        bed.preallocate()?;
        Ok(bed)
    }

    /// Slots of the peers have their blocks before anything is measured, as partitions do.
    fn preallocate(&self) -> Result<()> {
        for name in IMAGES {
            for peer in ["dd", "swupdate"] {
                let raw = self.old.parts.join(name);
                let slot = self.slot(peer, name);
                fs::copy(&raw, &slot).map_err(Error::file("copy", &raw))?;
                let wanted = place::length(&self.new.parts.join(name))?.max(place::length(&raw)?);
                let file = File::options().write(true).open(&slot);
                let grown = file.and_then(|file| {
                    file.set_len(wanted)?;
                    file.sync_all()
                });
                grown.map_err(Error::file("grow", &slot))?;
            }
        }
        Ok(())
    }

    fn slot(&self, peer: &str, name: &str) -> PathBuf {
        self.folder.join(format!("{peer}-{name}"))
    }

    fn bytes(&self) -> Result<ByteCount> {
        let lengths = IMAGES.map(|name| place::length(&self.new.parts.join(name)));
        Ok(ByteCount(lengths.into_iter().sum::<Result<u64>>()?))
    }

    fn ours<'a>(&'a self, host: &'a Host) -> Side<'a> {
        let prepare = || {
            host.forget()?;
            host.signpost(&["clear-inactive"])?;
            Partitions::of(&self.disk)?.fill(
                &self.disk,
                'B',
                "root",
                &self.old.parts.join("root.img"),
            )
        };
        let run = || host.updog_run(&["--quiet", "update-image"]);
        Side { name: "updog", prepare: Box::new(prepare), run: Box::new(run) }
    }

    fn dd(&self) -> Side<'_> {
        let copy = |name: &str| {
            let (input, output) = (self.new.parts.join(name), self.slot("dd", name));
            let (input, output) =
                (format!("if={}", input.display()), format!("of={}", output.display()));
            Run::new("dd").args([&input, &output, "bs=4M", "conv=fsync,notrunc"]).shown()
        };
        let run = move || Run::new("sh").args(["-c", &IMAGES.map(copy).join(" && ")]);
        Side { name: "dd", prepare: Box::new(|| Ok(())), run: Box::new(run) }
    }

    fn swupdate<'a>(&'a self, update: &'a Update) -> Side<'a> {
        let run = || {
            let slots = IMAGES.map(|name| self.slot("swupdate", name));
            update.install(&slots.each_ref().map(PathBuf::as_path))
        };
        Side { name: "swupdate", prepare: Box::new(|| Ok(())), run: Box::new(run) }
    }
}

/// Builds both root filesystems, unless an earlier run did.
fn rootfs(folder: &Path) -> Result<([PathBuf; 2], String)> {
    let tars = [OLD, NEW].map(|version| folder.join(format!("{version}.tar")));
    let done = folder.join("done");
    if done.exists() {
        return Ok((tars, "from an earlier run".to_owned()));
    }
    let said = rootfs::build_pair(folder, [OLD, NEW])?.said()?;
    place::write(&done, "")?;
    Ok((tars, said))
}

/// Makes a repository with one release for everybody.
fn publish(folder: &Path, new: &Release, record: &Path) -> Result<PathBuf> {
    let (repository, keys) = (folder.join("repository"), folder.join("keys"));
    let init = Run::ours("repo-tools").arg("init").arg("--repo").arg(&repository);
    init.arg("--keys").arg(&keys).record(record).run()?;
    let add = Run::ours("repo-tools").args(["release", "add"]).arg("--repo").arg(&repository);
    let add = add.arg("--parts").arg(&new.parts).arg("--keys").arg(&keys);
    add.record(record).run()?;
    Ok(repository)
}

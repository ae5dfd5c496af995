//! Installing a whole release, against copying the same bytes, against SWUpdate and against RAUC.
//!
//! Ours fetches over HTTP on loopback, verifies, writes to the inactive set of a disk image and reads back. `dd` copies
//! the raw images to preallocated files and flushes, checking nothing. SWUpdate and RAUC get their files locally.
//! Before each of our runs the inactive set gets its old content back, so that there is something to write.

use std::path::{Path, PathBuf};

use cli::ByteCount;

use super::measure::{self, Missed, Side};
use super::rauc::Bundle;
use super::slots::Slots;
use super::swupdate::{Image, Update};
use crate::Result;
use crate::command::{PROGRAMS, Run, build_programs};
use crate::host::{Fleet, Host};
use crate::packages::{Need, find_program};
use crate::partition::Partitions;
use crate::release::{self, PARTS, Release};
use crate::rootfs;
use crate::server::Server;
use crate::steps::{Steps, say};
use crate::{place, setup};

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// The most of dd's time that ours may take.
const TIME: f64 = 1.3;

/// The most of a peer's time that ours may take.
const PEERS: [(&str, f64); 2] = [("swupdate", 0.5), ("rauc", 0.3)];

/// The most memory that ours may take.
const MEMORY: ByteCount = ByteCount(64 << 20);

/// Measures, after everything that is needed was made.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    setup::install_peers();
    build_programs(&PROGRAMS)?;
    let bed = Bed::make(&place::target().join("bench/install"))?;
    let server = Server::start(&bed.repository, &bed.record)?;
    let url = server.url();
    let fleet = Fleet { repository: &bed.repository, url, disk: &bed.disk, record: &bed.record };
    let host = fleet.host(&bed.folder.join("host"), 0, &bed.old)?;
    let (dd, peers) = (bed.slots("dd")?, peers(&bed)?);
    let ours = [bed.ours(&host), dd.dd(&bed.new)];
    let sides: Vec<_> = ours.into_iter().chain(peers.iter().map(Peer::side)).collect();
    let all = measure::in_turns(rounds, &sides)?;
    bed.new.is_in(&bed.disk, 'B')?;
    let mut bars = vec![all[0].time_of(&all[1], Some(TIME)), all[0].memory(MEMORY)];
    for (name, limit) in PEERS {
        let peer = all.iter().find(|series| series.name() == name);
        bars.extend(peer.map(|peer| all[0].time_of(peer, Some(limit))));
    }
    let title = format!("install: {} of boot, root and hash images", bed.new.raw_bytes());
    Ok(measure::show(&title, &all, &bars))
}

/// A peer with what it installs.
enum Peer {
    SwUpdate(Update, Slots),
    Rauc(Bundle),
}

impl Peer {
    fn side(&self) -> Side<'_> {
        let (name, run): (_, Box<dyn Fn() -> Run + '_>) = match self {
            Self::SwUpdate(update, slots) => {
                ("swupdate", Box::new(|| update.install(&slots.paths())))
            }
            Self::Rauc(bundle) => ("rauc", Box::new(|| bundle.install())),
        };
        Side { name, prepare: Box::new(|| Ok(())), run }
    }
}

/// The peers that run here; why one does not is said.
fn peers(bed: &Bed) -> Result<Vec<Peer>> {
    let mut peers = Vec::new();
    if is_there("SWUpdate", &["swupdate", "zstd", "openssl"]) {
        let slots = bed.slots("swupdate")?;
        let raws = PARTS.map(|part| bed.new.image(part));
        let pairs = raws.iter().zip(slots.paths()).map(|(raw, slot)| Image { raw, slot });
        let pairs: Vec<_> = pairs.collect();
        let update = Update::make(&bed.folder.join("swupdate"), &pairs)?;
        peers.push(Peer::SwUpdate(update, slots));
    }
    let needed = ["rauc", "mksquashfs", "dbus-run-session", "busctl", "openssl"];
    if is_there("RAUC", &needed) {
        let slots = bed.slots("rauc")?;
        let bundle = Bundle::make(&bed.folder.join("rauc"), &bed.new, &slots)?;
        match bundle.install().run() {
            Ok(_) => peers.push(Peer::Rauc(bundle)),
            // It mounts its bundle, which not every machine lets it do.
            Err(error) => say(&format!("without RAUC: {}\n", rauc_complaint(&error.to_string()))),
        }
    }
    Ok(peers)
}

fn is_there(peer: &str, programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| find_program(program).is_none());
    if let Some(missing) = missing {
        say(&format!("without {peer}: the program {missing} is missing\n"));
    }
    missing.is_none()
}

/// What RAUC's client says in its last error, or else the last line that there is.
fn rauc_complaint(said: &str) -> &str {
    let lines = || said.lines().map(|line| line.trim_start_matches([' ', '|']));
    let last_error = lines().rfind(|line| line.starts_with("LastError"));
    last_error.or_else(|| lines().next_back()).unwrap_or_default()
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
        Ok(Self { folder: made, record, repository, disk, old, new })
    }

    fn slots(&self, peer: &str) -> Result<Slots> {
        Slots::make(&self.folder, peer, &self.old, &self.new)
    }

    fn ours<'a>(&'a self, host: &'a Host) -> Side<'a> {
        let prepare = || {
            host.forget()?;
            host.signpost(&["clear-inactive"])?;
            Partitions::of(&self.disk)?.fill(&self.disk, 'B', "root", &self.old.image("root"))
        };
        let run = || host.updog_run(&["--quiet", "update-image"]);
        Side { name: "updog", prepare: Box::new(prepare), run: Box::new(run) }
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
    // Nothing but whole images, or the running set would have most of it.
    add.args(["--images", "lz4"]).record(record).run()?;
    Ok(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_rauc_says_the_reason_is_told() {
        let said =
            "sh\n  ended with 1\n  | LastError: Failed to mount bundle\n  | rauc-Message: idle";
        assert_eq!(rauc_complaint(said), "LastError: Failed to mount bundle");
        assert_eq!(rauc_complaint("a\nb"), "b");
        assert_eq!(rauc_complaint(""), "");
    }
}

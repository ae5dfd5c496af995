//! Updating from one release to the next: bytes on the way, time and memory, against what peers make of the same images.
//!
//! Two pairs of real root filesystems, as erofs and as ext4. *Patch*: packages that were updated, as perl and openssl. *Big*: kernel, libc and
//! systemd, too. A host that runs the older release takes the newer one over HTTP, by a pack and by ranges alone; a door in front of the server counts
//! the bodies of all answers, metadata and indexes among them. That run is not timed: those that are ask the server itself, in turns with
//! `dd conv=fsync` of the raw images. Before each, the set that is written holds the older release, too.

mod bed;
mod door;
mod figure;
mod index;
mod peers;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cli::ByteCount;

use self::bed::{Bed, Published, Way};
use self::door::Traffic;
use self::figure::{Figure, Figures};
use self::peers::{CASYNC, Task, XDELTA3};
use super::measure::{self, Bar, Missed, Sample, Series};
use super::slots::Slots;
use crate::command::{PROGRAMS, build_programs};
use crate::packages::Need;
use crate::release::{self, Release};
use crate::rootfs::{self, Change};
use crate::steps::Steps;
use crate::{Result, place, setup};

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// What differs, pair by pair.
const CHANGES: [Change; 2] = [Change::Patch, Change::Big];

/// Filesystems of the root image, the default first.
const FILESYSTEMS: [&str; 2] = ["erofs", "ext4"];

/// The most of xdelta3's bytes that an update by a pack may take.
const OF_XDELTA3: f64 = 0.75;

/// The most memory that updog may take.
const MEMORY: ByteCount = ByteCount(64 << 20);

/// The longest that making a pack may take, at the default level.
const MAKING: Duration = Duration::from_secs(60);

/// The most memory that publishing with a pack may take.
const MAKING_MEMORY: ByteCount = ByteCount(256 << 20);

/// One pair of releases, with one filesystem.
struct Case {
    change: Change,
    filesystem: &'static str,
    tars: [PathBuf; 2],
    /// What differs.
    said: String,
    /// Whether peers that take minutes are left out.
    quick: bool,
}

/// What was measured of a case.
struct Measured {
    title: String,
    said: String,
    figures: Vec<Figure>,
    missed: Missed,
}

/// Measures every pair with every filesystem, and shows all bytes in one table at the end.
pub(super) fn run(rounds: u32, quick: bool) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    setup::install_peers();
    build_programs(&PROGRAMS)?;
    let folder = place::target().join("bench/delta");
    let mut pairs = Vec::new();
    let mut steps = Steps::new(CHANGES.len());
    for change in CHANGES {
        pairs.push(steps.step(&format!("root filesystems, {}", change.name()), || {
            let kept = rootfs::kept_change(&folder.join("rootfs"), [OLD, NEW], change)?;
            let said = kept.1.clone();
            Ok((kept, said))
        })?);
    }
    let mut all = Vec::new();
    for filesystem in FILESYSTEMS {
        for (change, (tars, said)) in CHANGES.into_iter().zip(&pairs) {
            let case = Case { change, filesystem, tars: tars.clone(), said: said.clone(), quick };
            all.push(case.run(&folder, rounds)?);
        }
    }
    table::show(&all);
    Ok(all.into_iter().flat_map(|measured| measured.missed).collect())
}

impl Case {
    /// The most of casync's bytes that an update by ranges may take.
    fn of_casync(&self) -> f64 {
        if self.change == Change::Patch { 0.8 } else { 0.9 }
    }

    /// The most of dd's time that an update by a pack may take.
    fn of_dd(&self) -> f64 {
        if self.change == Change::Patch { 1.2 } else { 1.3 }
    }

    fn title(&self) -> String {
        format!("{}, {}", self.change.name(), self.filesystem)
    }

    /// Everything but figures is removed at the end: it has a dozen times the bytes of a root filesystem.
    fn run(&self, folder: &Path, rounds: u32) -> Result<Measured> {
        let made = folder.join("made");
        place::remove_folder(&made)?;
        place::make_folder(&made)?;
        let title = self.title();
        let mut steps = Steps::new(4);
        let [old, new] = steps.step(&format!("{title}: images"), || self.build(&made))?;
        let bed = Bed::make(&made, &old, &new)?;
        let (pack, ranges) = steps.step(&format!("{title}: repositories"), || {
            let (pack, ranges) = (bed.publish(Way::Pack)?, bed.publish(Way::Ranges)?);
            Ok(((pack, ranges), String::new()))
        })?;
        let traffic = steps.step(&format!("{title}: an update of each kind, counted"), || {
            let traffic = [bed.traffic(&pack)?, bed.traffic(&ranges)?];
            Ok((traffic, String::new()))
        })?;
        let peers = steps.step(&format!("{title}: peers"), || {
            let figures = Figures::of(&folder.join("figures"))?;
            let quick = self.quick;
            let task = Task { old: &old, new: &new, folder: &made, figures: &figures, quick };
            let peers = peers::figures(&task)?;
            Ok((peers, String::new()))
        })?;
        let series =
            in_turns(rounds, &bed, [&pack, &ranges], &Slots::make(&made, "dd", &old, &new)?)?;
        let figures = figures(&new, traffic, making(&pack, &ranges), peers);
        let bars = self.bars(&figures, &series, &pack);
        let shown = format!("delta, {title}: {} of boot, root and hash images", new.raw_bytes());
        let missed = measure::show(&shown, &series, &bars);
        drop((pack, ranges));
        place::remove_folder(&made)?;
        Ok(Measured { title, said: self.said.clone(), figures, missed })
    }

    /// Builds both releases.
    fn build(&self, made: &Path) -> Result<([Release; 2], String)> {
        let (record, spec) = (made.join("commands.log"), made.join("image.toml"));
        let more = format!("filesystem = \"{}\"\n{}", self.filesystem, release::DEBIAN_INITRAMFS);
        release::write_spec(&spec, &more)?;
        let build = |version: &str, tar: &Path| {
            Release::build(&spec, tar, version, &made.join(version), &record)
        };
        let [old, new] = &self.tars;
        let (old, new) = (build(OLD, old)?, build(NEW, new)?);
        let said = new.said();
        Ok(([old, new], said))
    }

    fn bars(&self, figures: &[Figure], series: &[Series], pack: &Published) -> Vec<Bar> {
        let of = |bar: Bar, whom: &str| bar.of(&format!("{} {whom}", self.filesystem));
        let figure = |name: &str| figures.iter().find(|figure| figure.name == name);
        let bytes = |way: Way, peer: &str, limit: f64| {
            let ratio = figure(&shown(way))?.of(figure(peer)?);
            Some(of(Bar::ratio(format!("bytes, of {peer}'s"), ratio, Some(limit)), way.name()))
        };
        let made = figure(&shown(Way::Pack)).and_then(|figure| figure.made);
        let seconds = made.map_or(Duration::ZERO, |made| made.wall);
        let publishing = pack.added.peak;
        let text = format!("{:.1} s", seconds.as_secs_f64());
        let limit = format!("at most {} s", MAKING.as_secs());
        let (by_pack, by_ranges, dd) = (&series[0], &series[1], &series[2]);
        let bars = [
            bytes(Way::Pack, XDELTA3, OF_XDELTA3),
            bytes(Way::Ranges, CASYNC, self.of_casync()),
            Some(of(by_pack.time_of(dd, Some(self.of_dd())), "pack")),
            Some(of(by_ranges.time_of(dd, None), "ranges")),
            Some(of(by_pack.memory(MEMORY), "pack")),
            Some(of(by_ranges.memory(MEMORY), "ranges")),
            Some(of(Bar::new("time", &text, &limit, seconds <= MAKING), "making a pack")),
            Some(of(measure::bytes("peak memory", publishing, MAKING_MEMORY), "publishing")),
        ];
        bars.into_iter().flatten().collect()
    }
}

/// Times updates and a plain copy.
fn in_turns(
    rounds: u32,
    bed: &Bed<'_>,
    published: [&Published; 2],
    slots: &Slots,
) -> Result<Vec<Series>> {
    let [pack, ranges] = published;
    let by_pack = bed.host(pack, pack.url())?;
    let by_ranges = bed.host(ranges, ranges.url())?;
    let sides = [bed.side(pack, &by_pack), bed.side(ranges, &by_ranges), bed.dd(slots)];
    measure::in_turns(rounds, &sides)
}

/// What a pack takes beyond publishing without one; memory is that of the whole process.
fn making(pack: &Published, ranges: &Published) -> Sample {
    Sample { wall: pack.added.wall.saturating_sub(ranges.added.wall), peak: pack.added.peak }
}

/// Ours, and those of the peers.
fn figures(new: &Release, traffic: [Traffic; 2], made: Sample, peers: Vec<Figure>) -> Vec<Figure> {
    let [pack, ranges] = traffic;
    let answers = |traffic: Traffic| format!("{} answers", traffic.answers);
    let pack_figure = Figure::new(&shown(Way::Pack), ByteCount(pack.bytes)).remark(&answers(pack));
    let ours = [
        Figure { made: Some(made), ..pack_figure },
        Figure::new(&shown(Way::Ranges), ByteCount(ranges.bytes)).remark(&answers(ranges)),
        Figure::new("whole images", new.transport_bytes()),
    ];
    ours.into_iter().chain(peers).collect()
}

/// One of ours, as it stands in the table.
fn shown(way: Way) -> String {
    format!("updog, {}", way.name())
}

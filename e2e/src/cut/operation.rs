//! Everything that changes a disk or what a host remembers.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gptprio::{SetId, Tries, choose};
use signpost::{Access, Disk};

use super::bed::{Bed, Host, Way};
use super::judge::{chain, versions};
use crate::world::{NEW, OLD};

/// Something that is done to a host, and may be cut anywhere.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub is: &'static str,
    /// How the newer release is published.
    pub way: Way,
    /// Brings a new host to where it begins.
    pub prepare: fn(&Host) -> io::Result<()>,
    /// The set that runs meanwhile.
    pub active: SetId,
    /// What is done, at the same time if it is several things.
    pub doing: Doing,
    /// What holds when it is done.
    pub goal: fn(&Bed, &Host) -> Result<(), String>,
}

/// Who does it.
#[derive(Clone, Copy, Debug)]
pub enum Doing {
    /// Our programs, each with its words.
    Programs(&'static [&'static [&'static str]]),
    /// The boot selector.
    Selector,
}

impl Operation {
    /// How often a second program begins later, in steps of the first one's length; not at all if there is none.
    pub(super) fn turns(&self) -> usize {
        match self.doing {
            Doing::Programs(programs) if programs.len() > 1 => 5,
            _ => 0,
        }
    }
}

/// Every operation.
pub const ALL: &[Operation] = &[
    Operation {
        name: "image-full",
        is: "update-image, of whole images, on a host that has nothing yet",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-ranges",
        is: "update-image, of ranges of frames",
        way: Way::Frames,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-pack",
        is: "update-image, of a pack",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-over-good",
        is: "update-image over a set that was good",
        way: Way::Frames,
        prepare: other_is_good,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-damaged",
        is: "update-image over a set that holds the same release, staged, and is damaged",
        way: Way::Frames,
        prepare: image_damaged,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-resumed",
        is: "update-image after one that was killed half-way",
        way: Way::Pack,
        prepare: half_written,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "image-table-repaired",
        is: "update-image on a disk whose first copy of the table is damaged",
        way: Way::Images,
        prepare: damaged_table,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"]]),
        goal: staged,
    },
    Operation {
        name: "apply",
        is: "update-apply",
        way: Way::Images,
        prepare: image,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-apply"]]),
        goal: boots_new,
    },
    Operation {
        name: "apply-table-repaired",
        is: "update-apply on a disk whose first copy of the table is damaged",
        way: Way::Images,
        prepare: image_and_damaged_table,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-apply"]]),
        goal: boots_new,
    },
    Operation {
        name: "update",
        is: "update: all of it at once",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update"]]),
        goal: boots_new,
    },
    Operation {
        name: "revert",
        is: "update-revert",
        way: Way::Images,
        prepare: applied,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-revert"]]),
        goal: boots_old,
    },
    Operation {
        name: "rollback",
        is: "rollback from a set that is good",
        way: Way::Images,
        prepare: updated,
        active: SetId::B,
        doing: Doing::Programs(&[&["updog", "rollback"]]),
        goal: boots_old,
    },
    Operation {
        name: "mark",
        is: "mark-successful-boot",
        way: Way::Images,
        prepare: started,
        active: SetId::B,
        doing: Doing::Programs(&[&["signpost", "mark-successful-boot"]]),
        goal: is_good,
    },
    Operation {
        name: "health",
        is: "health: a boot that is proven, with its entry in the ledger",
        way: Way::Images,
        prepare: started,
        active: SetId::B,
        doing: Doing::Programs(&[&["updog", "health"]]),
        goal: is_good,
    },
    Operation {
        name: "selector",
        is: "the boot selector spends a try",
        way: Way::Images,
        prepare: applied,
        active: SetId::A,
        doing: Doing::Selector,
        goal: try_is_spent,
    },
    Operation {
        name: "selector-repairs",
        is: "the boot selector spends a try and repairs the table",
        way: Way::Images,
        prepare: applied_and_damaged_table,
        active: SetId::A,
        doing: Doing::Selector,
        goal: try_is_spent,
    },
    Operation {
        name: "rewrite-table",
        is: "rewrite-table on a disk whose first copy of the table is damaged",
        way: Way::Images,
        prepare: damaged_table,
        active: SetId::A,
        doing: Doing::Programs(&[&["signpost", "rewrite-table"]]),
        goal: boots_old,
    },
    Operation {
        name: "trust",
        is: "check-update: newer metadata of all roles",
        way: Way::Images,
        prepare: trusts_older,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "check-update"]]),
        goal: trusts_newest,
    },
    Operation {
        name: "trust-first",
        is: "check-update on a host that trusts nothing but its root",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "check-update"]]),
        goal: trusts_newest,
    },
    Operation {
        name: "keep",
        is: "prepare: what the next boot needs is kept, in the place of what was",
        way: Way::Images,
        prepare: kept_other,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "prepare"]]),
        goal: keeps,
    },
    Operation {
        name: "two-at-once",
        is: "update-image, and mark-successful-boot beside it",
        way: Way::Pack,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[
            &["updog", "update-image"],
            &["signpost", "mark-successful-boot"],
        ]),
        goal: something_boots,
    },
    Operation {
        name: "two-updates",
        is: "update, twice at the same time",
        way: Way::Images,
        prepare: nothing,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update"], &["updog", "update"]]),
        goal: something_boots,
    },
    Operation {
        name: "check-and-update",
        is: "update-image, and check-update beside it",
        way: Way::Frames,
        prepare: trusts_older,
        active: SetId::A,
        doing: Doing::Programs(&[&["updog", "update-image"], &["updog", "check-update"]]),
        goal: something_boots,
    },
];

fn nothing(_: &Host) -> io::Result<()> {
    Ok(())
}

fn image(host: &Host) -> io::Result<()> {
    host.must(SetId::A, &["updog", "update-image"])
}

fn applied(host: &Host) -> io::Result<()> {
    image(host)?;
    host.must(SetId::A, &["updog", "update-apply"])
}

fn started(host: &Host) -> io::Result<()> {
    applied(host)?;
    match host.start(SetId::A)? {
        SetId::B => Ok(()),
        SetId::A => Err(io::Error::other("the update does not boot")),
    }
}

fn updated(host: &Host) -> io::Result<()> {
    started(host)?;
    host.must(SetId::B, &["updog", "health"])
}

/// Set A runs again, and set B is good.
fn other_is_good(host: &Host) -> io::Result<()> {
    updated(host)?;
    host.must(SetId::B, &["updog", "rollback"])?;
    match host.start(SetId::B)? {
        SetId::A => {
            // Not what was written is wanted, but that it is written again.
            fs::remove_dir_all(host.path("state"))?;
            host.must(SetId::A, &["signpost", "mark-successful-boot"])
        }
        SetId::B => Err(io::Error::other("the older set does not boot")),
    }
}

/// What lies in set B is staged, and a block of it went bad.
fn image_damaged(host: &Host) -> io::Result<()> {
    image(host)?;
    let disk = Disk::open(&host.disk(), Access::Write).map_err(io::Error::other)?;
    let layout = disk.layout().set(SetId::B).copied();
    let layout = layout.ok_or_else(|| io::Error::other("there is no set B"))?;
    let file = File::options().write(true).open(host.disk())?;
    file.write_all_at(b"damaged", layout.root.start + (100 << 10))
}

/// The first half of what an update writes lies in set B, without its tree.
fn half_written(host: &Host) -> io::Result<()> {
    image(host)?;
    let disk = Disk::open(&host.disk(), Access::Write).map_err(io::Error::other)?;
    let layout = disk.layout().set(SetId::B).copied();
    let layout = layout.ok_or_else(|| io::Error::other("there is no set B"))?;
    let file = File::options().write(true).open(host.disk())?;
    let zeros = vec![0; 400 << 10];
    file.write_all_at(&zeros[..4096], layout.hash.start)?;
    file.write_all_at(&zeros, layout.root.start + (200 << 10))?;
    drop(disk);
    host.must(SetId::A, &["signpost", "clear-inactive"])?;
    fs::remove_dir_all(host.path("state"))
}

fn damaged_table(host: &Host) -> io::Result<()> {
    let file = File::options().write(true).open(host.disk())?;
    file.write_all_at(b"damaged", 512 + 40)
}

fn image_and_damaged_table(host: &Host) -> io::Result<()> {
    image(host)?;
    damaged_table(host)
}

fn applied_and_damaged_table(host: &Host) -> io::Result<()> {
    applied(host)?;
    damaged_table(host)
}

/// What the repository said before it was signed again.
fn trusts_older(host: &Host) -> io::Result<()> {
    host.trust_earlier()
}

/// Something else was kept before.
fn kept_other(host: &Host) -> io::Result<()> {
    host.must(SetId::A, &["updog", "prepare"])?;
    let link = host.path("migrations/current");
    let generation = host.path("migrations").join(fs::read_link(&link)?);
    // A generation that holds more than it should is made anew.
    let targets = generation.join("targets");
    let name = fs::read_dir(&targets)?.next().transpose()?;
    let name = name.ok_or_else(|| io::Error::other("nothing is kept"))?.path();
    fs::copy(&name, generation.join("metadata/other.json")).map(drop)
}

fn open(host: &Host) -> Result<Disk, String> {
    Disk::open(&host.disk(), Access::Read).map_err(|error| chain(&error))
}

fn next(host: &Host, wanted: SetId) -> Result<(), String> {
    let sets = open(host)?.sets();
    let next = choose(&sets).map(|choice| choice.set);
    if next == Some(wanted) { Ok(()) } else { Err(format!("set {wanted} does not boot next")) }
}

/// Whether set B holds the newer release, byte for byte.
fn holds_new(bed: &Bed, host: &Host) -> Result<(), String> {
    let disk = open(host)?;
    let layout = disk.layout().set(SetId::B).ok_or("there is no set B")?;
    let releases = bed.releases();
    let new = releases.iter().find(|release| release.version == NEW).ok_or("nothing is new")?;
    let parts = [(layout.boot, &new.boot), (layout.root, &new.root), (layout.hash, &new.hash)];
    for (range, image) in parts {
        let mut bytes = vec![0; image.len()];
        let read = disk.file().read_exact_at(&mut bytes, range.start);
        read.map_err(|error| error.to_string())?;
        if bytes != *image {
            return Err(format!("set B is not {NEW}"));
        }
    }
    Ok(())
}

fn staged(bed: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::A)?;
    holds_new(bed, host)?;
    let bits = open(host)?.sets().bits(SetId::B);
    if bits.is_none_or(|bits| bits.tries == Tries::ZERO) {
        return Err("set B has no tries".to_owned());
    }
    let staged = updog::staged::Staged::read(&host.path("state")).map_err(|error| chain(&error))?;
    match staged {
        Some(staged) if staged.version.to_string() == NEW && staged.set == SetId::B => Ok(()),
        other => Err(format!("the record of what is staged is {other:?}")),
    }
}

fn boots_new(bed: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::B)?;
    holds_new(bed, host)?;
    let ledger = updog::boots::file::read(&host.path("state")).map_err(|error| chain(&error))?;
    let noted = ledger.attempts.iter().any(|one| one.version.to_string() == NEW);
    if noted { Ok(()) } else { Err("the ledger says nothing of it".to_owned()) }
}

fn boots_old(_: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::A)
}

fn is_good(_: &Bed, host: &Host) -> Result<(), String> {
    next(host, SetId::B)?;
    let bits = open(host)?.sets().bits(SetId::B);
    match bits {
        Some(bits) if bits.successful => Ok(()),
        other => Err(format!("set B is not marked good: {other:?}")),
    }
}

/// Every update has one try, and the selector started it.
fn try_is_spent(_: &Bed, host: &Host) -> Result<(), String> {
    match open(host)?.sets().bits(SetId::B) {
        Some(bits) if bits.tries == Tries::ZERO && !bits.successful => Ok(()),
        other => Err(format!("set B was started, and its try is not spent: {other:?}")),
    }
}

fn something_boots(_: &Bed, host: &Host) -> Result<(), String> {
    let sets = open(host)?.sets();
    choose(&sets).map(drop).ok_or_else(|| format!("nothing boots: {sets:?}"))
}

fn trusts_newest(bed: &Bed, host: &Host) -> Result<(), String> {
    let found = versions(&host.path("cache"))?;
    let repository = updog_repository(bed, host)?;
    for (name, version) in newest(&repository)? {
        if found.get(&name) != Some(&version) {
            return Err(format!("{name} is {:?} and not {version}", found.get(&name)));
        }
    }
    Ok(())
}

/// The repository that a host asks.
fn updog_repository(bed: &Bed, host: &Host) -> Result<PathBuf, String> {
    let text = fs::read_to_string(host.path("updog.toml")).map_err(|error| error.to_string())?;
    let way = Way::ALL.into_iter().find(|way| {
        let folder = bed.repository(*way);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        text.contains(&format!("/{name}/metadata/"))
    });
    way.map(|way| bed.repository(way)).ok_or_else(|| "an unknown repository".to_owned())
}

/// The newest versions in a repository.
fn newest(repository: &Path) -> Result<super::judge::Floors, String> {
    let metadata = repository.join("metadata");
    let mut newest = super::judge::Floors::new();
    for entry in fs::read_dir(&metadata).map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        let name = name.to_string_lossy().into_owned();
        let (version, file) = match name.split_once('.') {
            Some((number, file)) if number.parse::<u64>().is_ok() => {
                (number.parse().unwrap_or(0), file.to_owned())
            }
            _ => continue,
        };
        let known = newest.entry(file).or_insert(0);
        *known = version.max(*known);
    }
    Ok(newest)
}

fn keeps(_: &Bed, host: &Host) -> Result<(), String> {
    let root = fs::read(host.path("root.json")).map_err(|error| error.to_string())?;
    let kept = updog::kept::load(&host.path("migrations"), &root).map_err(|error| chain(&error))?;
    match kept {
        Some(kept) if kept.migrations.len() == 1 => Ok(()),
        other => Err(format!("from {OLD} to {NEW} {other:?} is kept")),
    }
}

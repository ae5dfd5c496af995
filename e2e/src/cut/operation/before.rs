//! Where operations begin.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use gptprio::SetId;
use signpost::{Access, Disk};

use crate::cut::bed::{Bed, Host};
use crate::world::OLD;

pub(super) fn nothing(_: &Bed, _: &Host) -> io::Result<()> {
    Ok(())
}

pub(super) fn image(_: &Bed, host: &Host) -> io::Result<()> {
    host.must(SetId::A, &["updog", "update-image"])
}

pub(super) fn applied(bed: &Bed, host: &Host) -> io::Result<()> {
    image(bed, host)?;
    host.must(SetId::A, &["updog", "update-apply"])
}

pub(super) fn started(bed: &Bed, host: &Host) -> io::Result<()> {
    applied(bed, host)?;
    match host.start(SetId::A)? {
        SetId::B => Ok(()),
        SetId::A => Err(io::Error::other("the update does not boot")),
    }
}

pub(super) fn updated(bed: &Bed, host: &Host) -> io::Result<()> {
    started(bed, host)?;
    host.must(SetId::B, &["updog", "health"])
}

/// Set A runs again, and set B is good.
pub(super) fn other_is_good(bed: &Bed, host: &Host) -> io::Result<()> {
    updated(bed, host)?;
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
pub(super) fn image_damaged(bed: &Bed, host: &Host) -> io::Result<()> {
    image(bed, host)?;
    let disk = Disk::open(&host.disk(), Access::Write).map_err(io::Error::other)?;
    let layout = disk.layout().set(SetId::B).copied();
    let layout = layout.ok_or_else(|| io::Error::other("there is no set B"))?;
    let file = File::options().write(true).open(host.disk())?;
    file.write_all_at(b"damaged", layout.root.start + (100 << 10))
}

/// The first half of what an update writes lies in set B, without its tree.
pub(super) fn half_written(bed: &Bed, host: &Host) -> io::Result<()> {
    image(bed, host)?;
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

pub(super) fn damaged_table(_: &Bed, host: &Host) -> io::Result<()> {
    let file = File::options().write(true).open(host.disk())?;
    file.write_all_at(b"damaged", 512 + 40)
}

pub(super) fn image_and_damaged_table(bed: &Bed, host: &Host) -> io::Result<()> {
    image(bed, host)?;
    damaged_table(bed, host)
}

pub(super) fn applied_and_damaged_table(bed: &Bed, host: &Host) -> io::Result<()> {
    applied(bed, host)?;
    damaged_table(bed, host)
}

/// What the repository said before it was signed again.
pub(super) fn trusts_older(_: &Bed, host: &Host) -> io::Result<()> {
    host.trust_earlier()
}

/// Something else was kept before.
pub(super) fn kept_other(_: &Bed, host: &Host) -> io::Result<()> {
    host.must(SetId::A, &["updog", "prepare"])?;
    let link = host.path("migrations/current");
    let generation = host.path("migrations").join(fs::read_link(&link)?);
    // A generation that holds more than it should is made anew.
    let targets = generation.join("targets");
    let name = fs::read_dir(&targets)?.next().transpose()?;
    let name = name.ok_or_else(|| io::Error::other("nothing is kept"))?.path();
    fs::copy(&name, generation.join("metadata/other.json")).map(drop)
}

/// The images of the first release lie beside a disk that is to be made.
pub(super) fn parts(bed: &Bed, host: &Host) -> io::Result<()> {
    let to = host.path("parts");
    fs::create_dir(&to)?;
    for entry in fs::read_dir(bed.parts(OLD))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

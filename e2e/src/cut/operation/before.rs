//! Where operations begin.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, symlink};
use std::process::Command;

use gptprio::SetId;
use signpost::{Access, Disk};

use crate::cut::bed::{Bed, Host};
use crate::programs;
use crate::world::{NEW, OLD};

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

/// Migrations are kept, and there are settings.
pub(super) fn has_settings(_: &Bed, host: &Host) -> io::Result<()> {
    host.must(SetId::A, &["updog", "prepare"])?;
    let (folder, store) = (host.path("datastore"), format!("v{OLD}_0123456789abcdef"));
    fs::create_dir(&folder)?;
    let golden =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/datastore/v1.5.2_0123456789abcdef");
    let mut copy = Command::new("cp");
    let copied = programs::finished(copy.arg("-r").arg(golden).arg(folder.join(&store)));
    if copied.code != 0 {
        return Err(io::Error::other(copied.stderr));
    }
    let patch = format!("v{OLD}");
    let links =
        [(patch.as_str(), store.as_str()), ("v1.0", &patch), ("v1", "v1.0"), ("current", "v1")];
    links.into_iter().try_for_each(|(link, to)| symlink(to, folder.join(link)))
}

/// The settings were carried over.
pub(super) fn has_new_settings(bed: &Bed, host: &Host) -> io::Result<()> {
    has_settings(bed, host)?;
    host.must(SetId::A, MIGRATE)
}

/// The settings were carried over, on a host that never had an older release.
pub(super) fn has_only_new_settings(bed: &Bed, host: &Host) -> io::Result<()> {
    has_new_settings(bed, host)?;
    let folder = host.path("datastore");
    [format!("v{OLD}"), "v1.0".into()]
        .iter()
        .try_for_each(|link| fs::remove_file(folder.join(link)))
}

/// The settings were carried over, and one of them was changed since.
pub(super) fn has_changed_settings(bed: &Bed, host: &Host) -> io::Result<()> {
    has_new_settings(bed, host)?;
    let path = host.path("datastore").join("current/live/settings/network/hostname");
    fs::write(path, CHANGED)
}

/// What was changed is kept aside.
pub(super) fn has_kept_aside(bed: &Bed, host: &Host) -> io::Result<()> {
    has_changed_settings(bed, host)?;
    host.must(SetId::A, MIGRATE_BACK)
}

/// What a setting was changed to.
pub(super) const CHANGED: &str = "\"worker-9\"";

/// Another run was cut while migrations worked.
pub(super) fn has_half_settings(bed: &Bed, host: &Host) -> io::Result<()> {
    has_settings(bed, host)?;
    let folder = host.path("datastore");
    fs::create_dir(folder.join(".migrator-work"))?;
    fs::write(folder.join(".migrator-work/half"), "{")?;
    let store = folder.join(format!("v{NEW}_abcdef0123456789"));
    fs::create_dir_all(store.join("live/settings"))?;
    symlink("v1.1", folder.join(".migrator-new-v1"))
}

/// What a boot of the newer release does.
pub(super) const MIGRATE: &[&str] = &migrator(NEW);

/// What a boot of the older one does.
pub(super) const MIGRATE_BACK: &[&str] = &migrator(OLD);

const fn migrator(version: &'static str) -> [&'static str; 11] {
    [
        "migrator",
        "--datastore-path",
        "/datastore/current",
        "--migration-directory",
        "/migrations/current/targets",
        "--metadata-directory",
        "/migrations/current/metadata",
        "--root-path",
        "/root.json",
        "--migrate-to-version",
        version,
    ]
}

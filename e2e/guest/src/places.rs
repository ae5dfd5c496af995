//! Where a host keeps what changes: a filesystem on the disk's last partition, and memory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

/// What both sets share: the partition for data is the last of the disk.
pub(crate) const STATE: &str = "/var";

/// What no restart outlives.
const PASSING: [&str; 2] = ["/run", "/tmp"];

/// Mounts all of them.
///
/// # Errors
///
/// Fails when the disk has no such filesystem, or the root no folder for it.
pub(crate) fn mount_all() -> io::Result<()> {
    let careful = MountFlags::NOSUID | MountFlags::NODEV;
    for place in PASSING {
        mount("tmpfs", place, "tmpfs", careful, None)?;
    }
    let device = last_partition()?;
    mount(&device, STATE, "ext4", careful, None)
        .map_err(|errno| io::Error::other(format!("cannot mount {}: {errno}", device.display())))?;
    for folder in ["cache", "lib"] {
        fs::create_dir_all(Path::new(STATE).join(folder))?;
    }
    println!("guest: state is on {}", device.display());
    Ok(())
}

/// The node of the partition with the highest number. A machine with more than one disk has no use for it.
fn last_partition() -> io::Result<PathBuf> {
    let mut last = None;
    for entry in fs::read_dir("/sys/class/block")? {
        let entry = entry?;
        // Whole disks have no number.
        let Ok(number) = fs::read_to_string(entry.path().join("partition")) else { continue };
        let number: u32 = number.trim().parse().map_err(io::Error::other)?;
        last = last.max(Some((number, entry.file_name())));
    }
    let (_, name) = last.ok_or_else(|| io::Error::other("the machine has no partitions"))?;
    Ok(PathBuf::from("/dev").join(name))
}

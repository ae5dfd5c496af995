//! The root filesystem of the tiny system.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::case::Failure;
use super::debian::vmlinuz;

/// What the guest reads: this many blocks, each with its number at its start.
const PAYLOAD_BLOCKS: usize = 512;

/// Kernel modules that a system of this kind needs at most: folders, and single ones of the large folders.
const MODULES: [&str; 12] = [
    "arch/x86/crypto",
    "drivers/block",
    "drivers/firmware",
    "drivers/md",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
    "drivers/virtio",
    "drivers/watchdog",
    "fs/efivarfs",
    "fs/erofs",
    "lib",
    "net/core/failover.ko",
];

/// Folders of a root filesystem of this kind.
const FOLDERS: [&str; 12] = [
    "boot",
    "dev",
    "etc",
    "proc",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr/bin",
    "usr/lib/updog/health.d",
    "usr/share/guest",
    "var",
];

/// Makes it in `folder`: the guest's program, something to read, a kernel and some of its modules.
///
/// # Errors
///
/// Fails if something cannot be read or written.
pub(super) fn make(folder: &Path, kernel: &Path, guest: &Path) -> Result<(), Failure> {
    let vmlinuz = vmlinuz(kernel)?;
    let fill = || -> io::Result<()> {
        for name in FOLDERS {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::copy(&vmlinuz, folder.join("boot").join(vmlinuz.file_name().unwrap_or_default()))?;
        fs::copy(guest, folder.join("sbin/init"))?;
        fs::write(folder.join("etc/os-release"), "ID=tiny\n")?;
        fs::write(folder.join("usr/share/guest/payload"), payload())?;
        copy_modules(&kernel.join("lib/modules"), &folder.join("lib/modules"))
    };
    fill().map_err(|cause| Failure::io("make", folder, &cause))
}

/// The file that the guest reads.
fn payload() -> Vec<u8> {
    (0..PAYLOAD_BLOCKS)
        .flat_map(|block| mark(block).into_bytes().into_iter().cycle().take(4096))
        .collect()
}

/// What a block of it begins with.
pub(super) fn mark(block: usize) -> String {
    format!("waystone payload block {block:06}\n")
}

/// The index of all modules, and those that are needed.
pub(super) fn copy_modules(from: &Path, to: &Path) -> io::Result<()> {
    for release in fs::read_dir(from)? {
        let release = release?;
        let (from, to) = (release.path(), to.join(release.file_name()));
        fs::create_dir_all(&to)?;
        for name in ["modules.dep", "modules.builtin"] {
            fs::copy(from.join(name), to.join(name))?;
        }
        for name in MODULES {
            copy(&from.join("kernel").join(name), &to.join("kernel").join(name))?;
        }
    }
    Ok(())
}

/// Copies a file, a link, or a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if !from.is_dir() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

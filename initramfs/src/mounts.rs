//! What is mounted, and the step into the root filesystem.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use handover::EFIVARS;
use rustix::mount::{MountFlags, mount, mount_move};
use rustix::process::{chdir, chroot};
use thiserror::Error;

/// Where the root filesystem is mounted before it becomes the root.
const ROOT: &str = "/root";

/// Where the kernel shows what it said before an earlier restart.
const PSTORE: &str = "/sys/fs/pstore";

/// What programs find in every system, in the order in which it is moved: what it is, its type, where it is, its flags.
const SYSTEM: [(&str, &str, MountFlags); 3] = [
    ("proc", "/proc", CAREFUL),
    ("sysfs", "/sys", CAREFUL),
    ("devtmpfs", "/dev", MountFlags::NOSUID.union(MountFlags::NOEXEC)),
];

/// Nothing on it is a program or a device.
const CAREFUL: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Why something could not be mounted.
#[derive(Debug, Error)]
pub enum MountError {
    /// A folder could not be made to mount on.
    #[error("cannot make the folder {}", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// It could not be mounted.
    #[error("cannot mount {what} on {}", on.display())]
    Mount {
        /// What was to be mounted.
        what: String,
        /// Where.
        on: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// What is mounted could not be taken along.
    #[error("cannot move {} to {}: the image needs such a folder", from.display(), to.display())]
    Move {
        /// Where it is.
        from: PathBuf,
        /// Where it was to be.
        to: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The root filesystem could not become the root.
    #[error("cannot make {ROOT} the root")]
    Enter(#[source] io::Error),
}

/// Mounts what programs find in every system.
///
/// # Errors
///
/// Fails when one of them cannot be mounted.
pub fn mount_system() -> Result<(), MountError> {
    SYSTEM.iter().try_for_each(|(kind, on, flags)| mount_at(kind, Path::new(on), kind, *flags, ""))
}

/// Mounts the firmware's variables, on a machine that was started by UEFI.
///
/// # Errors
///
/// Fails when there are some and they cannot be mounted.
pub fn mount_efivars() -> Result<(), MountError> {
    mount_where_it_is("efivarfs", EFIVARS)
}

/// Mounts what kernels have said when they panicked, where they could keep it.
///
/// # Errors
///
/// Fails when there is such a thing and it cannot be mounted.
pub fn mount_pstore() -> Result<(), MountError> {
    mount_where_it_is("pstore", PSTORE)
}

fn mount_where_it_is(kind: &str, on: &str) -> Result<(), MountError> {
    let on = Path::new(on);
    if on.exists() { mount_at(kind, on, kind, CAREFUL, "") } else { Ok(()) }
}

/// Mounts a device read-only as what will be the root.
///
/// # Errors
///
/// Fails when the kernel cannot mount it.
pub fn mount_root(device: &Path, filesystem: &str, options: &str) -> Result<(), MountError> {
    let what = device.display().to_string();
    mount_at(&what, Path::new(ROOT), filesystem, MountFlags::RDONLY, options)
}

/// Takes what is mounted along and makes the root filesystem the root.
///
/// # Errors
///
/// Fails when the root filesystem lacks a folder for it.
pub fn enter_root() -> Result<(), MountError> {
    for (_, from, _) in SYSTEM {
        let to = Path::new(ROOT).join(from.trim_start_matches('/'));
        mount_move(from, &to).map_err(|errno| MountError::Move {
            from: from.into(),
            to,
            source: errno.into(),
        })?;
    }
    let enter = || {
        chdir(ROOT)?;
        mount_move(".", "/")?;
        chroot(".")?;
        chdir("/")
    };
    enter().map_err(|errno| MountError::Enter(errno.into()))
}

fn mount_at(
    what: &str,
    on: &Path,
    filesystem: &str,
    flags: MountFlags,
    options: &str,
) -> Result<(), MountError> {
    let fault = |source| MountError::Mount { what: what.to_owned(), on: on.to_owned(), source };
    if !on.exists() {
        fs::create_dir_all(on).map_err(|source| MountError::Folder(on.to_owned(), source))?;
    }
    let options = CString::new(options).map_err(|error| fault(error.into()))?;
    mount(what, on, filesystem, flags, options.as_c_str()).map_err(|errno| fault(errno.into()))
}

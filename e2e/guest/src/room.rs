//! A state folder that has no room, or cannot be written.

use std::fs::{self, File};
use std::io::{self, Write};

use rustix::mount::{MountFlags, mount_remount};

use crate::places::STATE;

/// What takes all the room.
const BALLAST: &str = "/var/ballast";

/// Fills the filesystem of the state to the last byte.
///
/// # Errors
///
/// Fails when something else than room is lacking.
pub(crate) fn fill() -> io::Result<()> {
    let mut file = File::create(BALLAST)?;
    let mut total = 0;
    for size in [1 << 16, 1 << 10] {
        let piece = vec![0x55; size];
        total += write_until_full(&mut file, &piece)?;
    }
    println!("guest: filled the state with {total} bytes");
    Ok(())
}

fn write_until_full(file: &mut File, piece: &[u8]) -> io::Result<usize> {
    let mut total = 0;
    loop {
        match file.write(piece).and_then(|count| file.sync_data().map(|()| count)) {
            Ok(count) => total += count,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(total),
            Err(error) => return Err(error),
        }
    }
}

/// Makes room again.
///
/// # Errors
///
/// Fails when the filesystem does.
pub(crate) fn free() -> io::Result<()> {
    fs::remove_file(BALLAST)?;
    rustix::fs::sync();
    Ok(())
}

/// Mounts the state so that it can be read only, or written again.
///
/// # Errors
///
/// Fails when the kernel refuses.
pub(crate) fn remount(read_only: bool) -> io::Result<()> {
    let careful = MountFlags::NOSUID | MountFlags::NODEV;
    let flags = if read_only { careful | MountFlags::RDONLY } else { careful };
    Ok(mount_remount(STATE, flags, c"")?)
}

//! Reading what is on the medium rather than in the page cache.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use rustix::fs::{Advice, OFlags, fadvise};

/// What direct reads are aligned to, in memory and on the disk: enough for every device that Linux knows.
const ALIGNMENT: usize = 4096;
const ALIGNMENT_ON_DISK: u64 = 4096;

/// A second way to an open disk that goes around the page cache.
#[derive(Debug)]
pub(crate) struct Uncached(Way);

#[derive(Debug)]
enum Way {
    /// Opened with `O_DIRECT`.
    Direct(File),
    /// The pages were dropped; what is read now comes from the medium.
    Dropped(File),
}

impl Uncached {
    /// Opens the very file that is open, whatever its name means by now.
    pub(crate) fn reopen(file: &File) -> io::Result<Self> {
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        let direct = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
        match OpenOptions::new().read(true).custom_flags(direct).open(name) {
            Ok(reopened) => Ok(Self(Way::Direct(reopened))),
            Err(_) => {
                let duplicate = file.try_clone()?;
                fadvise(&duplicate, 0, None, Advice::DontNeed)?;
                Ok(Self(Way::Dropped(duplicate)))
            }
        }
    }

    /// Fills `buffer` from `offset`.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.0 {
            Way::Direct(file) => read_direct(file, buffer, offset),
            Way::Dropped(file) => file.read_exact_at(buffer, offset),
        }
    }
}

/// Reads the aligned range around the wanted one into an aligned buffer.
fn read_direct(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let lead = usize::try_from(offset % ALIGNMENT_ON_DISK).map_err(io::Error::other)?;
    let length = (lead + buffer.len()).next_multiple_of(ALIGNMENT);
    let mut memory = vec![0; length + ALIGNMENT];
    let skip = memory.as_ptr().align_offset(ALIGNMENT);
    let aligned = memory.get_mut(skip..skip + length).ok_or(io::ErrorKind::OutOfMemory)?;
    let read = read_up_to(file, aligned, offset - offset % ALIGNMENT_ON_DISK)?;
    let wanted = aligned[..read].get(lead..lead + buffer.len());
    buffer.copy_from_slice(wanted.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

/// Reads until the buffer is full or the disk ends. A short read that breaks the alignment can only be at the end.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() && filled % 512 == 0 {
        let place = offset + u64::try_from(filled).map_err(io::Error::other)?;
        match file.read_at(&mut buffer[filled..], place) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

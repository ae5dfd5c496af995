//! A partition as a bounded range of its disk, read and written past the page cache.
//!
//! The disk is opened a second time with `O_DIRECT`, through the descriptor that is locked already, so
//! that it cannot be another file by now. Where direct access is not to be had (a filesystem without
//! it, a partition off the 4 KiB grid) the page cache is used and dropped before anything is read back.

use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use rustix::fs::{Advice, OFlags, fadvise};
use signpost::{Access, PartRange};
use verity::ReadAt;

/// Block on which direct access is aligned, in bytes.
pub(super) const BLOCK: u64 = 4096;

/// The bytes of one partition.
#[derive(Debug)]
pub struct Region {
    file: File,
    direct: bool,
    start: u64,
    length: u64,
}

impl Region {
    /// Opens the partition `range` of the disk that is open as `disk`.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be opened again, for instance for want of descriptors.
    pub fn open(disk: &File, range: PartRange) -> io::Result<Self> {
        Self::open_for(Access::Write, disk, range)
    }

    /// As [`Region::open`], of a partition that is not to be written: every write fails.
    ///
    /// # Errors
    ///
    /// Fails as [`Region::open`] does.
    pub fn open_to_read(disk: &File, range: PartRange) -> io::Result<Self> {
        Self::open_for(Access::Read, disk, range)
    }

    /// As [`Region::open_to_read`], through the page cache, so that it can be read ahead. What it says may be older than the medium.
    ///
    /// # Errors
    ///
    /// Fails as [`Region::open`] does.
    pub fn open_to_read_ahead(disk: &File, range: PartRange) -> io::Result<Self> {
        let file = reopen(disk, Access::Read, OFlags::empty())?;
        let (start, length) = (range.start, range.length);
        Ok(Self { file, direct: false, start, length })
    }

    /// Has bytes read into the page cache meanwhile. It is a hint: nobody minds if nothing comes of it.
    pub fn read_ahead(&self, offset: u64, length: u64) {
        self.hint(offset, length, Advice::WillNeed);
    }

    /// Has bytes that were read leave the page cache. It is a hint, too.
    pub fn let_go(&self, offset: u64, length: u64) {
        self.hint(offset, length, Advice::DontNeed);
    }

    fn hint(&self, offset: u64, length: u64, advice: Advice) {
        let length = length.min(self.length.saturating_sub(offset));
        if !self.direct && length > 0 {
            let _ = fadvise(
                &self.file,
                self.start.saturating_add(offset),
                NonZeroU64::new(length),
                advice,
            );
        }
    }

    fn open_for(access: Access, disk: &File, range: PartRange) -> io::Result<Self> {
        let aligned = range.start.is_multiple_of(BLOCK) && range.length.is_multiple_of(BLOCK);
        let direct = if aligned { reopen(disk, access, OFlags::DIRECT).ok() } else { None };
        let (start, length) = (range.start, range.length);
        match direct {
            Some(file) => Ok(Self { file, direct: true, start, length }),
            None => {
                let file = reopen(disk, access, OFlags::empty())?;
                Ok(Self { file, direct: false, start, length })
            }
        }
    }

    /// Length of the partition in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes a block-aligned buffer at a block-aligned offset.
    ///
    /// # Errors
    ///
    /// Fails when the range would leave the partition, and when the disk refuses.
    pub fn write_all_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(buffer, self.place(buffer.len(), offset)?)
    }

    /// Waits until everything written is on the medium, and reads it from there from now on.
    ///
    /// # Errors
    ///
    /// Fails when the disk reports that something did not reach the medium.
    pub fn settle(&self) -> io::Result<()> {
        self.file.sync_data()?;
        self.forget()
    }

    /// Drops what the page cache holds of the partition, so that the next read asks the medium.
    ///
    /// # Errors
    ///
    /// Fails when the advice is not understood. Direct access has no cache to drop.
    pub fn forget(&self) -> io::Result<()> {
        if self.direct {
            return Ok(());
        }
        Ok(fadvise(&self.file, self.start, NonZeroU64::new(self.length), Advice::DontNeed)?)
    }

    /// The place on the disk, if the range lies within the partition.
    fn place(&self, length: usize, offset: u64) -> io::Result<u64> {
        let end = u64::try_from(length).ok().and_then(|length| offset.checked_add(length));
        match end {
            Some(end) if end <= self.length => Ok(self.start.saturating_add(offset)),
            _ => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "beyond the end of the partition"))
            }
        }
    }
}

impl ReadAt for Region {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(&self.file, buffer, self.place(buffer.len(), offset)?)
    }
}

fn reopen(disk: &File, access: Access, flags: OFlags) -> io::Result<File> {
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let path = format!("/proc/self/fd/{}", disk.as_raw_fd());
    let write = access == Access::Write;
    OpenOptions::new().read(true).write(write).custom_flags(flags).open(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_is_opened_to_be_read_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let disk = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        disk.set_len(4 * BLOCK).unwrap();
        let range = PartRange { index: 1, start: BLOCK, length: BLOCK };
        let region = Region::open_to_read(&disk, range).unwrap();
        let mut block = verity::AlignedBuffer::new(4096);
        region.read_exact_at(&mut block, 0).unwrap();
        assert!(region.write_all_at(&block, 0).is_err());
        Region::open(&disk, range).unwrap().write_all_at(&block, 0).unwrap();
    }
}

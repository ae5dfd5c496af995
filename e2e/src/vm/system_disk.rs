//! A disk with the tiny system, and what is done to it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gptprio::{SetId, Sets, State};
use signpost::{Access, Disk, PartRange, SetLayout};

use super::case::Failure;
use super::release::Release;
use super::tiny_root::mark;

/// A disk of the tiny system.
#[derive(Clone, Debug)]
pub(super) struct SystemDisk {
    path: PathBuf,
}

impl SystemDisk {
    /// The disk in a file.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The partitions of a set.
    pub(super) fn parts(&self, set: SetId) -> Result<SetLayout, Failure> {
        let disk = Disk::open(&self.path, Access::Read)?;
        disk.layout().set(set).copied().ok_or_else(|| Failure::new("a set is missing"))
    }

    /// The bits of the sets.
    pub(super) fn sets(&self) -> Result<Sets, Failure> {
        Ok(Disk::open(&self.path, Access::Read)?.sets())
    }

    /// Whether both copies of the table are good and say the same.
    pub(super) fn is_table_whole(&self) -> Result<bool, Failure> {
        Ok(Disk::open(&self.path, Access::Read)?.medium().is_whole())
    }

    /// Where its last partition begins, in bytes.
    pub(super) fn last_part(&self) -> Result<u64, Failure> {
        let disk = Disk::open(&self.path, Access::Read)?;
        let table = disk.medium().table();
        let starts = table.partitions().map(|(_, entry)| entry.first * table.block_size().bytes());
        starts.max().ok_or_else(|| Failure::new("the disk has no partitions"))
    }

    /// Its length in bytes.
    pub(super) fn length(&self) -> Result<u64, Failure> {
        Ok(Disk::open(&self.path, Access::Read)?.length())
    }

    /// Puts bits on the disk.
    pub(super) fn store(&self, sets: Sets) -> Result<(), Failure> {
        let mut disk = Disk::open(&self.path, Access::Write)?;
        let state = disk.state(SetId::A);
        disk.store(&State { sets, ..state })?;
        Ok(())
    }

    /// Puts a release into a set.
    pub(super) fn fill(&self, set: SetId, release: &Release) -> Result<(), Failure> {
        let parts = self.parts(set)?;
        for (name, part) in
            [("boot.img", parts.boot), ("root.img", parts.root), ("hash.img", parts.hash)]
        {
            self.write(part.start, &release.image(name)?)?;
        }
        Ok(())
    }

    /// Whether a set holds a release, byte for byte.
    pub(super) fn holds(&self, set: SetId, release: &Release) -> Result<bool, Failure> {
        let parts = self.parts(set)?;
        for (name, part) in
            [("boot.img", parts.boot), ("root.img", parts.root), ("hash.img", parts.hash)]
        {
            if !self.read(part)?.starts_with(&release.image(name)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills a partition with zeros.
    pub(super) fn clear(&self, part: PartRange) -> Result<(), Failure> {
        let length = usize::try_from(part.length).map_err(|_| Failure::new("too large"))?;
        self.write(part.start, &vec![0; length])
    }

    /// Writes bytes at a place.
    pub(super) fn write(&self, place: u64, bytes: &[u8]) -> Result<(), Failure> {
        let write = || OpenOptions::new().write(true).open(&self.path)?.write_all_at(bytes, place);
        write().map_err(|cause| Failure::io("write", &self.path, &cause))
    }

    /// What a partition holds.
    fn read(&self, part: PartRange) -> Result<Vec<u8>, Failure> {
        let length = usize::try_from(part.length).map_err(|_| Failure::new("too large"))?;
        let mut bytes = vec![0; length];
        let read =
            File::open(&self.path).and_then(|file| file.read_exact_at(&mut bytes, part.start));
        read.map_err(|cause| Failure::io("read", &self.path, &cause))?;
        Ok(bytes)
    }

    /// The number in four bytes at a place.
    pub(super) fn number(&self, place: u64) -> Result<u64, Failure> {
        let bytes = self.read(PartRange { index: 0, start: place, length: 4 })?;
        let bytes: [u8; 4] = bytes.try_into().map_err(|_| Failure::new("too short"))?;
        Ok(u32::from_le_bytes(bytes).into())
    }

    /// Flips one bit.
    pub(super) fn flip(&self, place: u64) -> Result<(), Failure> {
        let byte = self.read(PartRange { index: 0, start: place, length: 1 })?;
        self.write(place, &[byte[0] ^ 0x10])
    }

    /// Where a block of the payload begins on the disk.
    pub(super) fn payload(&self, set: SetId, block: usize) -> Result<u64, Failure> {
        let mark = mark(block);
        self.block(set, |bytes| bytes.starts_with(mark.as_bytes()))
    }

    /// Where the kernel that lies in the root begins on the disk: the one in the boot image is what runs, and this is never read. Its setup
    /// header says what it is (Linux' `Documentation/arch/x86/boot.rst`).
    pub(super) fn kernel_copy(&self, set: SetId) -> Result<u64, Failure> {
        self.block(set, |bytes| bytes.get(0x202..0x206) == Some(b"HdrS"))
    }

    /// Where the first block of the root begins on the disk that is meant.
    fn block(&self, set: SetId, is_meant: impl Fn(&[u8]) -> bool) -> Result<u64, Failure> {
        let root = self.parts(set)?.root;
        let found = self.read(root)?.chunks(4096).position(is_meant);
        let place = found.and_then(|block| u64::try_from(block * 4096).ok());
        place
            .map(|place| root.start + place)
            .ok_or_else(|| Failure::new("no such block in the root"))
    }
}

//! A small disk: an EFI system partition with the selector, and two sets whose boot partitions hold what a case wants.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
use gptdisk::{BlockIo, BlockSize, Guid, NewPart, NewTable, PartType};
use gptprio::{BootBits, SetId, Sets, State};
use signpost::{Access, Disk, Side};

use super::case::Failure;

const MIB: u64 = 1 << 20;
const DISK_BYTES: u64 = 96 * MIB;
/// Enough clusters for FAT12 with blocks of either size.
const EFI_BYTES: u64 = 8 * MIB;
const BOOT_BYTES: u64 = 4 * MIB;
/// The entries of one copy of the table.
const ENTRIES_BYTES: u64 = 128 * 128;
/// One copy of the table and what is around it: a sixteenth of a mebibyte.
const TABLE_BYTES: usize = 1 << 16;

/// What lies in a boot partition.
#[derive(Clone, Debug)]
pub enum Content {
    /// Zeros.
    Empty,
    /// These bytes, and zeros behind them.
    Image(Vec<u8>),
    /// These bytes, and then bytes that belong to nothing, up to the end.
    Followed(Vec<u8>),
}

/// A disk in a file.
#[derive(Clone, Debug)]
pub struct TestDisk {
    path: PathBuf,
    block_size: u64,
}

impl TestDisk {
    /// Makes a disk, in place of what is there. Both sets have no bits and nothing to boot.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn new(path: &Path, block_size: u64, selector: &[u8]) -> Result<Self, Failure> {
        let disk = Self { path: path.to_owned(), block_size };
        disk.make(selector).map_err(|cause| Failure::io("make", path, &cause))?;
        Ok(disk)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes a block.
    #[must_use]
    pub fn block_size(&self) -> u64 {
        self.block_size
    }

    /// Gives a set bits and something to boot.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be written.
    pub fn set(&self, set: SetId, bits: BootBits, content: &Content) -> Result<(), Failure> {
        self.store(self.sets()?.with(set, bits))?;
        let disk = Disk::open(&self.path, Access::Write)?;
        let place = disk.layout().set(set).ok_or_else(|| Failure::new("a set is missing"))?.boot;
        let whole = usize::try_from(place.length).map_err(|_| Failure::new("too large"))?;
        let bytes = match content {
            Content::Empty => vec![0; whole],
            Content::Image(image) => padded(image, whole, 0),
            Content::Followed(image) => padded(image, whole, 0xFF),
        };
        let written = disk.file().write_all_at(&bytes, place.start);
        written.map_err(|cause| Failure::io("write", &self.path, &cause))
    }

    /// The bits on the disk.
    ///
    /// # Errors
    ///
    /// Fails if the disk has no valid table.
    pub fn sets(&self) -> Result<Sets, Failure> {
        Ok(Disk::open(&self.path, Access::Read)?.sets())
    }

    /// Puts bits on the disk.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be written.
    pub fn store(&self, sets: Sets) -> Result<(), Failure> {
        let mut disk = Disk::open(&self.path, Access::Write)?;
        let state = disk.state(SetId::A);
        disk.store(&State { sets, ..state })?;
        Ok(())
    }

    /// Whether both copies of the table are good.
    ///
    /// # Errors
    ///
    /// Fails if neither is.
    pub fn is_whole(&self) -> Result<bool, Failure> {
        Ok(Disk::open(&self.path, Access::Read)?.medium().is_whole())
    }

    /// Flips a bit in the entries of one copy of the table.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be written.
    pub fn damage(&self, side: Side) -> Result<(), Failure> {
        let place = match side {
            Side::Primary => 2 * self.block_size + 5,
            Side::Backup => DISK_BYTES - self.block_size - ENTRIES_BYTES + 5,
        };
        self.flip(place).map_err(|cause| Failure::io("write", &self.path, &cause))
    }

    /// Puts bits into the primary copy of the table only, as a write does that is cut.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be written.
    pub fn with_stale_backup(&self, sets: Sets) -> Result<(), Failure> {
        let old = self.table_bytes()?;
        self.store(sets)?;
        let backup = &old[TABLE_BYTES..];
        let place = DISK_BYTES - MIB / 16;
        let write = || OpenOptions::new().write(true).open(&self.path)?.write_all_at(backup, place);
        write().map_err(|cause| Failure::io("write", &self.path, &cause))
    }

    /// The bytes of both copies of the table.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be read.
    pub fn table_bytes(&self) -> Result<Vec<u8>, Failure> {
        let read = || -> io::Result<Vec<u8>> {
            let file = File::open(&self.path)?;
            let mut bytes = vec![0; 2 * TABLE_BYTES];
            let (front, back) = bytes.split_at_mut(TABLE_BYTES);
            file.read_exact_at(front, 0)?;
            file.read_exact_at(back, DISK_BYTES - MIB / 16)?;
            Ok(bytes)
        };
        read().map_err(|cause| Failure::io("read", &self.path, &cause))
    }

    fn flip(&self, place: u64) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, place)?;
        file.write_all_at(&[byte[0] ^ 0x10], place)
    }

    fn make(&self, selector: &[u8]) -> io::Result<()> {
        let file = File::create(&self.path)?;
        file.set_len(DISK_BYTES)?;
        let size = u32::try_from(self.block_size).ok().and_then(BlockSize::new);
        let size = size.ok_or_else(|| io::Error::other("no disk has such blocks"))?;
        let disk = Guid::from_text_order([0xD1; 16]);
        let mut table = NewTable::new(size, DISK_BYTES, disk).map_err(io::Error::other)?;
        let efi = table.add(&part(PartType::EfiSystem, 1, EFI_BYTES)).map_err(io::Error::other)?;
        let mut next = 2;
        for _set in SetId::ALL {
            for (kind, length) in
                [(PartType::Boot, BOOT_BYTES), (PartType::Root, MIB), (PartType::Hash, MIB)]
            {
                table.add(&part(kind, next, length)).map_err(io::Error::other)?;
                next += 1;
            }
        }
        table.add(&part(PartType::Private, next, MIB)).map_err(io::Error::other)?;
        table.write(&mut Blocks { file: &file, size }).map_err(io::Error::other)?;
        file.write_all_at(&efi_system(self.block_size, selector)?, efi.start)
    }
}

fn part(kind: PartType, number: u8, length: u64) -> NewPart {
    NewPart {
        kind: kind.guid(),
        id: Guid::from_text_order([number; 16]),
        name: String::new(),
        length: Some(length),
        attributes: 0,
    }
}

fn padded(bytes: &[u8], length: usize, with: u8) -> Vec<u8> {
    let mut whole = bytes.to_vec();
    whole.resize(length, with);
    whole
}

/// A FAT filesystem with the selector where firmware looks for it.
fn efi_system(block_size: u64, selector: &[u8]) -> io::Result<Vec<u8>> {
    let length = usize::try_from(EFI_BYTES).map_err(io::Error::other)?;
    let sector = u16::try_from(block_size).map_err(io::Error::other)?;
    let mut image = Cursor::new(vec![0; length]);
    format_volume(&mut image, FormatVolumeOptions::new().bytes_per_sector(sector))?;
    image.set_position(0);
    let filesystem = FileSystem::new(&mut image, FsOptions::new())?;
    let folder = filesystem.root_dir().create_dir("EFI")?.create_dir("BOOT")?;
    folder.create_file("BOOTX64.EFI")?.write_all(selector)?;
    drop(folder);
    filesystem.unmount()?;
    Ok(image.into_inner())
}

/// A file as a row of blocks.
struct Blocks<'a> {
    file: &'a File,
    size: BlockSize,
}

impl BlockIo for Blocks<'_> {
    type Error = io::Error;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        DISK_BYTES / self.size.bytes()
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, first * self.size.bytes())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, first * self.size.bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

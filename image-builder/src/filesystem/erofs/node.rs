//! Inodes as they lie on the disk.

use crate::rootfs::{Device, Inode, InodeKind};

use super::attributes::SharedLabels;
use super::directory::Directory;
use super::{ErofsError, SLOT, attributes};

/// An inode with its place.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) inode: &'a Inode,
    /// How many names it has; for a folder, how many folders name it.
    pub(super) links: u32,
    /// What is in it, if it is a folder.
    pub(super) directory: Directory<'a>,
    /// Its attributes, encoded.
    pub(super) attributes: Vec<u8>,
    /// Length of its content in bytes.
    pub(super) size: u64,
    /// Bytes at the end of its content that lie beside it.
    pub(super) tail: usize,
    /// Where it lies in the image.
    pub(super) offset: usize,
    /// The first block of its content.
    pub(super) first_block: u32,
}

impl<'a> Node<'a> {
    pub(super) fn new(
        inode: &'a Inode,
        links: u32,
        directory: Directory<'a>,
        labels: &SharedLabels,
    ) -> Result<Self, ErofsError> {
        let attributes = attributes::encode(&inode.metadata.xattrs, labels)?;
        attributes::units(&attributes)?;
        let size = match &inode.kind {
            InodeKind::File(content) => content.length(),
            InodeKind::Directory => count(directory.size()),
            InodeKind::Symlink(target) => count(target.len()),
            _ => 0,
        };
        Ok(Self { inode, links, directory, attributes, size, tail: 0, offset: 0, first_block: 0 })
    }

    /// The number that folders know it by.
    pub(super) fn number(&self) -> u64 {
        count(self.offset / SLOT)
    }

    /// Bytes of the inode and its attributes.
    pub(super) fn head(&self) -> usize {
        let inode = if self.compact() { 32 } else { 64 };
        inode + self.attributes.len()
    }

    /// Whether the short form has room for everything.
    fn compact(&self) -> bool {
        let short = |id: u32| u16::try_from(id).is_ok();
        let metadata = &self.inode.metadata;
        short(metadata.uid)
            && short(metadata.gid)
            && short(self.links)
            && u32::try_from(self.size).is_ok()
    }

    /// The inode, without attributes. `serial` is for programs that count in 32 bits.
    ///
    /// The short form has no time of its own: it has that of the superblock, as all files here.
    pub(super) fn encode(&self, serial: u32) -> Vec<u8> {
        let metadata = &self.inode.metadata;
        let (bits, _) = kind(&self.inode.kind);
        let mode = u16::try_from(bits | metadata.mode).expect("kinds and modes have 16 bits");
        let units = attributes::units(&self.attributes).expect("was checked when it was made");
        let layout = if self.tail > 0 { 2 << 1 } else { 0 };
        let form = u16::from(!self.compact());
        let mut bytes = Vec::with_capacity(64);
        let mut put = |value: &[u8]| bytes.extend_from_slice(value);
        put(&(layout | form).to_le_bytes());
        put(&units.to_le_bytes());
        put(&mode.to_le_bytes());
        match (
            u16::try_from(self.links),
            u32::try_from(self.size),
            short_ids(metadata.uid, metadata.gid),
        ) {
            (Ok(links), Ok(size), Some((uid, gid))) => {
                put(&links.to_le_bytes());
                put(&size.to_le_bytes());
                put(&[0; 4]);
                put(&self.place().to_le_bytes());
                put(&serial.to_le_bytes());
                put(&uid.to_le_bytes());
                put(&gid.to_le_bytes());
                put(&[0; 4]);
            }
            _ => {
                put(&[0; 2]);
                put(&self.size.to_le_bytes());
                put(&self.place().to_le_bytes());
                put(&serial.to_le_bytes());
                put(&metadata.uid.to_le_bytes());
                put(&metadata.gid.to_le_bytes());
                put(&[0; 12]); // time
                put(&self.links.to_le_bytes());
                put(&[0; 16]);
            }
        }
        bytes
    }

    /// The first block of the content, or the numbers of a device.
    fn place(&self) -> u32 {
        match self.inode.kind {
            InodeKind::CharacterDevice(device) | InodeKind::BlockDevice(device) => numbers(device),
            _ => self.first_block,
        }
    }
}

fn short_ids(uid: u32, gid: u32) -> Option<(u16, u16)> {
    Some((u16::try_from(uid).ok()?, u16::try_from(gid).ok()?))
}

/// The bits of a kind in a mode, and its number in a folder.
pub(super) fn kind(kind: &InodeKind) -> (u32, u8) {
    match kind {
        InodeKind::File(_) => (0o100_000, 1),
        InodeKind::Directory => (0o040_000, 2),
        InodeKind::CharacterDevice(_) => (0o020_000, 3),
        InodeKind::BlockDevice(_) => (0o060_000, 4),
        InodeKind::Fifo => (0o010_000, 5),
        InodeKind::Symlink(_) => (0o120_000, 7),
    }
}

/// The numbers of a device as the kernel packs them: 8 bits of the minor number, 12 of the major, 12 of the minor.
fn numbers(device: Device) -> u32 {
    device.minor & 0xff | (device.major & 0xfff) << 8 | (device.minor & 0xf_ff00) << 12
}

/// A length in memory as one on the disk.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).expect("memory is smaller than 2^64 bytes")
}

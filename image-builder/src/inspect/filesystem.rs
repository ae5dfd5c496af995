//! erofs and ext4, by their superblocks.
//!
//! Linux' `fs/erofs/erofs_fs.h` and `fs/ext4/ext4.h`; both superblocks begin at byte 1024.

use serde::Serialize;
use uuid::Uuid;

use super::Subject;

/// What a filesystem says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct FilesystemFacts {
    /// `erofs` or `ext4`.
    pub filesystem: &'static str,
    /// Bytes of a block.
    pub block_bytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes of all blocks.
    pub length: u64,
    /// Inodes.
    pub inodes: u64,
    /// UUID.
    pub uuid: String,
    /// Label; empty if it has none.
    pub label: String,
}

pub(super) fn facts(subject: &Subject<'_>) -> Option<FilesystemFacts> {
    let superblock = Fields(&subject.start[1024..]);
    if superblock.number(0) == 0xe0f5_e1e2 {
        return erofs(&superblock);
    }
    if superblock.bytes::<2>(0x38) == [0x53, 0xef] {
        return ext4(&superblock);
    }
    None
}

fn erofs(superblock: &Fields<'_>) -> Option<FilesystemFacts> {
    let [bits] = superblock.bytes(12);
    let block_bytes = 1_u64.checked_shl(bits.into())?;
    let blocks = superblock.number(36);
    Some(FilesystemFacts {
        filesystem: "erofs",
        block_bytes,
        blocks,
        length: blocks.checked_mul(block_bytes)?,
        inodes: u64::from_le_bytes(superblock.bytes(16)),
        uuid: Uuid::from_bytes(superblock.bytes(48)).to_string(),
        label: superblock.text(64),
    })
}

fn ext4(superblock: &Fields<'_>) -> Option<FilesystemFacts> {
    /// Feature (incompatible): numbers of blocks have 64 bits.
    const WIDE: u64 = 0x80;
    let block_bytes = 1024_u64.checked_shl(u32::try_from(superblock.number(0x18)).ok()?)?;
    let high = if superblock.number(0x60) & WIDE != 0 { superblock.number(0x150) } else { 0 };
    let blocks = high << 32 | superblock.number(4);
    Some(FilesystemFacts {
        filesystem: "ext4",
        block_bytes,
        blocks,
        length: blocks.checked_mul(block_bytes)?,
        inodes: superblock.number(0),
        uuid: Uuid::from_bytes(superblock.bytes(0x68)).to_string(),
        label: superblock.text(0x78),
    })
}

/// The fields of a superblock.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&self, start: usize) -> [u8; N] {
        self.0[start..start + N]
            .try_into()
            .expect("superblocks are shorter than the start that was read")
    }

    fn number(&self, start: usize) -> u64 {
        u32::from_le_bytes(self.bytes(start)).into()
    }

    fn text(&self, start: usize) -> String {
        let bytes: [u8; 16] = self.bytes(start);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

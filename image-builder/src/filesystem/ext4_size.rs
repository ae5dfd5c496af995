//! How large an ext4 filesystem must be for a tree.

use std::collections::HashMap;

use super::each_inode;
use crate::rootfs::{Inode, InodeKind, RootPath, Tree};
use crate::selinux::ATTRIBUTE as LABEL;

/// Bytes of a block.
const BLOCK: u64 = 4096;

/// Inodes that ext4 keeps for itself, lost+found included.
const RESERVED_INODES: u64 = 11;

/// Blocks and inodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) blocks: u64,
    pub(super) inodes: u64,
}

/// Room that suffices for a tree: what is counted, 2 % and 4 MiB.
pub(super) fn room_for(tree: &Tree) -> Room {
    let inodes = each_inode(tree).fold(0_u64, |count, _| count.saturating_add(1));
    let inodes = inodes.saturating_add(RESERVED_INODES).next_multiple_of(16);
    let used = each_inode(tree)
        .map(|(_, inode)| blocks_of(inode))
        .chain(folder_blocks(tree))
        .fold(inodes / 16, u64::saturating_add);
    // Superblocks, group descriptors and bitmaps are less than the 2 %.
    let blocks = used.saturating_add(used / 50).saturating_add((4 << 20) / BLOCK);
    Room { blocks, inodes }
}

/// Data blocks of an inode, those for its extents and attributes included.
fn blocks_of(inode: &Inode) -> u64 {
    let attributes = u64::from(has_attribute_block(inode));
    let data = match &inode.kind {
        InodeKind::File(content) => {
            let blocks = content.length().div_ceil(BLOCK);
            blocks.saturating_add(blocks / 1024)
        }
        InodeKind::Symlink(target) => u64::from(target.len() >= 60),
        _ => 0,
    };
    data.saturating_add(attributes)
}

/// Whether attributes may need a block; one label of usual length lies in the inode.
fn has_attribute_block(inode: &Inode) -> bool {
    inode.metadata.xattrs.iter().any(|(name, value)| name != LABEL || value.len() > 60)
}

/// Blocks of each folder. An entry has 8 bytes before its name, and a block may stay a quarter empty.
fn folder_blocks(tree: &Tree) -> impl Iterator<Item = u64> {
    let mut bytes: HashMap<RootPath, u64> = HashMap::new();
    for (path, _, inode) in tree.entries() {
        if matches!(inode.kind, InodeKind::Directory) {
            bytes.entry(path.clone()).or_insert(64);
        }
        if let Some(folder) = path.parent() {
            let entry = 8 + u64::try_from(path.name().len()).unwrap_or(256).next_multiple_of(4);
            *bytes.entry(folder).or_insert(64) += entry;
        }
    }
    bytes.into_values().map(|bytes| bytes.div_ceil(BLOCK * 3 / 4))
}

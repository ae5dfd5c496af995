//! Whether a disk has the image that is to be booted, and where.

use std::fs::File;
use std::io;

use gptdisk::{BlockSize, Layout, LayoutError, Loaded, PartRange, PartType, ReadError};
use gptprio::SetId;
use thiserror::Error;
use verity::{BootParameter, RootHash, claimed_root_hash};

use crate::kernel_table::bytes;
use crate::read_only::ReadOnly;
use crate::system::{Disk, Partition};

/// Where the root image and its tree are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The disk.
    pub disk: String,
    /// The root image.
    pub root: Partition,
    /// Its tree.
    pub hash: Partition,
}

/// Why a disk does not have the image.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// It could not be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// Partition tables have no such blocks.
    #[error("it has blocks of {0} bytes")]
    BlockSize(u32),
    /// It has no table.
    #[error(transparent)]
    Table(#[from] ReadError<io::Error>),
    /// Its partitions do not make sets.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// It lacks the set.
    #[error("it has no set {0}")]
    NoSet(SetId),
    /// The kernel does not know the partition, or not yet.
    #[error("the kernel does not show its partition {index} ({part})")]
    NotShown {
        /// Number in the table, from 1.
        index: u32,
        /// What it is for.
        part: PartType,
    },
    /// The kernel read another table.
    #[error("the kernel has its partition {index} ({part}) in another place than the table")]
    Elsewhere {
        /// Number in the table, from 1.
        index: u32,
        /// What it is for.
        part: PartType,
    },
    /// The root partition is shorter than the image.
    #[error("its root partition has {length} bytes, too few for {blocks} blocks")]
    Short {
        /// Bytes of the partition.
        length: u64,
        /// Blocks of the image.
        blocks: u64,
    },
    /// The tree cannot be used.
    #[error("the hash partition of its set {set} cannot be used")]
    Tree {
        /// The set.
        set: SetId,
        /// Why.
        source: verity::Error,
    },
    /// The tree is another one's.
    #[error("its set {set} has root hash {found}, and {wanted} is to be booted")]
    RootHash {
        /// The set.
        set: SetId,
        /// What the tree leads to.
        found: RootHash,
        /// What was asked for.
        wanted: RootHash,
    },
}

impl PlaceError {
    /// Whether the disk has parts of sets at all.
    pub(crate) fn is_of_ours(&self) -> bool {
        !matches!(
            self,
            Self::Read(_) | Self::BlockSize(_) | Self::Table(_) | Self::Layout(LayoutError::NoSets)
        )
    }
}

/// Looks for the image on a disk.
///
/// The top of the tree is compared with the root hash here, so that an image which cannot be the right one is told from a
/// damaged one. Whether all the rest is right is found out by the kernel, block by block.
///
/// # Errors
///
/// Says why the image is not there.
pub(crate) fn place(disk: &Disk, set: SetId, wanted: &BootParameter) -> Result<Place, PlaceError> {
    let layout = layout(disk)?;
    let parts = layout.set(set).ok_or(PlaceError::NoSet(set))?;
    let root = partition(disk, parts.root, PartType::Root)?;
    let hash = partition(disk, parts.hash, PartType::Hash)?;
    check_length(root, wanted)?;
    check_tree(hash, set, wanted)?;
    Ok(Place { disk: disk.name.clone(), root: root.clone(), hash: hash.clone() })
}

fn layout(disk: &Disk) -> Result<Layout, PlaceError> {
    let size = BlockSize::new(disk.block_size).ok_or(PlaceError::BlockSize(disk.block_size))?;
    let file = File::open(&disk.node).map_err(PlaceError::Read)?;
    let loaded = Loaded::read(&mut ReadOnly::new(&file, size, disk.length))?;
    Ok(Layout::of(loaded.table())?)
}

/// The kernel's partition for one of the table.
fn partition(disk: &Disk, range: PartRange, part: PartType) -> Result<&Partition, PlaceError> {
    let PartRange { index, start, length } = range;
    let shown = disk.partitions.iter().find(|shown| shown.index == index);
    let shown = shown.ok_or(PlaceError::NotShown { index, part })?;
    if (shown.start, shown.length) == (start, length) {
        Ok(shown)
    } else {
        Err(PlaceError::Elsewhere { index, part })
    }
}

fn check_length(root: &Partition, wanted: &BootParameter) -> Result<(), PlaceError> {
    let blocks = wanted.data_blocks;
    match bytes(blocks) {
        Some(needed) if needed <= root.length => Ok(()),
        _ => Err(PlaceError::Short { length: root.length, blocks }),
    }
}

fn check_tree(hash: &Partition, set: SetId, wanted: &BootParameter) -> Result<(), PlaceError> {
    let file = File::open(&hash.node).map_err(PlaceError::Read)?;
    let found = claimed_root_hash(&file, hash.length);
    match found.map_err(|source| PlaceError::Tree { set, source })? {
        Some(found) if found != wanted.root_hash => {
            Err(PlaceError::RootHash { set, found, wanted: wanted.root_hash })
        }
        // An image of one block has no tree; the kernel compares the block itself.
        _ => Ok(()),
    }
}

//! What lies in the set that is going to be written, before anything is written to it.
//!
//! After an interruption it is read and hashed; there is no journal. A set that nobody has begun to write has a whole tree, which is believed
//! in place of reading it all: whoever begins to write takes the tree away first. It is a hint and no more, since the set is read back
//! in the end; when that finds it wrong, the set is read.

use std::fs::File;

use pack::Image;
use signpost::SetLayout;
use verity::{BlockHasher, Leaves, Params, Prefix, RootHash, claimed_root_hash};

use super::DeltaError;
use super::running::prefixes_of;
use crate::install::Region;
use crate::install::region::BLOCK;

/// Blocks of a new release, of which some may be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) params: &'a Params,
    pub(super) root_hash: RootHash,
    pub(super) root_blocks: u32,
    pub(super) boot_blocks: u32,
}

/// How much is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A whole tree tells what lies in the root partition.
    Tree,
    /// Only what was read.
    Nothing,
}

/// What the root partition is read for, if no tree tells what lies there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    /// Whatever lies there may be of use, in whatever place.
    Blocks,
    /// Only what a killed run has left in its place is of use: what the first blocks must be, where that is known.
    Rest(&'a [Prefix]),
}

/// What the blocks of both partitions are; unknown ones are none of use.
#[derive(Debug, Default)]
pub(super) struct Present {
    pub(super) root: Vec<Prefix>,
    pub(super) boot: Vec<Prefix>,
    /// The root partition was read: what a killed run wrote is among it.
    pub(super) is_read: bool,
}

impl Present {
    /// Finds out what the set at `layout` holds.
    ///
    /// # Errors
    ///
    /// Fails when the partitions cannot be opened. Blocks that cannot be read are unknown.
    pub(super) fn of(
        disk: &File,
        layout: &SetLayout,
        wanted: Wanted<'_>,
        (trust, purpose): (Trust, Purpose<'_>),
    ) -> Result<Self, DeltaError> {
        let open = |range| Region::open_to_read(disk, range).map_err(DeltaError::OpenTarget);
        let hasher = BlockHasher::new(&wanted.params.salt);
        let read = |region: &Region, blocks: u32| {
            let length = region.length().min(u64::from(blocks) * BLOCK);
            prefixes_of(region, length, &hasher).map_err(DeltaError::Survey)
        };
        let (boot, root) = (open(layout.boot)?, open(layout.root)?);
        let boot = read(&boot, wanted.boot_blocks)?;
        let told = match trust {
            Trust::Tree => told(&open(layout.hash)?, wanted),
            Trust::Nothing => None,
        };
        let is_read = told.is_none() && purpose.is_served_by(&root, &hasher, trust);
        let root = match told {
            Some(told) => told,
            None if is_read => read(&root, wanted.root_blocks)?,
            None => Vec::new(),
        };
        Ok(Self { root, boot, is_read })
    }

    pub(super) fn of_image(&self, image: Image) -> &[Prefix] {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }
}

impl Purpose<'_> {
    /// Whether reading the whole partition may find anything. A set is written from its first block on, so that a killed run has left some of the first blocks
    /// if it has left any.
    fn is_served_by(self, root: &Region, hasher: &BlockHasher, trust: Trust) -> bool {
        let Self::Rest(first) = self else { return true };
        if trust == Trust::Nothing {
            return true;
        }
        let length = u64::try_from(first.len()).unwrap_or(u64::MAX).saturating_mul(BLOCK);
        let there = prefixes_of(root, length.min(root.length()), hasher).unwrap_or_default();
        first.iter().zip(&there).any(|(wanted, there)| wanted.is_known() && wanted == there)
    }
}

/// What a whole tree of the same salt says of the root partition, unless it is that of the new release itself: then somebody has written it.
fn told(hash: &Region, wanted: Wanted<'_>) -> Option<Vec<Prefix>> {
    let root_hash = claimed_root_hash(hash, hash.length()).ok().flatten()?;
    if root_hash == wanted.root_hash {
        return None;
    }
    let (leaves, superblock) = Leaves::read(hash, hash.length(), &root_hash).ok()?;
    (superblock.params.salt == wanted.params.salt).then(|| leaves.prefixes())
}

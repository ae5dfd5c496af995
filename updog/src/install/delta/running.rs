//! The set that runs, as old blocks are taken from it. It is opened for reading only.
//!
//! Its tree is checked up to its root hash, and every block of its root image against that tree, whenever it is read. No tree
//! covers its boot image: whether that is the right one shows in the digests of the pieces and of the new set.

use std::fs::File;

use pack::{Head, Image};
use signpost::SetLayout;
use verity::{
    BLOCK_SIZE, BlockHasher, Digest, Leaves, Params, ReadAt, RootHash, claimed_root_hash,
};

use super::DeltaError;
use crate::install::Region;
use crate::install::region::BLOCK;

/// The running set.
#[derive(Debug)]
pub struct Running {
    root: Region,
    boot: Region,
    root_hash: RootHash,
    leaves: Leaves,
    params: Params,
    hasher: BlockHasher,
}

impl Running {
    /// Opens the set at `layout` and checks its tree.
    ///
    /// # Errors
    ///
    /// Fails when the set cannot be read, or its tree does not hold.
    pub fn open(disk: &File, layout: &SetLayout) -> Result<Self, DeltaError> {
        let open = |range| Region::open_to_read(disk, range).map_err(DeltaError::Open);
        let (hash, length) = (open(layout.hash)?, layout.hash.length);
        let root_hash = claimed_root_hash(&hash, length).map_err(DeltaError::OldTree)?;
        let root_hash = root_hash.ok_or(DeltaError::NoTree)?;
        let read = Leaves::read(&hash, length, &root_hash);
        let (leaves, superblock) = read.map_err(DeltaError::OldTree)?;
        let (root, boot) = (open(layout.root)?, open(layout.boot)?);
        let hasher = BlockHasher::new(&superblock.params.salt);
        Ok(Self { root, boot, root_hash, leaves, params: superblock.params, hasher })
    }

    /// The root hash of its tree.
    pub fn root_hash(&self) -> RootHash {
        self.root_hash
    }

    /// Salt and UUID of its tree, which the new one shares.
    pub(super) fn params(&self) -> &Params {
        &self.params
    }

    /// Hashes blocks as its tree does.
    pub(super) fn hasher(&self) -> &BlockHasher {
        &self.hasher
    }

    /// The leaf of a block of the root image.
    pub(super) fn leaf(&self, block: u64) -> Digest {
        *self.leaves.digest(block)
    }

    /// Whether a pack is for this set.
    pub(super) fn check(&self, head: &Head) -> Result<(), DeltaError> {
        let (old, running) = (head.old(), self.root_hash);
        if old.root_hash != running.0 {
            return Err(DeltaError::OtherOld { pack: RootHash(old.root_hash), running });
        }
        let fits = |image| match image {
            Image::Root => u64::from(old.root_blocks) == self.leaves.blocks().blocks(),
            Image::Boot => u64::from(old.boot_blocks) * BLOCK <= self.boot.length(),
        };
        let wrong = Image::ALL.into_iter().find(|image| !fits(*image));
        let refused = |image| Err(DeltaError::OldBlocks { image, blocks: old.blocks(image) });
        wrong.map_or(Ok(()), refused)
    }

    /// Reads whole blocks of an image, from block `first` on, as many as fill `blocks`.
    ///
    /// # Errors
    ///
    /// Fails when they cannot be read, and when one of the root image is not what the tree says.
    pub(super) fn read(
        &self,
        image: Image,
        first: u32,
        blocks: &mut [u8],
    ) -> Result<(), DeltaError> {
        let region = match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        };
        let offset = u64::from(first) * BLOCK;
        let read = region.read_exact_at(blocks, offset);
        read.map_err(|source| DeltaError::ReadOld { image, block: first, source })?;
        match image {
            Image::Root => self.compare(first, blocks),
            Image::Boot => Ok(()),
        }
    }

    fn compare(&self, first: u32, blocks: &[u8]) -> Result<(), DeltaError> {
        for (block, bytes) in (u64::from(first)..).zip(blocks.chunks_exact(BLOCK_SIZE)) {
            if self.hasher.digest(bytes) != self.leaf(block) {
                return Err(DeltaError::OldBlock { block });
            }
        }
        Ok(())
    }
}

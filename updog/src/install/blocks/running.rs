//! The set that runs, as old blocks are taken from it. It is opened for reading only.
//!
//! Its tree is checked up to its root hash, and is what says which blocks it has. Whoever takes a block compares it with what it must be;
//! no tree covers its boot image, whose blocks are hashed where somebody has to know them.

use std::fs::File;
use std::io;

use pack::{Head, Image};
use signpost::SetLayout;
use verity::{
    BLOCK_SIZE, BlockHasher, Leaves, Params, Prefix, ReadAt, RootHash, Unreadable,
    available_threads, claimed_root_hash,
};

use super::DeltaError;
use crate::install::Region;
use crate::install::region::BLOCK;

/// The running set.
#[derive(Debug)]
pub struct Running {
    root: Region,
    boot: Region,
    tree: Result<Tree, DeltaError>,
}

/// What the running set's tree says.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root_hash: RootHash,
    /// Salt and UUID.
    pub(super) params: Params,
    hasher: BlockHasher,
    /// Of each block of the root image.
    prefixes: Vec<Prefix>,
}

impl Running {
    /// Opens the set at `layout` and checks its tree. Without one that holds, its blocks are known by reading them only.
    ///
    /// # Errors
    ///
    /// Fails when its partitions cannot be opened.
    pub fn open(disk: &File, layout: &SetLayout) -> Result<Self, DeltaError> {
        let open = |range| Region::open_to_read(disk, range).map_err(DeltaError::Open);
        let ahead = |range| Region::open_to_read_ahead(disk, range).map_err(DeltaError::Open);
        let (root, boot, hash) = (ahead(layout.root)?, ahead(layout.boot)?, open(layout.hash)?);
        Ok(Self { root, boot, tree: Tree::read(&hash) })
    }

    /// The root hash of its tree.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the tree.
    pub fn root_hash(&self) -> Result<RootHash, &DeltaError> {
        self.tree.as_ref().map(|tree| tree.root_hash)
    }

    /// Its tree, if that holds.
    pub(super) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref().ok()
    }

    /// What the blocks of the root image are, with the salt of another tree: as its own tree says if that has the same salt, else by reading them all.
    pub(super) fn root_prefixes(&self, params: &Params) -> Result<Vec<Prefix>, DeltaError> {
        match self.tree() {
            Some(tree) if tree.params.salt == params.salt => Ok(tree.prefixes.clone()),
            Some(tree) => self.hash(&self.root, tree.bytes(), params),
            None => self.hash(&self.root, self.root.length(), params),
        }
    }

    /// What the first `blocks` blocks of the boot partition are, by reading them.
    pub(super) fn boot_prefixes(
        &self,
        blocks: u32,
        params: &Params,
    ) -> Result<Vec<Prefix>, DeltaError> {
        let length = self.boot.length().min(u64::from(blocks) * BLOCK);
        self.hash(&self.boot, length, params)
    }

    fn hash(
        &self,
        region: &Region,
        length: u64,
        params: &Params,
    ) -> Result<Vec<Prefix>, DeltaError> {
        let hasher = BlockHasher::new(&params.salt);
        let length = length.min(region.length());
        prefixes_of(region, length, &hasher).map_err(DeltaError::Survey)
    }

    /// Whether a pack is for this set, which has this tree.
    pub(super) fn check(&self, tree: &Tree, head: &Head) -> Result<(), DeltaError> {
        let (old, running) = (head.old(), tree.root_hash);
        if old.root_hash != running.0 {
            return Err(DeltaError::OtherOld { pack: RootHash(old.root_hash), running });
        }
        let fits = |image| match image {
            Image::Root => usize::try_from(old.root_blocks) == Ok(tree.prefixes.len()),
            Image::Boot => u64::from(old.boot_blocks) * BLOCK <= self.boot.length(),
        };
        let wrong = Image::ALL.into_iter().find(|image| !fits(*image));
        let refused = |image| Err(DeltaError::OldBlocks { image, blocks: old.blocks(image) });
        wrong.map_or(Ok(()), refused)
    }

    /// Reads whole blocks of an image, from block `first` on, as many as fill `blocks`. Nothing is compared.
    pub(super) fn read(&self, image: Image, first: u32, blocks: &mut [u8]) -> io::Result<()> {
        let (region, offset) = (self.region(image), u64::from(first) * BLOCK);
        region.read_exact_at(blocks, offset)?;
        // The running system has more use for the memory.
        region.let_go(offset, u64::try_from(blocks.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Has blocks read meanwhile that will be asked for.
    pub(super) fn read_ahead(&self, image: Image, first: u32, blocks: u32) {
        self.region(image).read_ahead(u64::from(first) * BLOCK, u64::from(blocks) * BLOCK);
    }

    fn region(&self, image: Image) -> &Region {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }

    /// As [`Running::read`], of blocks that have to be what its tree says.
    ///
    /// # Errors
    ///
    /// Fails when they cannot be read, and when one of the root image is another.
    pub(super) fn read_checked(
        &self,
        image: Image,
        first: u32,
        blocks: &mut [u8],
    ) -> Result<(), DeltaError> {
        let read = self.read(image, first, blocks);
        read.map_err(|source| DeltaError::ReadOld { image, block: first, source })?;
        let (Image::Root, Some(tree)) = (image, self.tree()) else { return Ok(()) };
        let is_right = |(block, bytes): (u32, &[u8])| {
            Prefix::of(&tree.hasher.digest(bytes)) == tree.prefix(block)
        };
        let mut numbered = (first..).zip(blocks.chunks_exact(BLOCK_SIZE));
        match numbered.find(|block| !is_right(*block)) {
            Some((block, _)) => Err(DeltaError::OldBlock { block: block.into() }),
            None => Ok(()),
        }
    }
}

impl Tree {
    fn read(hash: &Region) -> Result<Self, DeltaError> {
        let length = hash.length();
        let root_hash = claimed_root_hash(hash, length).map_err(DeltaError::OldTree)?;
        let root_hash = root_hash.ok_or(DeltaError::NoTree)?;
        let read = Leaves::read(hash, length, &root_hash);
        let (leaves, superblock) = read.map_err(DeltaError::OldTree)?;
        let hasher = BlockHasher::new(&superblock.params.salt);
        let prefixes = leaves.prefixes();
        Ok(Self { root_hash, params: superblock.params, hasher, prefixes })
    }

    /// What a block of the root image is.
    pub(super) fn prefix(&self, block: u32) -> Prefix {
        let index = usize::try_from(block).ok();
        index.and_then(|index| self.prefixes.get(index)).copied().unwrap_or(Prefix::UNKNOWN)
    }

    /// Length of the root image.
    fn bytes(&self) -> u64 {
        let blocks = u64::try_from(self.prefixes.len()).unwrap_or(u64::MAX);
        blocks.saturating_mul(BLOCK)
    }
}

/// What the blocks of the first `length` bytes of a region are; unknown where they cannot be read.
pub(super) fn prefixes_of(
    region: &Region,
    length: u64,
    hasher: &BlockHasher,
) -> Result<Vec<Prefix>, verity::Error> {
    let whole = length / BLOCK * BLOCK;
    if whole == 0 {
        return Ok(Vec::new());
    }
    let threads = available_threads();
    let leaves = Leaves::of_data(region, whole, hasher, Unreadable::Unknown, threads, &|_| ())?;
    Ok(leaves.prefixes())
}

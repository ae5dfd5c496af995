//! The partitions of the set that is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;

use pack::Image;
use signpost::SetLayout;
use verity::{AlignedBuffer, BLOCK_SIZE, ReadAt};

use crate::install::Region;
use crate::install::region::BLOCK;

/// The set that is written.
#[derive(Debug)]
pub(super) struct NewSet {
    pub(super) root: Region,
    pub(super) boot: Region,
    pub(super) hash: Region,
}

/// Old blocks of a partition that are kept in memory, since their places are written before their last use.
pub(super) type Spilled = BTreeMap<u32, Box<[u8]>>;

impl NewSet {
    pub(super) fn open(disk: &File, layout: &SetLayout) -> io::Result<Self> {
        let open = |range| Region::open(disk, range);
        Ok(Self { root: open(layout.root)?, boot: open(layout.boot)?, hash: open(layout.hash)? })
    }

    pub(super) fn of(&self, image: Image) -> &Region {
        match image {
            Image::Root => &self.root,
            Image::Boot => &self.boot,
        }
    }

    /// Takes the old tree away, durably, so that nobody believes it of a partition that is being written.
    pub(super) fn forget_tree(&self) -> io::Result<()> {
        let mut block = AlignedBuffer::new(BLOCK_SIZE);
        if self.hash.length() < BLOCK {
            return Ok(());
        }
        let read = self.hash.read_exact_at(&mut block, 0);
        if read.is_ok() && block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        block.fill(0);
        self.hash.write_all_at(&block, 0)?;
        self.hash.settle()
    }

    /// Reads blocks that will be needed when their places are written already. What cannot be read is not there.
    pub(super) fn spill(&self, image: Image, blocks: &[Range<u32>]) -> Spilled {
        let mut buffer = AlignedBuffer::new(BLOCK_SIZE);
        let mut read = |block: u32| {
            self.of(image).read_exact_at(&mut buffer, u64::from(block) * BLOCK).ok()?;
            Some((block, Box::from(&buffer[..])))
        };
        blocks.iter().cloned().flatten().filter_map(&mut read).collect()
    }
}

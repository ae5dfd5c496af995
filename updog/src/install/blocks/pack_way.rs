//! A delta pack as the way to a release.
//!
//! The head says what each block of the new images is, apart from those that are in the pack. Of these, the digest of a piece says whether
//! they are there already; a piece that is there is not fetched.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use manifest::Contents;
use pack::{Head, Image, PlacedPiece, Sha256};
use signpost::SetLayout;
use verity::{BLOCK_SIZE, BlockHasher, Prefix, ReadAt, RootHash};

use super::present::{Present, Purpose, Trust, Wanted};
use super::recipe::{ImageRecipe, Recipe, Way};
use super::running::Tree;
use super::{Bad, DeltaError, Running, head};
use crate::install::Region;
use crate::install::region::BLOCK;

/// Blocks that are looked at to find out whether a killed run has left any: 16 MiB, since so much is written between two flushes.
const FIRST_BLOCKS: usize = 4096;

/// How a release is made of a pack.
#[derive(Debug)]
pub(super) struct PackWay {
    pub(super) head: Arc<Head>,
    pub(super) recipe: Recipe,
    /// Of each piece: whether it is fetched.
    pub(super) needed: Vec<bool>,
}

/// What the way depends on besides the pack.
pub(super) struct Ground<'a> {
    pub(super) disk: &'a File,
    /// The set that is written.
    pub(super) layout: &'a SetLayout,
    pub(super) contents: &'a Contents,
    pub(super) running: &'a Running,
    pub(super) bad: &'a Bad,
    pub(super) trust: Trust,
    /// Most blocks of the written set that are kept in memory, since their places are written before their last use.
    pub(super) spilled_blocks: usize,
}

impl PackWay {
    /// Finds the way.
    ///
    /// # Errors
    ///
    /// Refuses a pack for another set or to another release, and fails when the target set cannot be opened.
    pub(super) fn find(head: Arc<Head>, ground: &Ground<'_>) -> Result<Self, DeltaError> {
        let tree = ground.running.tree().ok_or(DeltaError::NoTree)?;
        ground.running.check(tree, &head)?;
        head::check(&head, ground.contents)?;
        let new = *head.new_release();
        let wanted = Wanted {
            params: &tree.params,
            root_hash: RootHash(new.root_hash),
            root_blocks: new.root_blocks,
            boot_blocks: new.boot_blocks,
        };
        let first = first_blocks(&head, tree);
        let purpose = (ground.trust, Purpose::Rest(&first));
        let present = Present::of(ground.disk, ground.layout, wanted, purpose)?;
        let needed = needed(&head, ground, &present)?;
        let hasher = BlockHasher::new(&wanted.params.salt);
        let zero = Prefix::of(&hasher.digest(&[0; BLOCK_SIZE]));
        let boot = ground.running.boot_prefixes(head.old().boot_blocks, wanted.params)?;
        let known = Known { tree, boot, zero, present: &present };
        let root = known.recipe(Image::Root, &head, &needed, &[]);
        let boot = known.recipe(Image::Boot, &head, &needed, &root.wanted);
        let recipe = Recipe { root, boot };
        Ok(Self { head, recipe, needed })
    }

    /// The bytes of the pack that are fetched, adjacent ones together.
    pub(super) fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (placed, _) in self.head.pieces().zip(&self.needed).filter(|(_, needed)| **needed) {
            match ranges.last_mut() {
                Some(last) if last.end == placed.range.start => last.end = placed.range.end,
                _ => ranges.push(placed.range),
            }
        }
        ranges
    }
}

/// What the first blocks of the new root image are, where the running set has them.
fn first_blocks(head: &Head, tree: &Tree) -> Vec<Prefix> {
    let blocks = head.runs(Image::Root).iter().flat_map(|run| {
        (0..run.blocks).map(move |step| match run.way {
            pack::Way::Old { image: Image::Root, first } => tree.prefix(first + step),
            _ => Prefix::UNKNOWN,
        })
    });
    blocks.take(FIRST_BLOCKS).collect()
}

/// Which pieces have to be fetched: those whose blocks are not there. Only a killed run can have left any.
fn needed(head: &Head, ground: &Ground<'_>, present: &Present) -> Result<Vec<bool>, DeltaError> {
    let open = |range| Region::open_to_read(ground.disk, range).map_err(DeltaError::OpenTarget);
    let (root, boot) = (open(ground.layout.root)?, open(ground.layout.boot)?);
    let region = |image| match image {
        Image::Root => &root,
        Image::Boot => &boot,
    };
    Ok(head.pieces().map(|placed| !present.is_read || !is_there(&placed, region)).collect())
}

fn is_there<'r>(placed: &PlacedPiece<'_>, region: impl Fn(Image) -> &'r Region) -> bool {
    let mut blocks = verity::AlignedBuffer::new(placed.piece.raw_bytes());
    let mut rest = &mut blocks[..];
    for place in &placed.places {
        let length = usize::try_from(place.blocks).unwrap_or(usize::MAX) * BLOCK_SIZE;
        let (these, behind) = rest.split_at_mut(length);
        let offset = u64::from(place.first) * BLOCK;
        if region(place.image).read_exact_at(these, offset).is_err() {
            return false;
        }
        rest = behind;
    }
    Sha256::of(&blocks) == placed.piece.raw
}

/// What is known of the blocks that are wanted and of those that are there.
struct Known<'a> {
    /// Of the running set.
    tree: &'a Tree,
    /// Of the running set's boot image.
    boot: Vec<Prefix>,
    zero: Prefix,
    present: &'a Present,
}

impl Known<'_> {
    /// How an image comes about; `root` is what the blocks of the root image are, if that came before.
    fn recipe(&self, image: Image, head: &Head, needed: &[bool], root: &[Prefix]) -> ImageRecipe {
        let mut fetched = Fetched::new(head, needed);
        let mut recipe = ImageRecipe::default();
        let mut block = 0;
        for run in head.runs(image) {
            for step in 0..run.blocks {
                let (way, wanted) = match run.way {
                    pack::Way::Zero => (Way::Zero, self.zero),
                    pack::Way::Old { image, first } => {
                        let first = first + step;
                        (Way::Running { image, first }, self.running(image, first))
                    }
                    pack::Way::New => match fetched.has(image, block) {
                        true => (Way::Supplied, Prefix::UNKNOWN),
                        false => (Way::InPlace, self.present(image, block)),
                    },
                    pack::Way::Again { image: from, first } => {
                        let first = first + step;
                        let wanted =
                            if from == image { recipe.wanted(first) } else { at(root, first) };
                        (Way::Written { image: from, first }, wanted)
                    }
                };
                let is_there = wanted.is_known() && self.present(image, block) == wanted;
                recipe.push(if is_there { Way::InPlace } else { way });
                recipe.wanted.push(wanted);
                block += 1;
            }
        }
        recipe
    }

    fn running(&self, image: Image, block: u32) -> Prefix {
        match image {
            Image::Root => self.tree.prefix(block),
            Image::Boot => at(&self.boot, block),
        }
    }

    fn present(&self, image: Image, block: u32) -> Prefix {
        at(self.present.of_image(image), block)
    }
}

fn at(prefixes: &[Prefix], block: u32) -> Prefix {
    let index = usize::try_from(block).ok();
    index.and_then(|index| prefixes.get(index)).copied().unwrap_or(Prefix::UNKNOWN)
}

/// The new blocks whose pieces are fetched, asked for in their order.
struct Fetched<'a> {
    extents: Box<dyn Iterator<Item = pack::Extent> + 'a>,
    current: Option<pack::Extent>,
}

impl<'a> Fetched<'a> {
    fn new(head: &'a Head, needed: &'a [bool]) -> Self {
        let pieces = head.pieces().zip(needed).filter(|(_, needed)| **needed);
        Self { extents: Box::new(pieces.flat_map(|(placed, _)| placed.places)), current: None }
    }

    fn has(&mut self, image: Image, block: u32) -> bool {
        let is_behind = |extent: &pack::Extent| {
            (extent.image, extent.first + (extent.blocks - 1)) < (image, block)
        };
        while self.current.as_ref().is_none_or(is_behind) {
            match self.extents.next() {
                Some(extent) => self.current = Some(extent),
                None => return false,
            }
        }
        self.current.is_some_and(|extent| extent.image == image && extent.first <= block)
    }
}

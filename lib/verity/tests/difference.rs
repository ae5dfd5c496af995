//! Carrying out a difference gives the wanted image, from whatever lies in the target, and lacks no more than it must.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use verity::{
    BLOCK_SIZE, BlockHasher, Difference, Digest, Inventory, Leaves, Origin, Params, Prefix, Region,
    Way, difference, unused,
};

/// A block of one letter; 0 is the zero block.
type Block = u8;

fn hasher() -> BlockHasher {
    BlockHasher::new(&Params::for_product_line("difference").salt)
}

fn digest(block: Block) -> Digest {
    hasher().digest(&[block; BLOCK_SIZE])
}

fn leaves(blocks: &[Block]) -> Leaves {
    Leaves::new(blocks.iter().copied().map(digest).collect()).unwrap()
}

/// What there is in a case: the wanted image, the target as it lies there, and another set.
#[derive(Clone, Debug)]
struct Case {
    wanted: Vec<Block>,
    target: Vec<Block>,
    still: Vec<Block>,
    /// Blocks of the target that cannot be read.
    unreadable: BTreeSet<usize>,
    spill_limit: usize,
}

impl Case {
    /// With the target's own content as an origin, after the still one.
    fn solve(&self, by_prefix: bool) -> Difference {
        let wanted = leaves(&self.wanted);
        let present = self.present();
        let still = Inventory::of_leaves(&leaves(&self.still)).unwrap();
        let target = Inventory::of_leaves(&present).unwrap();
        let origins = [Origin::Still(&still), Origin::Target(&target)];
        let (few, less): (Vec<Prefix>, Vec<Prefix>) = (wanted.prefixes(), present.prefixes());
        let (wanted, present) = if by_prefix {
            (Region::Prefixes(&few), Region::Prefixes(&less))
        } else {
            (Region::Leaves(&wanted), Region::Leaves(&present))
        };
        difference(&wanted, &present, &digest(0), &origins, self.spill_limit).unwrap()
    }

    fn present(&self) -> Leaves {
        let known = leaves(&self.target).digests().to_vec();
        let unreadable = |(block, digest)| {
            if self.unreadable.contains(&block) { Leaves::UNKNOWN } else { digest }
        };
        Leaves::new(known.into_iter().enumerate().map(unreadable).collect()).unwrap()
    }

    /// Blocks whose content is nowhere.
    fn nowhere(&self) -> usize {
        let readable = |(block, content): (usize, &Block)| {
            (!self.unreadable.contains(&block)).then_some(*content)
        };
        let mut there: BTreeSet<Block> = self.still.iter().copied().collect();
        there.extend(self.target.iter().enumerate().filter_map(readable));
        there.insert(0);
        self.wanted.iter().filter(|block| !there.contains(block)).count()
    }

    /// Writes the first `steps` blocks of the difference, in order.
    fn carry_out(&self, difference: &Difference, steps: usize) -> Vec<Block> {
        let mut disk = self.target.clone();
        disk.resize(disk.len().max(self.wanted.len()), 0xff);
        let spilled: BTreeMap<u32, Block> =
            difference.spilled.iter().cloned().flatten().map(|at| (at, disk[place(at)])).collect();
        for (block, way) in ways(difference).into_iter().take(steps) {
            disk[block] = match way {
                Way::InPlace => disk[block],
                Way::Zero => 0,
                Way::Lacking => self.wanted[block], // from a pack
                Way::Copy { origin: 0, first } => self.still[place(first)],
                Way::Copy { first, .. } => {
                    spilled.get(&first).copied().unwrap_or_else(|| disk[place(first)])
                }
            };
        }
        disk
    }
}

fn place(block: u32) -> usize {
    usize::try_from(block).unwrap()
}

/// Each block with its own way; the runs cover all blocks in order.
fn ways(difference: &Difference) -> Vec<(usize, Way)> {
    let mut ways = Vec::new();
    for run in &difference.runs {
        assert_eq!(place(run.first), ways.len());
        for step in 0..run.blocks {
            let way = match run.way {
                Way::Copy { origin, first } => Way::Copy { origin, first: first + step },
                other => other,
            };
            ways.push((place(run.first + step), way));
        }
    }
    ways
}

fn count(difference: &Difference, wanted: Way) -> usize {
    ways(difference).iter().filter(|(_, way)| *way == wanted).count()
}

fn spilled(difference: &Difference) -> usize {
    difference.spilled.iter().map(ExactSizeIterator::len).sum()
}

/// Pieces of a common text, moved, doubled and mixed with blocks of their own and zeros.
fn image() -> impl Strategy<Value = Vec<Block>> {
    let part = prop_oneof![
        3 => (0..40_u8, 1..12_u8).prop_map(|(first, count)| (first..first + count).collect()),
        1 => prop::collection::vec(any::<Block>(), 1..4),
        1 => (1..6_usize).prop_map(|count| vec![0; count]),
        1 => (1..3_u8, 1..6_usize).prop_map(|(letter, count)| vec![letter; count]),
    ];
    prop::collection::vec(part, 1..8).prop_map(|parts| parts.concat())
}

fn case() -> impl Strategy<Value = Case> {
    let limit = prop_oneof![Just(0), 0..8_usize, Just(usize::MAX)];
    (image(), image(), image(), any::<prop::sample::Index>(), limit, any::<u64>()).prop_map(
        |(wanted, mut target, still, written, spill_limit, bits)| {
            let written = written.index(wanted.len() + 1).min(target.len());
            target[..written].copy_from_slice(&wanted[..written]);
            let unreadable = (0..64).filter(|bit| bits & (bits >> 7) & (1 << bit) != 0).collect();
            Case { wanted, target, still, unreadable, spill_limit }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn carried_out_in_order_it_gives_the_wanted_image(case in case(), by_prefix in any::<bool>()) {
        let difference = case.solve(by_prefix);
        let disk = case.carry_out(&difference, usize::MAX);
        prop_assert_eq!(&disk[..case.wanted.len()], case.wanted.as_slice());
    }

    #[test]
    fn what_is_lacking_is_nowhere(case in case()) {
        let difference = case.solve(false);
        let lacking = count(&difference, Way::Lacking);
        prop_assert!(spilled(&difference) <= case.spill_limit);
        if spilled(&difference) < case.spill_limit {
            prop_assert_eq!(lacking, case.nowhere());
        } else {
            prop_assert!(lacking >= case.nowhere());
        }
    }

    #[test]
    fn stopped_anywhere_it_is_begun_again_from_what_is_there(case in case(), stops in prop::collection::vec(0..60_usize, 0..4)) {
        let mut case = case;
        for stop in stops {
            case.target = case.carry_out(&case.solve(false), stop);
            case.unreadable.clear(); // what was written can be read
        }
        let disk = case.carry_out(&case.solve(false), usize::MAX);
        prop_assert_eq!(&disk[..case.wanted.len()], case.wanted.as_slice());
        let done = Case { target: disk, unreadable: BTreeSet::new(), ..case.clone() };
        prop_assert_eq!(count(&done.solve(false), Way::InPlace), case.wanted.len());
    }

    #[test]
    fn unused_blocks_are_those_whose_content_is_not_wanted(case in case()) {
        let wanted = Inventory::of_leaves(&leaves(&case.wanted)).unwrap();
        let old = leaves(&case.still);
        let unused: Vec<u32> =
            unused(&Region::Leaves(&old), &[&wanted]).unwrap().into_iter().flatten().collect();
        for (block, content) in (0..).zip(&case.still) {
            prop_assert_eq!(unused.contains(&block), !case.wanted.contains(content));
        }
    }
}

#[test]
fn blocks_that_moved_together_are_one_run() {
    let still: Vec<Block> = [1, 1, 1, 2, 3, 4, 5, 1, 6, 7].to_vec();
    let wanted: Vec<Block> = [9, 3, 4, 5, 1, 6, 7, 1].to_vec();
    let target = vec![0xee];
    let unreadable = BTreeSet::new();
    let case = Case { wanted, target, still, unreadable, spill_limit: 0 };
    let runs: Vec<_> = case.solve(false).runs.iter().map(|run| (run.blocks, run.way)).collect();
    let copy = |first| Way::Copy { origin: 0, first };
    assert_eq!(runs, [(1, Way::Lacking), (6, copy(4)), (1, copy(0))]);
}

#[test]
fn an_image_that_moved_backwards_needs_no_spilling() {
    let target: Vec<Block> = (1..=60).collect();
    let wanted: Vec<Block> = (4..=60).collect();
    let case = Case { wanted, target, still: vec![0], unreadable: BTreeSet::new(), spill_limit: 0 };
    let difference = case.solve(false);
    assert_eq!((difference.runs.len(), spilled(&difference)), (1, 0));
    assert_eq!(difference.runs[0].way, Way::Copy { origin: 1, first: 3 });
}

#[test]
fn an_image_that_moved_forwards_is_spilled_as_far_as_allowed() {
    let target: Vec<Block> = (1..=10).collect();
    let wanted: Vec<Block> = [vec![99], (1..=9).collect()].concat();
    for spill_limit in [0, 4, 9, 100] {
        let (wanted, target) = (wanted.clone(), target.clone());
        let case =
            Case { wanted, target, still: vec![0], unreadable: BTreeSet::new(), spill_limit };
        let difference = case.solve(false);
        assert_eq!(spilled(&difference), spill_limit.min(9));
        assert_eq!(count(&difference, Way::Lacking), 1 + 9 - spill_limit.min(9));
    }
}

#[test]
fn many_equal_blocks_are_found_quickly() {
    // Every wanted block is there a hundred thousand times, and none is where it could be copied from without a look.
    let (one, other) = (Prefix::of(&digest(1)), Prefix::of(&digest(2)));
    let present = [vec![one; 100_000], vec![other; 100_000]].concat();
    let wanted = [vec![other; 100_000], vec![one; 100_000]].concat();
    let target = Inventory::of(&Region::Prefixes(&present)).unwrap();
    let (wanted, present) = (Region::Prefixes(&wanted), Region::Prefixes(&present));
    let origins = [Origin::Target(&target)];
    let difference = difference(&wanted, &present, &digest(0), &origins, 1).unwrap();
    assert_eq!(count(&difference, Way::Lacking), 0);
    assert_eq!(spilled(&difference), 1);
}

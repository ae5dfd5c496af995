//! Sets in every state that a killed run, another release or a bad disk can leave, and what makes them whole.

#![allow(clippy::panic)]

use std::os::unix::fs::FileExt;

use frames::make as framing;

use super::super::frame_supply::FrameSupply;
use super::super::frames_way::FramesWay;
use super::super::recipe::Recipe;
use super::super::supply::Supply;
use super::*;

/// The frames of a release, and their index.
struct Framed {
    index: Arc<frames::Index>,
    targets: [Vec<u8>; 2],
}

impl Framed {
    fn of(new: &Built) -> Self {
        let params = Params::for_product_line("test");
        let zero = BlockHasher::new(&params.salt).digest(&[0; BLOCK_SIZE]);
        let level = framing::Level::new(1).unwrap();
        let (new_level, threads) = (level, NonZeroUsize::MIN);
        let options = framing::Options { level, new_level, threads, frame_blocks: 3 };
        let [root, boot] = [(&new.root, &new.leaves[0]), (&new.boot, &new.leaves[1])];
        let made = [root, boot].map(|(image, leaves)| {
            let length = u64::try_from(image.len()).unwrap();
            let source = framing::Source { data: image, length, leaves };
            let mut target = Vec::new();
            let made = framing::frames(&source, &[], &zero, &options, &mut target, &|_| ());
            (made.unwrap(), target)
        });
        let index = framing::index(&params, &made[0].0, &made[1].0).unwrap();
        let index = Arc::new(frames::Index::parse(&index).unwrap());
        Self { index, targets: made.map(|(_, target)| target) }
    }

    /// What arrives when these ranges are asked for.
    fn bytes(&self, ranges: &[Vec<Range<u64>>; 2]) -> Vec<u8> {
        let parts = self.targets.iter().zip(ranges);
        let parts = parts.flat_map(|(target, ranges)| {
            ranges.iter().map(move |range| target[bytes(range)].to_vec())
        });
        parts.flatten().collect()
    }
}

/// A supply that breaks off.
struct Broken<'a> {
    inner: &'a mut dyn Supply,
    left: usize,
}

impl Supply for Broken<'_> {
    fn take(&mut self, image: Image, first: u32, room: &mut [u8]) -> Result<usize, DeltaError> {
        self.left = self.left.checked_sub(1).ok_or(DeltaError::Short)?;
        self.inner.take(image, first, room)
    }
}

impl Host {
    fn make(
        &self,
        recipe: &Recipe,
        (contents, params): (&Contents, &Params),
        supply: &mut dyn Supply,
        bad: &mut Bad,
    ) -> Result<(), DeltaError> {
        let running = &Running::open(&self.disk, &self.sets[0])?;
        let (disk, layout) = (&self.disk, &self.sets[1]);
        let (written, checked): (&(dyn Fn(u64) + Sync), &(dyn Fn(u64) + Sync)) = (&|_| (), &|_| ());
        Making { disk, layout, contents, running, params, written, checked }
            .run(recipe, supply, bad)
    }

    /// Looks at the set and makes it whole with frames; breaks off after so many answers. Gives the tally.
    fn frame(
        &self,
        framed: &Framed,
        new: &Built,
        (trust, bad, answers): (Trust, &mut Bad, usize),
    ) -> Result<Tally, (Tally, DeltaError)> {
        let contents = new.contents();
        let way = {
            let running = &Running::open(&self.disk, &self.sets[0]).unwrap();
            let (disk, layout) = (&self.disk, &self.sets[1]);
            let (contents, spilled_blocks) = (&contents, 8);
            let ground = Ground { disk, layout, contents, running, bad, trust, spilled_blocks };
            FramesWay::find(Arc::clone(&framed.index), &ground).unwrap()
        };
        let arriving = framed.bytes(&way.ranges);
        let params = way.index.params();
        let hasher = BlockHasher::new(&params.salt);
        let source = &arriving[..];
        let mut supply = FrameSupply::new(&way.index, &hasher, source, way.ranges.clone()).unwrap();
        let mut supply = Broken { inner: &mut supply, left: answers };
        let made = self.make(&way.recipe, (&contents, params), &mut supply, bad);
        let tally = way.recipe.tally();
        made.map(|()| tally).map_err(|error| (tally, error))
    }

    /// As often as it takes.
    fn becomes(&self, framed: &Framed, new: &Built) {
        let (mut trust, mut bad) = (Trust::Tree, Bad::default());
        for _ in 0..5 {
            let all = (trust, &mut bad, usize::MAX);
            match self.frame(framed, new, all) {
                Ok(_) => return self.holds(new),
                Err((_, DeltaError::Holes { .. })) => trust = Trust::Nothing,
                Err((_, error)) => panic!("{error}"),
            }
        }
        panic!("it never becomes whole");
    }

    fn holds(&self, new: &Built) {
        check_set(&self.disk, &self.sets[1], &new.contents(), &|_| ()).unwrap();
        assert!(self.read(self.sets[1].root, new.root.len()) == new.root);
        assert!(self.read(self.sets[1].boot, new.boot.len()) == new.boot);
        assert!(self.read(self.sets[1].hash, new.hash.len()) == new.hash);
    }

    fn put(&self, range: PartRange, block: usize, bytes: &[u8]) {
        let place = range.start + u64::try_from(block).unwrap() * 4096;
        self.disk.write_all_at(bytes, place).unwrap();
    }
}

#[test]
fn a_set_that_is_whole_is_neither_fetched_nor_written() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let new = Built::new(&[3, 7, 1, 0, 8], &[4, 9]);
    let (host, framed) = (Host::new(&old), Framed::of(&new));
    new.lay(&host.disk, &host.sets[1]);
    let tally = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 0)).unwrap();
    assert_eq!((tally.written_bytes(), tally.in_place_bytes), (0, 7 * 4096));
    host.holds(&new);
}

#[test]
fn only_what_neither_set_holds_is_fetched() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let new = Built::new(&[3, 7, 1, 0, 11, 12, 8, 8], &[4, 9, 8, 2, 9]);
    let (host, framed) = (Host::new(&old), Framed::of(&new));
    // What the set held: two blocks that are wanted, in other places, and one in its place.
    Built::new(&[12, 7, 40, 41, 42, 11], &[50]).lay(&host.disk, &host.sets[1]);
    let tally = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 9)).unwrap();
    let blocks = |bytes| bytes / 4096;
    assert_eq!(blocks(tally.fetched_bytes), 2, "blocks 8 and 9");
    assert_eq!(blocks(tally.in_place_bytes), 1, "block 7");
    assert_eq!(blocks(tally.target_bytes), 2, "blocks 11 and 12, which have to be kept");
    assert_eq!(blocks(tally.again_bytes), 3, "blocks 8 and 9, wherever they come again");
    host.holds(&new);
}

#[test]
fn a_tree_that_lies_is_found_out_and_costs_one_more_look() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let new = Built::new(&[20, 21, 22, 3], &[4]);
    let (host, framed) = (Host::new(&old), Framed::of(&new));
    let told = Built::new(&[20, 21, 22, 9], &[4]);
    told.lay(&host.disk, &host.sets[1]);
    host.put(host.sets[1].root, 1, &[0xEE; 4096]);
    let error = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 9)).unwrap_err().1;
    assert!(matches!(error, DeltaError::Holes { blocks: 1 }), "{error}");
    let (tally, mut bad) =
        (host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 9)), Bad::default());
    assert_eq!(tally.unwrap().fetched_bytes, 4096, "nobody believes the tree any more");
    host.frame(&framed, &new, (Trust::Nothing, &mut bad, 0)).unwrap();
    host.holds(&new);
}

#[test]
fn bad_blocks_of_the_running_set_are_fetched() {
    let old = Built::new(&[1, 2, 3, 4, 5, 6], &[7, 8]);
    let new = Built::new(&[6, 5, 4, 3, 2, 1], &[8, 7]);
    let (host, framed) = (Host::new(&old), Framed::of(&new));
    host.put(host.sets[0].root, 2, &[0xEE; 8]);
    host.put(host.sets[0].root, 4, &[0xEE; 8]);
    host.put(host.sets[0].boot, 0, &[0xEE; 8]);
    host.becomes(&framed, &new);
}

#[test]
fn frames_of_another_release_are_refused_before_anything_is_written() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let (new, other) = (Built::new(&[9, 2, 3], &[4]), Built::new(&[9, 2], &[4]));
    let host = Host::new(&old);
    let running = &Running::open(&host.disk, &host.sets[0]).unwrap();
    let (disk, layout, trust, spilled_blocks) = (&host.disk, &host.sets[1], Trust::Tree, 0);
    let (contents, bad) = (&new.contents(), &Bad::default());
    let ground = Ground { disk, layout, contents, running, bad, trust, spilled_blocks };
    let error = FramesWay::find(Framed::of(&other).index, &ground).unwrap_err();
    assert!(matches!(error, DeltaError::OtherNew), "{error}");
}

#[test]
fn an_index_with_other_blocks_than_the_root_hash_is_found_out() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let (new, other) = (Built::new(&[9, 2, 3], &[4]), Built::new(&[9, 2, 1], &[4]));
    let (host, framed) = (Host::new(&old), Framed::of(&other));
    let error = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 9)).unwrap_err().1;
    assert!(matches!(error, DeltaError::NewRoot { .. }), "{error}");
}

#[test]
fn a_set_under_another_salt_is_read_and_hashed() {
    let new = Built::new(&[3, 2, 1, 9], &[4]);
    let old = Built::with_params(&[1, 2, 3], &[4], &Params::for_product_line("another"));
    let (host, framed) = (Host::new(&old), Framed::of(&new));
    let tally = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 9)).unwrap();
    assert_eq!(tally.fetched_bytes, 4096);
    host.holds(&new);
}

#[test]
fn frames_with_other_bytes_or_too_few_are_noticed() {
    let old = Built::new(&[1, 2, 3], &[4]);
    let new = Built::new(&[30, 31, 32, 33, 34], &[4, 35]);
    let framed = Framed::of(&new);
    let places = [0, framed.targets[0].len() / 2];
    for (place, cut) in places.into_iter().flat_map(|place| [(place, false), (place, true)]) {
        let (host, mut framed) = (Host::new(&old), Framed::of(&new));
        framed.targets[0][place] ^= 0x55;
        if cut {
            framed.targets[1].fill(0);
        }
        let (_, error) =
            host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 99)).unwrap_err();
        assert!(error.is_of_mirror(), "{place}: {error}");
    }
}

/// What lies in a block of the set before anything is done.
#[derive(Clone, Debug)]
enum Lies {
    /// The block of the new release.
    New,
    /// What the set held.
    Old,
    /// Anything.
    Other(u32),
}

fn lies() -> impl Strategy<Value = Lies> {
    prop_oneof![Just(Lies::New), Just(Lies::Old), (0..30_u32).prop_map(Lies::Other)]
}

fn lay_half(host: &Host, range: PartRange, new: &[u8], states: &[Lies]) {
    for (block, state) in states.iter().enumerate().take(new.len() / BLOCK_SIZE) {
        match state {
            Lies::New => {
                let start = block * BLOCK_SIZE;
                host.put(range, block, &new[start..start + BLOCK_SIZE]);
            }
            Lies::Old => {}
            Lies::Other(number) => host.put(range, block, &image(&[*number])),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_set_in_any_state_becomes_the_release(
        running in (blocks(2), blocks(1)),
        held in (blocks(2), blocks(1)),
        new in (blocks(2), blocks(1)),
        states in (prop::collection::vec(lies(), 40), prop::collection::vec(lies(), 40)),
        (has_tree, damaged) in (any::<bool>(), prop::collection::vec(0..40_usize, 0..3)),
        (by_pack, answers) in (any::<bool>(), 0..30_usize),
    ) {
        let running = Built::new(&running.0, &running.1);
        let (held, new) = (Built::new(&held.0, &held.1), Built::new(&new.0, &new.1));
        let (host, framed) = (Host::new(&running), Framed::of(&new));
        held.lay(&host.disk, &host.sets[1]);
        if !has_tree {
            host.put(host.sets[1].hash, 0, &[0; BLOCK_SIZE]);
        }
        lay_half(&host, host.sets[1].root, &new.root, &states.0);
        lay_half(&host, host.sets[1].boot, &new.boot, &states.1);
        if by_pack {
            // A pack may lead to the end, or leave what a bad tree has made it believe.
            let (pack, head) = packed(&running, &new);
            match host.receive(&pack, &head, &new.contents()) {
                Ok(_) => {
                    host.holds(&new);
                    return Ok(());
                }
                Err(error) => prop_assert!(has_tree, "{error}"),
            }
        }
        // Some blocks of the running set are bad from here on.
        for block in damaged.iter().filter(|block| **block < running.root.len() / BLOCK_SIZE) {
            host.put(host.sets[0].root, *block, &[0xEE; 16]);
        }
        // A run that breaks off leaves whatever it leaves.
        let _ = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), answers));
        host.becomes(&framed, &new);
    }

    #[test]
    fn what_one_run_has_fetched_the_next_one_does_not(
        running in (blocks(2), blocks(1)),
        new in (blocks(2), blocks(1)),
        answers in 0..30_usize,
    ) {
        let (running, new) = (Built::new(&running.0, &running.1), Built::new(&new.0, &new.1));
        let (host, framed) = (Host::new(&running), Framed::of(&new));
        let first = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), answers));
        if let Err((tally, _)) = first {
            // Each answer brought a block at least, and whatever was handed over is there.
            let second = host.frame(&framed, &new, (Trust::Tree, &mut Bad::default(), 99));
            let second = second.map_err(|(_, error)| error).unwrap();
            let least = u64::try_from(answers).unwrap() * 4096;
            prop_assert!(second.fetched_bytes + least <= tally.fetched_bytes);
        }
        host.holds(&new);
    }
}

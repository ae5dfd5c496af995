//! From images to frames and back, as hosts, zstd and the standard's seek table see them.
#![cfg(feature = "make")]
#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;

use frames::make::{self, Level, MakeError, Older, Options, Source};
use frames::{Decoder, ImageIndex, Index};
use proptest::prelude::*;
use verity::{BLOCK_SIZE, BlockHasher, Leaves, Params, Unreadable};

/// What blocks of an image are made of; zero is zeros.
fn image(numbers: &[u8], cut: usize) -> Vec<u8> {
    let line = |number: &u8| match number {
        0 => vec![0; BLOCK_SIZE],
        number => format!("line of block {number} ").bytes().cycle().take(BLOCK_SIZE).collect(),
    };
    let mut bytes: Vec<u8> = numbers.iter().flat_map(line).collect();
    bytes.truncate(bytes.len() - cut);
    bytes
}

fn params() -> Params {
    Params::for_product_line("example")
}

fn leaves(bytes: &[u8]) -> Leaves {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(BLOCK_SIZE), 0);
    let (length, hasher) = (padded.len().try_into().unwrap(), BlockHasher::new(&params().salt));
    let one = NonZeroUsize::MIN;
    Leaves::of_data(&padded, length, &hasher, Unreadable::Refuse, one, &|_| ()).unwrap()
}

fn options(threads: usize, frame_blocks: u32) -> Options {
    Options {
        level: Level::new(5).unwrap(),
        new_level: Level::new(3).unwrap(),
        threads: NonZeroUsize::new(threads).unwrap(),
        frame_blocks,
    }
}

fn older(root: &[u8], boot: &[u8]) -> Older {
    Older::new(&leaves(root), &leaves(boot)).unwrap()
}

/// Targets of root and boot, and the index's bytes.
fn made(images: [&[u8]; 2], older: &[Older], options: &Options) -> [Vec<u8>; 3] {
    let zero = BlockHasher::new(&params().salt).digest(&[0; BLOCK_SIZE]);
    let [(root, root_made), (boot, boot_made)] = images.map(|bytes| {
        let (data, leaves) = (bytes.to_vec(), leaves(bytes));
        let length = bytes.len().try_into().unwrap();
        let source = Source { data: &data, length, leaves: &leaves };
        let mut out = Vec::new();
        let made = make::frames(&source, older, &zero, options, &mut out, &|_| ()).unwrap();
        assert_eq!(u64::try_from(out.len()).unwrap(), made.length);
        (out, made)
    });
    [root, boot, make::index(&params(), &root_made, &boot_made).unwrap()]
}

fn at(number: u64) -> usize {
    number.try_into().unwrap()
}

/// What a host makes of each frame.
fn decoded(index: &ImageIndex, target: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new().unwrap();
    let mut image = Vec::new();
    for frame in index.frames() {
        let mut into = vec![7; frame.raw_bytes()];
        let start = at(frame.offset);
        let compressed = &target[start..start + usize::try_from(frame.length).unwrap()];
        decoder.decode(frame, compressed, &mut into).unwrap();
        image.extend(into);
    }
    image
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().unwrap())
}

/// Compressed and decompressed length of each frame, by the standard: footer first.
fn seek_table(target: &[u8]) -> Vec<(u32, u32)> {
    let (rest, footer) = target.split_at(target.len() - 9);
    assert_eq!(number(&footer[5..]), 0x8F92_EAB1);
    assert_eq!(footer[4], 0, "no checksums, no reserved bits");
    let entries = usize::try_from(number(&footer[..4])).unwrap() * 8;
    let (rest, table) = rest.split_at(rest.len() - entries);
    let header = &rest[rest.len() - 8..];
    assert_eq!(number(&header[..4]), 0x184D_2A5E);
    assert_eq!(usize::try_from(number(&header[4..])).unwrap(), entries + 9);
    let entry = |entry: &[u8]| (number(&entry[..4]), number(&entry[4..]));
    table.chunks_exact(8).map(entry).collect()
}

fn check(bytes: &[u8], target: &[u8], index: &ImageIndex) {
    let image = decoded(index, target);
    let (own, padding) = image.split_at(bytes.len());
    assert!(own == bytes && padding.iter().all(|byte| *byte == 0) && padding.len() < BLOCK_SIZE);
    assert!(zstd::stream::decode_all(target).unwrap() == bytes, "as one stream");
    assert_eq!(index.prefixes(), leaves(bytes).prefixes());
    assert_eq!(at(index.target_len()), target.len());
    let table = seek_table(target);
    assert!(target.ends_with(&make::seek_table(index, bytes.len().try_into().unwrap())));
    let lengths: Vec<u32> = index.frames().iter().map(|frame| frame.length).collect();
    assert_eq!(table.iter().map(|entry| entry.0).collect::<Vec<_>>(), lengths);
    let raw: u64 = table.iter().map(|entry| u64::from(entry.1)).sum();
    assert_eq!(at(raw), bytes.len());
}

fn images() -> impl Strategy<Value = (Vec<u8>, usize)> {
    (prop::collection::vec(0..12_u8, 1..150), 0..BLOCK_SIZE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn frames_give_the_image_whatever_it_is(
        root in images(),
        boot in images(),
        old in prop::collection::vec((images(), images()), 0..3),
        threads in 1..4_usize,
        most in 1..=32_u32,
    ) {
        let [root, boot] = [image(&root.0, root.1), image(&boot.0, boot.1)];
        let older: Vec<Older> = old
            .iter()
            .map(|(root, boot)| older(&image(&root.0, root.1), &image(&boot.0, boot.1)))
            .collect();
        let options = options(threads, most);
        let targets = made([&root, &boot], &older, &options);
        let index = Index::parse(&targets[2]).unwrap();
        prop_assert_eq!(index.params(), &params());
        check(&root, &targets[0], index.root());
        check(&boot, &targets[1], index.boot());
        let full = index.root().frames().iter().all(|frame| frame.blocks <= most);
        prop_assert!(full);
        // The same again, on one thread.
        prop_assert_eq!(made([&root, &boot], &older, &self::options(1, most)), targets);
    }

    #[test]
    fn a_host_of_an_older_release_fetches_nothing_that_it_has(
        new in prop::collection::vec(0..12_u8, 1..150),
        old in prop::collection::vec(prop::collection::vec(0..12_u8, 1..30), 1..4),
    ) {
        let new = image(&new, 0);
        let older: Vec<Older> =
            old.iter().map(|old| older(&image(old, 0), &image(&[1], 0))).collect();
        let [_, _, index] = made([&new, &image(&[2], 0)], &older, &options(1, 32));
        let index = Index::parse(&index).unwrap();
        let zero = leaves(&[0; BLOCK_SIZE]).prefixes()[0];
        for release in &older {
            for frame in index.root().frames() {
                let blocks = &index.root().prefixes()[range(frame)];
                let mut has = blocks.iter().filter(|it| **it != zero).map(|it| release.has(*it));
                let first = has.next();
                prop_assert!(has.all(|it| Some(it) == first), "some blocks of it and some not");
            }
        }
    }

    #[test]
    fn damage_to_an_index_never_panics(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let numbers: Vec<u8> = (0..90).collect();
        let [_, _, mut bytes] = made([&image(&numbers, 9), &image(&[1, 2], 0)], &[], &options(1, 32));
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(index) = Index::parse(&bytes) {
            let covered: u32 = index.root().frames().iter().map(|frame| frame.blocks).sum();
            prop_assert_eq!(covered, index.root().blocks());
        }
    }
}

fn range(frame: &frames::Frame) -> std::ops::Range<usize> {
    at(frame.first.into())..at((frame.first + frame.blocks).into())
}

#[test]
fn what_an_older_boot_image_holds_counts_too() {
    let (new, kernel) = (image(&[1, 2, 3, 4], 0), image(&[3, 4], 0));
    let [_, _, index] =
        made([&new, &image(&[9], 0)], &[older(&image(&[8], 0), &kernel)], &options(1, 32));
    let index = Index::parse(&index).unwrap();
    let blocks: Vec<u32> = index.root().frames().iter().map(|frame| frame.blocks).collect();
    assert_eq!(blocks, [2, 2]);
}

#[test]
fn a_made_index_that_is_cut_anywhere_is_refused() {
    let numbers: Vec<u8> = (0..90).collect();
    let [_, _, bytes] = made([&image(&numbers, 9), &image(&[1, 2], 0)], &[], &options(1, 32));
    for length in 0..bytes.len() {
        assert!(Index::parse(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_damaged_frame_is_an_error_or_other_blocks_and_never_more() {
    let numbers: Vec<u8> = (0..64).collect();
    let image = image(&numbers, 0);
    let [target, _, index] = made([&image, &image], &[], &options(1, 32));
    let index = Index::parse(&index).unwrap();
    let frame = index.root().frames()[0];
    let mut decoder = Decoder::new().unwrap();
    let mut into = vec![0; frame.raw_bytes()];
    for place in 0..usize::try_from(frame.length).unwrap() {
        let mut damaged = target[..usize::try_from(frame.length).unwrap()].to_vec();
        damaged[place] ^= 0x41;
        let _ = decoder.decode(&frame, &damaged, &mut into);
    }
    assert_eq!(decoded(index.root(), &target), image);
}

#[test]
fn leaves_of_another_image_are_refused() {
    let (data, leaves) = (image(&[1, 2, 3], 0), leaves(&image(&[1, 2], 0)));
    let source = Source { data: &data, length: 3 * 4096, leaves: &leaves };
    let made = make::frames(&source, &[], &[0; 32], &options(2, 32), &mut Vec::new(), &|_| ());
    assert!(matches!(made, Err(MakeError::Leaves { blocks: 3, leaves: 2 })), "{made:?}");
}

#[test]
fn an_image_that_cannot_be_read_is_an_error_of_every_thread() {
    let numbers = vec![5; 2000];
    let whole = image(&numbers, 0);
    let leaves = leaves(&whole);
    let short = whole[..1000 * BLOCK_SIZE].to_vec();
    let source = Source { data: &short, length: whole.len().try_into().unwrap(), leaves: &leaves };
    for threads in [1, 3] {
        let out = &mut Vec::new();
        let made = make::frames(&source, &[], &[0; 32], &options(threads, 32), out, &|_| ());
        assert!(matches!(made, Err(MakeError::Read { .. })), "{made:?}");
    }
}

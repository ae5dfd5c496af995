//! A pack that was made, read by what it says, gives the new images.

#![cfg(feature = "make")]
#![allow(clippy::unwrap_used)]

mod world;

use std::num::NonZeroUsize;

use pack::{Head, Image, Way};
use proptest::prelude::*;
use world::{Pair, noise};

/// Images of a few pieces of common content, moved, doubled, changed and mixed with noise and zeros.
fn image() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => (0..4_u64, 0..20_usize, 1..20_usize).prop_map(|(seed, first, count)| {
            noise(seed, 40 * 4096)[first * 4096..(first + count) * 4096].to_vec()
        }),
        2 => (0..4_u64, 0..9000_usize, 1..60_000_usize)
            .prop_map(|(seed, first, count)| noise(seed, 100_000)[first..first + count].to_vec()),
        1 => (1..5_usize).prop_map(|count| vec![0; count * 4096]),
        1 => (0..99_u64, 1..10_000_usize).prop_map(|(seed, length)| noise(100 + seed, length)),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_pack_gives_the_new_images(old in [image(), image()], new in [image(), image()]) {
        let pair = Pair { old, new };
        let pack = pair.make(3, 2);
        prop_assert_eq!(pair.apply(&pack).unwrap(), pair.padded_new());
    }

    #[test]
    fn what_is_in_an_old_image_is_not_in_the_pack(old in [image(), image()]) {
        let new = [old[1].clone(), old[0].clone()];
        let pack = Pair { old, new }.make(3, 1);
        prop_assert_eq!(pack.head.new_blocks().count(), 0);
        prop_assert_eq!(pack.head.pieces().count(), 0);
    }
}

#[test]
fn any_number_of_threads_makes_the_same_pack() {
    // Four pieces, and more vanishing blocks than a window holds.
    let old = noise(1, 30 << 20);
    let new: Vec<u8> = old[..20 << 20].iter().map(|byte| byte.wrapping_add(1)).collect();
    let new = [&new[..], &old[1000..5000]].concat();
    let pair = Pair { old: [old, vec![1]], new: [new, vec![2]] };
    let one = pair.make(1, 1);
    assert_eq!(one.head.pieces().count(), 4);
    for threads in [2, 5] {
        assert!(pair.make(1, threads).bytes == one.bytes, "{threads} threads");
    }
    assert_eq!(pair.apply(&one).unwrap(), pair.padded_new());
}

#[test]
fn content_that_moved_far_is_in_the_window() {
    // 40 MiB vanish; the new blocks are the first 2 MiB of them, shifted by some bytes, at the other end.
    let old = noise(7, 40 << 20);
    let kept = noise(8, 1 << 20);
    let new = [kept.clone(), old[333..2 << 20].to_vec()].concat();
    let pair = Pair { old: [[kept, old].concat(), vec![1]], new: [new, vec![1]] };
    let pack = pair.make(3, 2);
    assert!(pack.bytes.len() < 16 << 10, "{} bytes", pack.bytes.len());
    assert_eq!(pair.apply(&pack).unwrap(), pair.padded_new());
}

#[test]
fn new_blocks_that_both_images_have_are_in_the_pack_once() {
    let kernel = noise(5, 64 << 10);
    let new = [[noise(1, 8192), kernel.clone()].concat(), [noise(2, 4096), kernel].concat()];
    let pair = Pair { old: [vec![1], vec![1]], new };
    let pack = pair.make(3, 1);
    let again = Way::Again { image: Image::Root, first: 2 };
    assert!(pack.head.runs(Image::Boot).iter().any(|run| run.way == again && run.blocks == 16));
    let new: u32 = pack.head.new_blocks().map(|extent| extent.blocks).sum();
    assert_eq!(new, 2 + 16 + 1);
    assert_eq!(pair.apply(&pack).unwrap(), pair.padded_new());
}

#[test]
fn what_both_old_images_have_is_in_the_window_once() {
    let kernel = noise(5, 64 << 10);
    let old = [kernel.clone(), [noise(1, 4096), kernel].concat()];
    let pair = Pair { old, new: [noise(6, 64 << 10), noise(2, 4096)] };
    let pack = pair.make(3, 1);
    let windows = pack.head.pieces().flat_map(|placed| placed.piece.window.clone());
    let of_images = windows.map(|extent| (extent.image, extent.first, extent.blocks));
    assert!(of_images.eq([(Image::Root, 0, 16), (Image::Boot, 0, 1)]));
}

#[test]
fn pieces_of_another_pack_are_refused() {
    let [one, other] = [3, 4].map(|seed| {
        let pair = Pair { old: [noise(1, 50_000), vec![1]], new: [noise(seed, 50_000), vec![2]] };
        (pair.make(3, 1), pair)
    });
    let mut mixed = other.0;
    mixed.head = one.0.head;
    assert!(one.1.apply(&mixed).is_err());
}

#[test]
fn cut_packs_and_flipped_bits_are_refused() {
    let pair = Pair { old: [noise(1, 90_000), vec![1]], new: [noise(2, 90_000), vec![2]] };
    let good = pair.make(3, 1);
    let start = usize::try_from(good.head.pieces().next().unwrap().range.start).unwrap();
    for at in [start, start + 5000, good.bytes.len() - 1] {
        let mut bad = good.clone();
        bad.bytes[at] ^= 4;
        assert!(pair.apply(&bad).is_err(), "byte {at}");
        let mut cut = good.clone();
        cut.bytes.truncate(at);
        assert!(pair.apply(&cut).is_err(), "cut at {at}");
    }
    let bytes = &good.bytes[12..start];
    for end in 0..bytes.len() {
        assert!(Head::parse(&bytes[..end]).is_err(), "a head of {end} bytes");
    }
}

#[test]
fn old_blocks_that_are_others_than_they_were_are_noticed() {
    let old = noise(1, 90_000);
    let new: Vec<u8> = old.iter().map(|byte| if *byte == 7 { 8 } else { *byte }).collect();
    let pair = Pair { old: [old, vec![1]], new: [new, vec![1]] };
    let pack = pair.make(9, 1);
    let mut other = pair.clone();
    other.old[0].iter_mut().for_each(|byte| *byte ^= 1);
    assert!(other.apply(&pack).is_err());
    assert_eq!(pair.apply(&pack).unwrap(), pair.padded_new());
}

#[test]
fn one_thread_is_started_however_little_memory_there_is() {
    let pair = Pair { old: [noise(1, 9000), vec![1]], new: [noise(2, 9000), vec![2]] };
    let options = world::options(3, NonZeroUsize::MIN, 0);
    assert!(pair.make_with(&options).bytes == pair.make(3, 1).bytes);
}

//! Indexes that were not made by us: each damage is an error, never a panic.
#![allow(clippy::unwrap_used)]

use frames::{Decoder, Error, FRAME_BLOCKS, Frame, Index};
use proptest::prelude::*;

/// An image's part: prefixes that count up, frames as given.
fn image(blocks: u32, frames: &[(u8, u32)]) -> Vec<u8> {
    let mut bytes = blocks.to_le_bytes().to_vec();
    bytes.extend((0..blocks).flat_map(|block| u64::from(block + 1).to_be_bytes()));
    bytes.extend(u32::try_from(frames.len()).unwrap().to_le_bytes());
    for (blocks, length) in frames {
        bytes.push(*blocks);
        bytes.extend(length.to_le_bytes());
    }
    bytes
}

fn index(root: &[u8], boot: &[u8]) -> Vec<u8> {
    let start = [&b"WSFRAMES"[..], &1_u32.to_le_bytes(), &3_u16.to_le_bytes(), b"abc", &[7; 16]];
    [&start.concat(), root, boot].concat()
}

fn sample() -> Vec<u8> {
    index(&image(40, &[(32, 1000), (1, 20), (7, 300)]), &image(2, &[(2, 50)]))
}

fn refused(root: &[u8]) -> Error {
    Index::parse(&index(root, &image(1, &[(1, 9)]))).unwrap_err()
}

#[test]
fn frames_are_placed_one_behind_the_other_and_found_by_their_blocks() {
    let index = Index::parse(&sample()).unwrap();
    assert_eq!(index.params().salt.as_bytes(), b"abc");
    assert_eq!(index.params().uuid.as_bytes(), &[7; 16]);
    let root = index.root();
    assert_eq!((root.blocks(), root.frames().len(), root.frames_len()), (40, 3, 1320));
    assert_eq!(root.target_len(), 1320 + 8 + 3 * 8 + 9);
    assert_eq!(root.prefixes()[39].to_bytes(), 40_u64.to_be_bytes());
    let last = Frame { first: 33, blocks: 7, offset: 1020, length: 300 };
    assert_eq!(root.frames()[2], last);
    let firsts = [0, 31, 32, 33, 39].map(|block| root.frame_of(block).unwrap().first);
    assert_eq!(firsts, [0, 0, 32, 33, 33]);
    assert_eq!((root.frame_of(40), index.boot().frame_of(u32::MAX)), (None, None));
}

#[test]
fn an_index_that_is_cut_anywhere_or_goes_on_is_refused() {
    let whole = sample();
    for length in 0..whole.len() {
        assert!(Index::parse(&whole[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(Index::parse(&[&whole[..], &[0]].concat()), Err(Error::Rest(1)));
}

#[test]
fn every_hostile_number_is_named() {
    let cover = |frames, blocks| Error::Cover { frames, blocks };
    assert_eq!(refused(&image(0, &[])), Error::Empty);
    assert_eq!(refused(&image(3, &[(2, 9)])), cover(2, 3));
    assert_eq!(refused(&image(3, &[(2, 9), (2, 9)])), cover(4, 3));
    assert_eq!(refused(&image(1, &[(1, 9), (0, 9)])), cover(2, 1));
    assert_eq!(refused(&image(2, &[(2, 9), (0, 9)])), Error::Blocks { frame: 1, blocks: 0 });
    assert_eq!(refused(&image(129, &[(129, 9)])), Error::Blocks { frame: 0, blocks: 129 });
    let length = |length| Error::Length { frame: 0, length, most: 4096 + 16 + 62 };
    for wrong in [0, 4096 + 16 + 63, u32::MAX] {
        assert_eq!(refused(&image(1, &[(1, wrong)])), length(wrong));
    }
    assert!(FRAME_BLOCKS <= u32::from(u8::MAX));
}

#[test]
fn counts_without_bytes_behind_them_take_no_memory() {
    let mut root = image(1, &[(1, 9)]);
    root[..4].fill(0xff); // blocks
    assert_eq!(refused(&root), Error::End);
    let mut root = image(1, &[(1, 9)]);
    root[12..16].fill(0xff); // frames
    assert_eq!(refused(&root), Error::End);
}

#[test]
fn other_starts_are_refused() {
    let with = |place: usize, byte| {
        let mut bytes = sample();
        bytes[place] = byte;
        Index::parse(&bytes).unwrap_err()
    };
    assert_eq!(with(0, b'w'), Error::Magic);
    assert_eq!(with(8, 2), Error::Version(2));
    assert!(matches!(with(13, 2), Error::Salt(_) | Error::End));
    assert_eq!(Index::parse(b"WSFR"), Err(Error::Magic));
}

fn frame(blocks: u32, compressed: &[u8]) -> Frame {
    Frame { first: 0, blocks, offset: 0, length: u32::try_from(compressed.len()).unwrap() }
}

fn decode(blocks: u32, compressed: &[u8]) -> Result<Vec<u8>, Error> {
    let frame = frame(blocks, compressed);
    let mut into = vec![1; frame.raw_bytes()];
    Decoder::new()?.decode(&frame, compressed, &mut into).map(|()| into)
}

#[test]
fn a_frame_gives_its_blocks_and_zeros_to_the_end_of_the_last_one() {
    let compressed = zstd::bulk::compress(&[7; 8192], 3).unwrap();
    assert_eq!(decode(2, &compressed).unwrap(), [7; 8192]);
    let ends_within = zstd::bulk::compress(&[7; 5000], 3).unwrap();
    let filled = decode(2, &ends_within).unwrap();
    assert!(filled[..5000].iter().all(|byte| *byte == 7));
    assert!(filled[5000..].iter().all(|byte| *byte == 0));
}

#[test]
fn other_lengths_are_refused() {
    let compressed = zstd::bulk::compress(&[7; 8192], 3).unwrap();
    assert!(matches!(decode(1, &compressed), Err(Error::Frame(_))));
    assert_eq!(decode(3, &compressed), Err(Error::RawLength { wanted: 12288, found: 8192 }));
    assert!(matches!(decode(2, b"no frame"), Err(Error::Frame(_))));
    assert_eq!(decode(1, b""), Err(Error::RawLength { wanted: 4096, found: 0 }));
    let mut decoder = Decoder::new().unwrap();
    let wanted = Frame { length: 9, ..frame(2, &compressed) };
    let short = decoder.decode(&wanted, &compressed, &mut [0; 8192]).unwrap_err();
    assert!(matches!(short, Error::CompressedLength { wanted: 9, .. }));
    let room = decoder.decode(&frame(2, &compressed), &compressed, &mut [0; 4096]);
    assert_eq!(room, Err(Error::Room { wanted: 8192, found: 4096 }));
    // After errors it still decodes.
    decoder.decode(&frame(2, &compressed), &compressed, &mut [0; 8192]).unwrap();
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(changes in prop::collection::vec((0..500_usize, any::<u8>()), 1..8)) {
        let mut bytes = sample();
        for (place, byte) in changes {
            if let Some(target) = bytes.get_mut(place) {
                *target = byte;
            }
        }
        if let Ok(index) = Index::parse(&bytes) {
            for image in [index.root(), index.boot()] {
                let blocks: u32 = image.frames().iter().map(|frame| frame.blocks).sum();
                prop_assert_eq!(blocks, image.blocks());
                prop_assert!((0..blocks).all(|block| image.frame_of(block).is_some()));
            }
        }
    }
}

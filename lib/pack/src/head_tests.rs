//! Heads as somebody with bad intentions would write them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::wire::write_runs;
use crate::{Sha256, Way};

/// A head that can be changed before it is written.
#[derive(Clone)]
struct Draft {
    old: Release,
    new: Release,
    root: Vec<Run>,
    boot: Vec<Run>,
    pieces: Vec<Piece>,
}

const NEW: Way = Way::New;

fn old(image: Image, first: u32) -> Way {
    Way::Old { image, first }
}

fn again(image: Image, first: u32) -> Way {
    Way::Again { image, first }
}

fn run(blocks: u32, way: Way) -> Run {
    Run { blocks, way }
}

fn extent(image: Image, first: u32, blocks: u32) -> Extent {
    Extent { image, first, blocks }
}

fn piece(blocks: u32, window: Vec<Extent>) -> Piece {
    let (compressed, raw) = (Sha256([1; 32]), Sha256([2; 32]));
    Piece { blocks, compressed_len: 1000, compressed, raw, window }
}

fn draft() -> Draft {
    let release = |root_blocks| Release { root_hash: [3; 32], root_blocks, boot_blocks: 10 };
    Draft {
        old: release(5000),
        new: release(6000),
        root: vec![
            run(1000, Way::Zero),
            run(2100, NEW),
            run(2000, old(Image::Root, 3000)),
            run(4, old(Image::Boot, 6)),
            run(896, old(Image::Root, 0)),
        ],
        boot: vec![run(4, NEW), run(5, again(Image::Root, 2000)), run(1, again(Image::Boot, 3))],
        pieces: vec![
            piece(2048, vec![extent(Image::Root, 100, 4900), extent(Image::Boot, 0, 10)]),
            piece(56, vec![]),
        ],
    }
}

impl Draft {
    fn bytes(&self) -> Vec<u8> {
        let wire = WireHead {
            old: self.old,
            new: self.new,
            root: write_runs(&self.root),
            boot: write_runs(&self.boot),
            pieces: self.pieces.clone(),
        };
        compressed(&postcard::to_allocvec(&wire).unwrap())
    }

    fn parse(&self) -> Result<Head, Error> {
        Head::parse(&self.bytes())
    }
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).unwrap()
}

/// What is said of a head with one change.
fn refused(change: impl FnOnce(&mut Draft)) -> Error {
    let mut draft = draft();
    change(&mut draft);
    draft.parse().unwrap_err()
}

#[test]
fn a_head_is_read_as_it_was_written() {
    let (draft, head) = (draft(), draft().parse().unwrap());
    assert_eq!((head.old(), head.new_release()), (&draft.old, &draft.new));
    assert_eq!(head.runs(Image::Root), draft.root);
    assert_eq!(head.runs(Image::Boot), draft.boot);
    let length = u64::try_from(draft.bytes().len()).unwrap();
    let pieces: Vec<_> = head.pieces().collect();
    assert_eq!(pieces[0].range, 12 + length..1012 + length);
    assert_eq!(pieces[0].places, [extent(Image::Root, 1000, 2048)]);
    assert_eq!(pieces[1].range, 1012 + length..2012 + length);
    assert_eq!(pieces[1].places, [extent(Image::Root, 3048, 52), extent(Image::Boot, 0, 4)]);
    assert_eq!(head.pack_len(), 2012 + length);
}

#[test]
fn other_files_and_later_formats_are_refused() {
    let start = *b"waypack\0\x01\0\0\0";
    assert_eq!(Head::check_start(&start), Ok(()));
    assert_eq!(Head::check_start(b"Waypack\0\x01\0\0\0"), Err(Error::Magic));
    assert_eq!(Head::check_start(b"waypack\0\x02\0\0\0"), Err(Error::Version(2)));
    assert_eq!(Head::check_start(b"waypack\0\x01\0\0\x01"), Err(Error::Version(0x0100_0001)));
}

#[test]
fn empty_images_are_refused() {
    assert_eq!(refused(|it| it.old.root_blocks = 0), Error::Empty(Image::Root));
    assert_eq!(refused(|it| it.old.boot_blocks = 0), Error::Empty(Image::Boot));
    assert_eq!(refused(|it| it.new.boot_blocks = 0), Error::Empty(Image::Boot));
}

#[test]
fn runs_that_are_empty_or_take_what_is_not_there_are_refused() {
    let bad_root = |run| Error::Run { image: Image::Root, run };
    let bad_boot = |run| Error::Run { image: Image::Boot, run };
    assert_eq!(refused(|it| it.root.insert(2, run(0, NEW))), bad_root(2));
    assert_eq!(refused(|it| it.root[2].way = old(Image::Root, 3001)), bad_root(2));
    assert_eq!(refused(|it| it.root[2].way = old(Image::Root, u32::MAX)), bad_root(2));
    assert_eq!(refused(|it| it.root[3].way = old(Image::Boot, 7)), bad_root(3));
    assert_eq!(refused(|it| it.boot[0].way = old(Image::Boot, 7)), bad_boot(0));
    // Again is what came before, and nothing else.
    assert_eq!(refused(|it| it.root[0].way = again(Image::Root, 0)), bad_root(0));
    assert_eq!(refused(|it| it.root[2].way = again(Image::Root, 3100)), bad_root(2));
    assert_eq!(refused(|it| it.root[2].way = again(Image::Boot, 0)), bad_root(2));
    assert_eq!(refused(|it| it.boot[1].way = again(Image::Root, 5996)), bad_boot(1));
    assert_eq!(refused(|it| it.boot[1].way = again(Image::Boot, 4)), bad_boot(1));
}

#[test]
fn places_out_of_numbers_are_refused() {
    let wire = WireHead {
        old: draft().old,
        new: draft().new,
        root: write_runs(&[run(6000, old(Image::Root, 0))]),
        boot: write_runs(&[run(1, old(Image::Root, 4000)), run(9, old(Image::Root, 0))]),
        pieces: vec![],
    };
    let plain = postcard::to_allocvec(&wire).unwrap();
    // The second boot run goes 4001 blocks back: one more is a block before the first.
    let back = [0xc1, 0x3e];
    let at = plain.windows(2).rposition(|it| it == back).unwrap();
    let mut bad = plain.clone();
    bad[at] = 0xc3;
    let error = Head::parse(&compressed(&bad)).unwrap_err();
    assert_eq!(error, Error::Run { image: Image::Root, run: 0 }); // 6000 of 5000 old blocks
    let mut wire = wire;
    wire.root = write_runs(&[run(6000, Way::Zero)]);
    let plain = postcard::to_allocvec(&wire).unwrap();
    let at = plain.windows(2).rposition(|it| it == back).unwrap();
    let mut bad = plain;
    bad[at] = 0xc3;
    let error = Head::parse(&compressed(&bad)).unwrap_err();
    assert_eq!(error, Error::Run { image: Image::Boot, run: 1 });
}

#[test]
fn runs_cover_the_image_exactly() {
    let cover = |image, covered, blocks| Error::Cover { image, covered, blocks };
    assert_eq!(refused(|it| it.new.root_blocks += 1), cover(Image::Root, 6000, 6001));
    assert_eq!(refused(|it| it.new.boot_blocks -= 1), cover(Image::Boot, 10, 9));
    assert_eq!(refused(|it| it.boot.clear()), cover(Image::Boot, 0, 10));
    let much = |it: &mut Draft| it.root = vec![run(u32::MAX, Way::Zero); 3];
    assert_eq!(refused(much), cover(Image::Root, 3 * u64::from(u32::MAX), 6000));
}

#[test]
fn pieces_stay_within_their_limits() {
    let blocks = |piece, blocks| Error::PieceBlocks { piece, blocks };
    assert_eq!(refused(|it| it.pieces[1].blocks = 0), blocks(1, 0));
    assert_eq!(refused(|it| it.pieces[0].blocks = 2049), blocks(0, 2049));
    let length = |piece, length| Error::PieceLength { piece, length };
    assert_eq!(refused(|it| it.pieces[1].compressed_len = 0), length(1, 0));
    let long = PIECE_COMPRESSED_BYTES + 1;
    assert_eq!(refused(|it| it.pieces[1].compressed_len = long), length(1, long));
    let window = |extents: Vec<Extent>| refused(|it| it.pieces[1].window = extents);
    assert_eq!(window(vec![extent(Image::Root, 0, 5000); 2]), Error::Window(1));
    assert_eq!(window(vec![extent(Image::Root, 4000, 1001)]), Error::Window(1));
    assert_eq!(window(vec![extent(Image::Boot, u32::MAX, 2)]), Error::Window(1));
    assert_eq!(window(vec![extent(Image::Root, 1, 0)]), Error::Window(1));
    assert_eq!(window(vec![extent(Image::Boot, 0, 10); 615]), Error::Window(1));
}

#[test]
fn pieces_hold_exactly_the_new_blocks() {
    let sums = |pieces| Error::New { pieces, new: 2104 };
    assert_eq!(refused(|it| it.pieces[1].blocks = 57), sums(2105));
    assert_eq!(refused(|it| drop(it.pieces.pop())), sums(2048));
}

#[test]
fn heads_that_are_too_long_are_refused_before_they_are_decompressed() {
    assert_eq!(Head::parse(&vec![0; HEAD_BYTES + 1]), Err(Error::HeadTooLong));
    assert_eq!(Head::parse(&compressed(&vec![0; HEAD_BYTES + 1])), Err(Error::HeadTooLong));
    assert!(matches!(Head::parse(b"no frame"), Err(Error::HeadFrame(_))));
    assert!(matches!(Head::parse(&[]), Err(Error::HeadFrame(_))));
}

#[test]
fn a_second_frame_and_bytes_behind_the_head_are_refused() {
    let good = draft().bytes();
    let twice = [good.clone(), good.clone()].concat();
    assert!(matches!(Head::parse(&twice), Err(Error::HeadFrame(_))));
    let plain = [zstd::bulk::decompress(&good, HEAD_BYTES).unwrap(), vec![0]].concat();
    assert_eq!(Head::parse(&compressed(&plain)), Err(Error::HeadEnd(1)));
}

proptest! {
    #[test]
    fn any_head_is_read_without_panic(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<bool>()) {
        let mut plain = zstd::bulk::decompress(&draft().bytes(), HEAD_BYTES).unwrap();
        let at = at.index(plain.len());
        plain[at] = value;
        plain.truncate(if cut { at + 1 } else { plain.len() });
        if let Ok(head) = Head::parse(&compressed(&plain)) {
            let places = head.pieces().flat_map(|placed| placed.places);
            let blocks: u64 = places.map(|extent| u64::from(extent.blocks)).sum();
            prop_assert_eq!(blocks, head.pieces.iter().map(|piece| u64::from(piece.blocks)).sum::<u64>());
        }
    }
}

//! A whole pack, changed: its head with whatever digests, then its pieces, then the new images as a host makes them. And any bytes
//! as a piece, behind its digest.
#![no_main]

use std::sync::LazyLock;

use fuzz::input::Input;
use fuzz::{releases, stored};
use pack::{Error, Extent, Head, Image, Piece, Sha256, Way};
use verity::BLOCK_SIZE;

struct Whole {
    /// Images of the old release.
    old: releases::Images,
    /// Images of the new one.
    new: releases::Images,
    /// What its head decompresses to.
    head: Vec<u8>,
    /// What is behind the head.
    pieces: Vec<u8>,
}

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let [old, new] = releases::pair();
    let pack = releases::pack(&old, &new);
    Head::check_start(pack[..12].try_into().expect("it has a start")).expect("it is a pack");
    let length = zstd::zstd_safe::find_frame_compressed_size(&pack[12..]).expect("it has a head");
    let head = zstd::bulk::decompress(&pack[12..12 + length], 1 << 20).expect("it has a head");
    Whole { old, new, head, pieces: pack[12 + length..].to_vec() }
});

/// The largest image that is made here, in blocks.
const BLOCKS: u32 = 256;

fuzz::target!(|input| {
    let mut input = Input(input);
    match input.byte() % 3 {
        0 => whole(input, true),
        1 => whole(input, false),
        _ => piece(input),
    }
});

/// Changes the head or the pieces; what is made of the changed pieces is what was published, or an error.
fn whole(mut input: Input<'_>, is_head: bool) {
    let Whole { old, new, head, pieces } = &*WHOLE;
    let (mut head, mut pieces) = (head.clone(), pieces.clone());
    input.edit(if is_head { &mut head } else { &mut pieces });
    let bytes = stored::frame(&head);
    let Ok(head) = Head::parse(&bytes) else { return assert!(is_head) };
    let made = make(&head, 12 + bytes.len() as u64, &pieces, old);
    if !is_head && let Ok(Some(made)) = made {
        assert!(made == *new && pieces == WHOLE.pieces);
    }
}

fn index(image: Image) -> usize {
    if image == Image::Root { 0 } else { 1 }
}

fn range(extent: &Extent) -> std::ops::Range<usize> {
    let first = extent.first as usize * BLOCK_SIZE;
    first..first + extent.blocks as usize * BLOCK_SIZE
}

/// What a host makes of it, if images and windows are of a size to be made here and the old images are as large as the head says.
fn make(
    head: &Head,
    start: u64,
    pieces: &[u8],
    old: &releases::Images,
) -> Result<Option<releases::Images>, Error> {
    let sizes = Image::ALL.map(|image| head.new_release().blocks(image));
    let is_old = |image| head.old().blocks(image) as usize * BLOCK_SIZE == old[index(image)].len();
    if sizes.iter().any(|blocks| *blocks > BLOCKS) || !Image::ALL.into_iter().all(is_old) {
        return Ok(None);
    }
    let mut new = sizes.map(|blocks| vec![0xEE; blocks as usize * BLOCK_SIZE]);
    for placed in head.pieces() {
        let bytes = (placed.range.start - start) as usize..(placed.range.end - start) as usize;
        let Some(compressed) = pieces.get(bytes) else { return Ok(None) };
        let window = placed.piece.window.iter().flat_map(|it| &old[index(it.image)][range(it)]);
        let window: Vec<u8> = window.copied().collect();
        let mut raw = vec![0; placed.piece.raw_bytes()];
        placed.piece.decode(compressed, &window, &mut raw)?;
        let mut raw = raw.as_slice();
        for place in &placed.places {
            let (now, later) = raw.split_at(place.blocks as usize * BLOCK_SIZE);
            new[index(place.image)][range(place)].copy_from_slice(now);
            raw = later;
        }
    }
    for image in Image::ALL {
        let mut first = 0;
        for run in head.runs(image) {
            carry_out(run, &Extent { image, first, blocks: run.blocks }, old, &mut new);
            first += run.blocks;
        }
    }
    Ok(Some(new))
}

fn carry_out(run: &pack::Run, place: &Extent, old: &releases::Images, new: &mut releases::Images) {
    match run.way {
        Way::New => {}
        Way::Zero => new[index(place.image)][range(place)].fill(0),
        Way::Old { image, first } => {
            let from = Extent { image, first, blocks: run.blocks };
            new[index(place.image)][range(place)].copy_from_slice(&old[index(image)][range(&from)]);
        }
        Way::Again { image, first } => {
            for step in 0..run.blocks {
                let one = |image, first| Extent { image, first: first + step, blocks: 1 };
                let block = new[index(image)][range(&one(image, first))].to_vec();
                new[index(place.image)][range(&one(place.image, place.first))]
                    .copy_from_slice(&block);
            }
        }
    }
}

/// A piece whose digest fits whatever it is.
fn piece(mut input: Input<'_>) {
    let (blocks, window_blocks) = (u32::from(input.byte() % 4) + 1, u32::from(input.byte() % 4));
    let compressed = input.0;
    let window = &WHOLE.old[0][..window_blocks as usize * BLOCK_SIZE];
    let piece = Piece {
        blocks,
        compressed_len: compressed.len() as u32,
        compressed: Sha256::of(compressed),
        raw: Sha256::of(&[]),
        window: vec![Extent { image: Image::Root, first: 0, blocks: window_blocks }],
    };
    let mut into = vec![0; piece.raw_bytes()];
    match piece.decode(compressed, window, &mut into) {
        Err(Error::RawDigest { found, .. }) => assert_eq!(found, Sha256::of(&into)),
        other => drop(other.expect_err("no blocks have the digest of nothing")),
    }
}

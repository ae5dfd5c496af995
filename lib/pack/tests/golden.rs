//! A pack as it was made when the format was settled: what reads it must not change.
#![allow(clippy::unwrap_used)]

use pack::{Extent, Head, Image, Run, Way};

/// The pack: a root image of 5 blocks, of which the old one had 4, and a boot image of 2, which was 1.
const PACK: &[u8] = include_bytes!("tiny.pack");

/// A block of lines, each of which has the number.
fn block(number: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for line in 0..128 {
        block.extend_from_slice(format!("block {number:08} line {line:011}\n").as_bytes());
    }
    block.truncate(4096);
    block
}

fn changed(number: u32) -> Vec<u8> {
    let mut block = block(number);
    block[1000..1003].copy_from_slice(b"new");
    block
}

/// Old root, old boot, new root, new boot.
fn images() -> [Vec<u8>; 4] {
    [
        [block(1), block(2), block(3), block(4)].concat(),
        block(9),
        [block(3), vec![0; 4096], changed(1), block(4), block(9)].concat(),
        [changed(1), changed(9)].concat(),
    ]
}

fn run(blocks: u32, way: Way) -> Run {
    Run { blocks, way }
}

fn old(image: Image, first: u32) -> Way {
    Way::Old { image, first }
}

#[test]
fn a_pack_of_version_1_is_read_as_ever() {
    Head::check_start(PACK[..12].try_into().unwrap()).unwrap();
    let frame = zstd::zstd_safe::find_frame_compressed_size(&PACK[12..]).unwrap();
    let head = Head::parse(&PACK[12..12 + frame]).unwrap();
    let root = [
        run(1, old(Image::Root, 2)),
        run(1, Way::Zero),
        run(1, Way::New),
        run(1, old(Image::Root, 3)),
        run(1, old(Image::Boot, 0)),
    ];
    assert_eq!(head.runs(Image::Root), root);
    let again = Way::Again { image: Image::Root, first: 2 };
    assert_eq!(head.runs(Image::Boot), [run(1, again), run(1, Way::New)]);
    assert_eq!((head.old().root_blocks, head.old().boot_blocks), (4, 1));
    assert_eq!((head.new_release().root_blocks, head.new_release().boot_blocks), (5, 2));
    assert_eq!(head.pack_len(), u64::try_from(PACK.len()).unwrap());
    assert_eq!(head.old().root_hash[..2], [0x27, 0xd4]);
    let pieces: Vec<_> = head.pieces().collect();
    assert_eq!(pieces.len(), 1);
    let place = |image, first| Extent { image, first, blocks: 1 };
    assert_eq!(pieces[0].places, [place(Image::Root, 2), place(Image::Boot, 1)]);
    // The blocks that vanish: the first two of the old root image.
    assert_eq!(pieces[0].piece.window, [Extent { image: Image::Root, first: 0, blocks: 2 }]);
    let range = &pieces[0].range;
    let bytes = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    let mut raw = vec![0; 8192];
    pieces[0].piece.decode(&PACK[bytes], &images()[0][..8192], &mut raw).unwrap();
    assert!(raw == [changed(1), changed(9)].concat());
}

#[cfg(feature = "make")]
mod world;

#[cfg(feature = "make")]
#[test]
fn the_pack_still_is_what_is_made() {
    let [old_root, old_boot, new_root, new_boot] = images();
    let pair = world::Pair { old: [old_root, old_boot], new: [new_root, new_boot] };
    let made = pair.make(12, 1);
    // zstd may find other matches one day; the runs and places are ours.
    let frame = zstd::zstd_safe::find_frame_compressed_size(&PACK[12..]).unwrap();
    let golden = Head::parse(&PACK[12..12 + frame]).unwrap();
    assert_eq!(made.head.runs(Image::Root), golden.runs(Image::Root));
    assert_eq!(made.head.runs(Image::Boot), golden.runs(Image::Boot));
    assert_eq!(pair.apply(&made).unwrap(), pair.padded_new());
}

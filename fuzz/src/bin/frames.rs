//! Frames of a whole release, changed: with the index that was published a frame gives the blocks that it should, or other bytes than the
//! prefixes say; a changed index is refused, or says where each block is.
#![no_main]

use std::sync::LazyLock;

use frames::{Decoder, ImageIndex, Index};
use fuzz::input::Input;
use fuzz::releases;

static WHOLE: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let [_, new] = releases::pair();
    releases::frames(&new)
});

fuzz::target!(|input| {
    let mut input = Input(input);
    let kind = input.byte();
    let [root, boot, index] = &*WHOLE;
    let (mut root, mut boot, mut index) = (root.clone(), boot.clone(), index.clone());
    let changed = match kind % 3 {
        0 => &mut root,
        1 => &mut boot,
        _ => &mut index,
    };
    if kind & 128 != 0 {
        changed.truncate(usize::from(input.short()));
    }
    input.edit(changed);
    let Ok(index) = Index::parse(&index) else { return assert_eq!(kind % 3, 2) };
    decode(index.root(), &root, kind);
    decode(index.boot(), &boot, kind);
});

fn decode(image: &ImageIndex, target: &[u8], kind: u8) {
    let mut decoder = Decoder::new().expect("there is memory");
    let is_whole = kind % 3 != 2;
    for frame in image.frames().iter().take(16) {
        let start = usize::try_from(frame.offset).expect("it is small");
        let end = start + usize::try_from(frame.length).expect("it is small");
        let Some(compressed) = target.get(start..end) else { return };
        let mut into = vec![0; frame.raw_bytes()];
        if decoder.decode(frame, compressed, &mut into).is_ok() && is_whole {
            assert!(into.len().is_multiple_of(verity::BLOCK_SIZE));
        }
    }
}

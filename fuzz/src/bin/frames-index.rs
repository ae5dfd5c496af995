//! Any bytes as the index of a release's frames: an error, or frames that cover their image without gaps. And as a frame: an error, or
//! as many blocks as the index says.
#![no_main]

use frames::{Decoder, Frame, ImageIndex, Index, MAGIC};
use fuzz::limits;

fn check(image: &ImageIndex) {
    let (mut block, mut offset) = (0, 0);
    for frame in image.frames() {
        assert_eq!((frame.first, frame.offset), (block, offset));
        assert_eq!(image.frame_of(block), Some(frame));
        block += frame.blocks;
        assert_eq!(image.frame_of(block - 1), Some(frame));
        offset += u64::from(frame.length);
    }
    assert_eq!(block, image.blocks());
    assert_eq!(offset, image.frames_len());
    assert_eq!(image.prefixes().len(), usize::try_from(block).unwrap());
}

fn read(bytes: &[u8]) {
    // A frame has a block, whose prefix takes as much as it does in the file.
    let parsed = limits::within((4 << 10) + 4 * bytes.len(), || Index::parse(bytes));
    let Ok(index) = parsed else { return };
    check(index.root());
    check(index.boot());
}

fn decode(bytes: &[u8]) {
    let Some((blocks, compressed)) = bytes.split_first() else { return };
    let blocks = u32::from(blocks % 4) + 1;
    let length = u32::try_from(compressed.len()).unwrap();
    let frame = Frame { first: 0, blocks, offset: 0, length };
    let mut into = vec![0; frame.raw_bytes()];
    let _ = Decoder::new().unwrap().decode(&frame, compressed, &mut into);
}

fuzz::target!(|input| {
    read(input);
    // Past the start, which is always the same.
    read(&[&MAGIC[..], &1_u32.to_le_bytes(), &0_u16.to_le_bytes(), &[0; 16], input].concat());
    if input.len() % 8 == 0 {
        decode(input);
    }
});

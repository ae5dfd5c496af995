//! Zstandard frames that store their content as it is (RFC 8878, sections 3.1.1 and 3.1.1.2): to get behind a decompressor at no cost.

/// The most bytes of a block.
const BLOCK: usize = 128 << 10;

/// A frame that says how long it is.
pub fn frame(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("inputs are small");
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xA0];
    frame.extend(length.to_le_bytes());
    let blocks = content.len().div_ceil(BLOCK).max(1);
    for number in 0..blocks {
        let block = &content[number * BLOCK..content.len().min((number + 1) * BLOCK)];
        let last = u32::from(number + 1 == blocks);
        let header =
            (u32::try_from(block.len()).expect("a block is small") << 3 | last).to_le_bytes();
        frame.extend(&header[..3]);
        frame.extend(block);
    }
    frame
}

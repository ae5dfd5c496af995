//! The seek table, as the standard has it: a skippable frame with the lengths of all frames.

use crate::frame::raw_bytes;

const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
const FOOTER_MAGIC: u32 = 0x8F92_EAB1;

/// The seek table of these frames, which hold `length` bytes together.
pub(super) fn of(frames: &[(u8, u32)], length: u64) -> Vec<u8> {
    let count = u32::try_from(frames.len()).expect("blocks are numbered with 32 bits");
    let size = u64::from(count) * 8 + 9;
    let size = u32::try_from(size).expect("an index would be longer, and that is limited");
    let mut bytes = [SKIPPABLE_MAGIC.to_le_bytes(), size.to_le_bytes()].concat();
    let mut left = length;
    for (blocks, compressed) in frames {
        let whole = u32::try_from(raw_bytes(u32::from(*blocks))).expect("a frame has few blocks");
        // The last one may end within a block.
        let raw = u32::try_from(left).map_or(whole, |left| left.min(whole));
        bytes.extend_from_slice(&compressed.to_le_bytes());
        bytes.extend_from_slice(&raw.to_le_bytes());
        left = left.saturating_sub(u64::from(raw));
    }
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.push(0); // no checksums
    bytes.extend_from_slice(&FOOTER_MAGIC.to_le_bytes());
    bytes
}

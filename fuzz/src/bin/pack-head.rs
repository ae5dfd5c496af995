//! Any bytes as the head of a delta pack, as they are and as what they would decompress to: an error, or a head whose pieces go
//! where its runs want them.
#![no_main]

use fuzz::{limits, stored};
use pack::Head;

/// What reading may take: a byte of a head is at most a run or a piece.
fn memory(bytes: &[u8]) -> usize {
    (64 << 10) + 160 * bytes.len()
}

fn read(bytes: &[u8]) {
    let Ok(head) = Head::parse(bytes) else { return };
    let mut wanted = head.new_blocks().map(|extent| u64::from(extent.blocks)).sum::<u64>();
    let mut end = None;
    for placed in head.pieces() {
        let blocks: u64 = placed.places.iter().map(|place| u64::from(place.blocks)).sum();
        assert_eq!(blocks, u64::from(placed.piece.blocks));
        assert!(end.is_none_or(|end| end == placed.range.start));
        wanted -= blocks;
        end = Some(placed.range.end);
    }
    assert_eq!(wanted, 0);
    assert!(end.is_none_or(|end| end == head.pack_len()));
}

fuzz::target!(|input| {
    read(input);
    limits::within(memory(input), || read(&stored::frame(input)));
});

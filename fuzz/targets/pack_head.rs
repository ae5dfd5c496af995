//! Any bytes as the head of a delta pack, as they are and as what they would decompress to: an error, or a head whose pieces go
//! where its runs want them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pack::Head;

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

fuzz_target!(|input: &[u8]| {
    read(input);
    if let Ok(compressed) = zstd::bulk::compress(input, 1) {
        read(&compressed);
    }
});

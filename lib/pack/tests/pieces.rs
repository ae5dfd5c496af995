//! Pieces that are not what the head says.
#![allow(clippy::unwrap_used)]

use pack::{Error, Piece, Sha256};

fn frame(raw: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(raw, 3).unwrap()
}

/// A piece of one block that holds `raw`, which need not be one.
fn piece(frame: &[u8], raw: &[u8]) -> Piece {
    Piece {
        blocks: 1,
        compressed_len: u32::try_from(frame.len()).unwrap(),
        compressed: Sha256::of(frame),
        raw: Sha256::of(raw),
        window: Vec::new(),
    }
}

fn decode(piece: &Piece, frame: &[u8]) -> Result<Vec<u8>, Error> {
    let mut into = vec![0; 4096];
    piece.decode(frame, &[], &mut into).map(|()| into)
}

#[test]
fn a_piece_gives_its_blocks() {
    let raw = vec![7; 4096];
    let frame = frame(&raw);
    assert_eq!(decode(&piece(&frame, &raw), &frame), Ok(raw));
}

#[test]
fn a_piece_that_decompresses_to_more_is_refused_and_writes_no_more() {
    for more in [4097, 8192, 1 << 30] {
        let raw = vec![7; more];
        let frame = frame(&raw);
        let error = decode(&piece(&frame, &raw[..4096]), &frame).unwrap_err();
        assert!(matches!(error, Error::Frame(_)), "{error}");
    }
    // The same in several frames, of which each is short enough.
    let frame = frame(&[7; 4096]).repeat(1000);
    let error = decode(&piece(&frame, &[7; 4096]), &frame).unwrap_err();
    assert!(matches!(error, Error::Frame(_)), "{error}");
}

#[test]
fn a_piece_that_decompresses_to_less_is_refused() {
    let raw = vec![7; 4095];
    let frame = frame(&raw);
    let error = decode(&piece(&frame, &raw), &frame).unwrap_err();
    assert_eq!(error, Error::RawLength { wanted: 4096, found: 4095 });
}

#[test]
fn other_bytes_are_refused_before_they_are_decompressed() {
    let frame = frame(&[7; 4096]);
    let piece = piece(&frame, &[7; 4096]);
    let mut flipped = frame.clone();
    flipped[5] ^= 1;
    assert!(matches!(decode(&piece, &flipped), Err(Error::CompressedDigest { .. })));
    let cut = &frame[..frame.len() - 1];
    assert!(matches!(decode(&piece, cut), Err(Error::CompressedLength { .. })));
}

#[test]
fn other_blocks_than_the_head_says_are_refused() {
    let frame = frame(&[7; 4096]);
    let error = decode(&piece(&frame, &[8; 4096]), &frame).unwrap_err();
    assert!(matches!(error, Error::RawDigest { .. }), "{error}");
}

#[test]
fn a_window_or_room_of_another_length_is_refused() {
    let frame = frame(&[7; 4096]);
    let piece = piece(&frame, &[7; 4096]);
    let error = piece.decode(&frame, &[0; 4096], &mut [0; 4096]).unwrap_err();
    assert_eq!(error, Error::WindowLength { wanted: 0, found: 4096 });
    for room in [0, 4095, 8192] {
        let error = piece.decode(&frame, &[], &mut vec![0; room]).unwrap_err();
        assert_eq!(error, Error::Room { wanted: 4096, found: room });
    }
}

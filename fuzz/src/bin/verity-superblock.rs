//! Any bytes as a superblock: refused, or what would be written; and the tree of so many blocks has a shape.
#![no_main]

use verity::{Superblock, TreeShape};

fuzz::target!(|input| {
    let mut bytes = [0; Superblock::LENGTH];
    let length = input.len().min(bytes.len());
    bytes[..length].copy_from_slice(&input[..length]);
    let Ok(superblock) = Superblock::parse(&bytes) else { return };
    assert_eq!(superblock.to_bytes(), bytes);
    let (shape, blocks) = (TreeShape::of(superblock.data_blocks), superblock.data_blocks.blocks());
    assert!(shape.levels().len() <= 8);
    assert!(shape.levels().is_empty() == (blocks == 1));
    assert!(shape.hash_len() / 4096 <= blocks / 64 + 10);
});

//! Data and hash images that were changed: whatever was, is found, and leaves are only those that the root hash stands for. And any
//! bytes as a hash image, with the root hash that they lead to.
#![no_main]

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use fuzz::input::Input;
use fuzz::{limits, releases};
use verity::{
    BLOCK_SIZE, Inventory, Leaves, Region, RootHash, Superblock, claimed_root_hash, verify,
};

struct Whole {
    data: Vec<u8>,
    hash: Vec<u8>,
    root: RootHash,
}

static WHOLE: LazyLock<[Whole; 4]> = LazyLock::new(|| {
    [1, 2, 5, 130].map(|blocks| {
        let numbers: Vec<u8> = (0..blocks).map(|block| block % 11).collect();
        let data = releases::image(&numbers);
        let (hash, root) = releases::tree(&data);
        Whole { data, hash, root }
    })
});

/// What checking may take: the buffers of a thread.
const MEMORY: usize = 2 << 20;

fuzz::target!(|input| {
    let mut input = Input(input);
    let kind = input.byte();
    if kind & 128 == 0 { changed(kind, input) } else { made_up(input) }
});

fn check(data: &[u8], hash: &[u8], root: &RootHash) -> bool {
    let (data_len, hash_len) = (data.len() as u64, hash.len() as u64);
    verify(data, data_len, hash, hash_len, root, NonZeroUsize::MIN, &|_| ()).is_ok()
}

/// Edits an image; only the superblock's UUID stands for nothing.
fn changed(kind: u8, mut input: Input<'_>) {
    let Whole { data, hash, root } = &WHOLE[usize::from(kind % 4)];
    let (mut new_data, mut new_hash) = (data.clone(), hash.clone());
    let is_data = kind & 4 != 0;
    input.edit(if is_data { &mut new_data } else { &mut new_hash });
    if is_data {
        assert_eq!(check(&new_data, &new_hash, root), new_data == *data);
        return;
    }
    let leaves = limits::within(MEMORY, || Leaves::read(&new_hash, new_hash.len() as u64, root));
    new_hash[16..32].copy_from_slice(&hash[16..32]);
    if data.len() == BLOCK_SIZE {
        // It has no tree: what the salt was shows when the block is checked.
        assert_eq!(check(data, &new_hash, root), new_hash == *hash);
        return;
    }
    // The root hash does not say how many blocks there are: the digests of a level may be taken for leaves.
    let covers = |superblock: &Superblock| superblock.data_blocks.bytes() == data.len() as u64;
    let leaves = leaves.ok().filter(|(_, superblock)| covers(superblock));
    assert_eq!(leaves.is_some(), new_hash == *hash);
    if let Some((leaves, _)) = leaves {
        assert_eq!(leaves, releases::leaves(data));
    }
}

/// A superblock and blocks of a tree from the input, each filled up with zeros.
fn made_up(mut input: Input<'_>) {
    let mut hash = vec![0; BLOCK_SIZE];
    hash[..Superblock::LENGTH].copy_from_slice(&WHOLE[2].hash[..Superblock::LENGTH]);
    hash[72..80].copy_from_slice(&u64::from(input.short() % 600 + 1).to_le_bytes());
    while !input.is_empty() && hash.len() < 8 * BLOCK_SIZE {
        let block = input.bytes(64);
        hash.extend(block);
        hash.resize(hash.len().next_multiple_of(BLOCK_SIZE), 0);
    }
    let length = hash.len() as u64;
    let Ok(Some(root)) = claimed_root_hash(&hash, length) else { return };
    let Ok((leaves, superblock)) = Leaves::read(&hash, length, &root) else { return };
    assert_eq!(leaves.blocks(), superblock.data_blocks);
    let inventory = Inventory::of(&Region::Leaves(&leaves)).expect("there are few");
    for (block, prefix) in (0..).zip(leaves.prefixes()) {
        assert!(!prefix.is_known() || inventory.find(prefix).contains(&block));
    }
}

//! Features of content: hashes of 32 bytes each, at places that the content itself chooses.
//!
//! A gear hash is rolled over the bytes; where its top bits are zero, about once in 256 bytes, the hash is a feature. Since
//! nothing else decides, the same 32 bytes have the same feature wherever they lie, and two texts that share much have
//! many in common. The table is made of a fixed sequence, so that the same images give the same pack.

use std::collections::BTreeSet;

/// Bits that a byte moves the hash by: 64 / 2 bytes have an influence.
const SHIFT: u32 = 2;

/// Zero bits of the hash at a feature: one in 2^8 places.
const RARITY: u32 = 8;

const GEAR: [u64; 256] = gear();

/// The features of some bytes, each once.
pub(crate) fn features(bytes: &[u8]) -> BTreeSet<u32> {
    let mut hash = 0_u64;
    let mut features = BTreeSet::new();
    for byte in bytes {
        hash = (hash << SHIFT).wrapping_add(GEAR[usize::from(*byte)]);
        if hash.leading_zeros() >= RARITY {
            features.insert(name(hash));
        }
    }
    features
}

/// 32 bits of a hash whose top bits are zero.
fn name(hash: u64) -> u32 {
    let [a, b, c, d, ..] = mix(hash).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The numbers of the bytes: splitmix64 of 1, 2, ….
const fn gear() -> [u64; 256] {
    let mut gear = [0; 256];
    let (mut index, mut state) = (0, 0_u64);
    while index < gear.len() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        gear[index] = mix(state);
        index += 1;
    }
    gear
}

const fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look random.
    fn noise(seed: u64, length: u64) -> Vec<u8> {
        (0..length).map(|at| mix(seed ^ (at << 20)).to_be_bytes()[0]).collect()
    }

    #[test]
    fn what_moved_keeps_its_features() {
        let text = noise(1, 64 << 10);
        let moved = [noise(2, 12_345), text.clone()].concat();
        let (old, new) = (features(&text), features(&moved));
        assert!((128..512).contains(&old.len()), "{}", old.len());
        assert!(old.intersection(&new).count() + 2 >= old.len());
        assert_eq!(old.intersection(&features(&noise(3, 64 << 10))).count(), 0);
    }

    #[test]
    fn even_bytes_have_few_features() {
        assert!(features(&[0; 65536]).len() <= 32);
    }
}

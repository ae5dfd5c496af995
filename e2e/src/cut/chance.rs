//! Chance that comes out the same each time.

/// Numbers that look random and follow from a seed ("splitmix64").
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The numbers of a seed, for the thing with this name and these numbers.
    #[must_use]
    pub(super) fn of(seed: u64, name: &str, numbers: &[usize]) -> Self {
        let mut chance = Self(seed);
        let mut mix = |value: u64| chance.0 = chance.next().wrapping_add(value);
        name.bytes().for_each(|byte| mix(byte.into()));
        for number in numbers {
            mix(u64::try_from(*number).unwrap_or(u64::MAX));
        }
        chance
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// A number below `limit`, which is at least 1.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// True in so many of 256 times.
    pub(super) fn is(&mut self, of_256: u8) -> bool {
        self.next().to_le_bytes()[3] < of_256
    }
}

/// A number that has little to do with the one it is made of.
pub(super) fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

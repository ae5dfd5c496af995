//! A host's place in the order of a rollout.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number from 0 to 2047 that a host keeps for life. Low seeds are updated first.
///
/// # Invariants
///
/// Always below [`Seed::COUNT`]; a larger number is an error where it is read, never a panic later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u16")]
pub struct Seed(u16);

/// The number is no seed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("seed '{0}' is not a whole number from 0 to 2047")]
pub struct SeedError(String);

impl Seed {
    /// How many seeds there are. A fleet's percentages are shares of this.
    pub const COUNT: u16 = 2048;

    /// The last seed to be updated.
    pub const MAX: Self = Self(Self::COUNT - 1);

    /// Takes `number` as a seed.
    ///
    /// # Errors
    ///
    /// Fails for 2048 and above.
    pub fn new(number: u64) -> Result<Self, SeedError> {
        match u16::try_from(number) {
            Ok(seed) if seed < Self::COUNT => Ok(Self(seed)),
            _ => Err(SeedError(number.to_string())),
        }
    }

    /// A seed out of random bits, each as likely as every other: there are 2048, which divides the 2⁶⁴ numbers that the bits may be.
    pub fn of_random(bits: u64) -> Self {
        let place = bits % u64::from(Self::COUNT);
        Self::new(place).expect("a remainder is below what was divided by")
    }

    /// The number itself, 0 to 2047.
    pub fn value(self) -> u16 {
        self.0
    }

    /// Every seed, in the order of a rollout.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }
}

impl TryFrom<u64> for Seed {
    type Error = SeedError;

    fn try_from(number: u64) -> Result<Self, SeedError> {
        Self::new(number)
    }
}

impl From<Seed> for u16 {
    fn from(seed: Seed) -> Self {
        seed.0
    }
}

impl FromStr for Seed {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        decimal(text).ok_or_else(|| SeedError(text.to_owned())).and_then(Self::new)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A number written with digits only and no leading zeros, so that it has one spelling.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if digits && canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn seed_2048_and_above_is_an_error() {
        assert_eq!(Seed::new(2047).unwrap(), Seed::MAX);
        for number in [2048, 2049, 65_536, u64::MAX] {
            assert!(Seed::new(number).is_err(), "{number}");
            assert!(number.to_string().parse::<Seed>().is_err(), "{number}");
            assert!(serde_json::from_value::<Seed>(number.into()).is_err(), "{number}");
        }
    }

    #[test]
    fn every_seed_comes_out_of_as_many_random_numbers() {
        for start in [0, 1_u64 << 40, u64::MAX - 2 * 2048 + 1] {
            let drawn: Vec<_> = (0..2 * 2048).map(|more| Seed::of_random(start + more)).collect();
            let twice = |seed| drawn.iter().filter(|one| **one == seed).count() == 2;
            assert!(Seed::all().all(twice), "from {start}");
        }
    }

    #[test]
    fn only_one_spelling_of_a_number_is_read() {
        assert_eq!("0".parse::<Seed>().unwrap().value(), 0);
        assert_eq!("17".parse::<Seed>().unwrap().value(), 17);
        for text in ["", "00", "017", "+17", "-1", " 17", "17 ", "0x11", "1e3", "१७"] {
            assert!(text.parse::<Seed>().is_err(), "{text:?}");
        }
    }
}

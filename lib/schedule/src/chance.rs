//! A random share.

use chrono::TimeDelta;

/// A share from zero up to one, one itself left out, as a random number says that the caller draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// Nothing.
    pub const MIN: Self = Self(0);

    /// All but a hair's breadth.
    pub const MAX: Self = Self(u64::MAX);

    /// Takes any number; all of them are equally far apart.
    pub fn new(random: u64) -> Self {
        Self(random)
    }

    /// This share of a length, which is not negative and below 292 years.
    pub(crate) fn of(self, length: TimeDelta) -> TimeDelta {
        let whole = length.num_nanoseconds().and_then(|length| u128::try_from(length).ok());
        let share = whole.map(|whole| (whole * u128::from(self.0)) >> u64::BITS);
        let share = share.and_then(|share| i64::try_from(share).ok());
        share.map(TimeDelta::nanoseconds).unwrap_or_default()
    }
}

//! The attribute bits of a boot partition, and back.

use core::fmt;

/// The attribute bit of the private partition that says that some boot has succeeded on this disk.
pub const EVER_SUCCEEDED: u64 = 1 << 57;

/// The largest value of a four-bit field.
const NIBBLE: u8 = 0x0F;

/// Defines a newtype over a four-bit field.
macro_rules! nibble {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        pub struct $name(u8);

        impl $name {
            /// No bit set.
            pub const ZERO: Self = Self(0);
            /// One.
            pub const ONE: Self = Self(1);
            /// The largest value, 15.
            pub const MAX: Self = Self(NIBBLE);

            /// A value of 0 to 15; `None` above.
            #[must_use]
            pub const fn new(value: u8) -> Option<Self> {
                if value <= NIBBLE { Some(Self(value)) } else { None }
            }

            /// The value, 0 to 15.
            #[must_use]
            pub const fn value(self) -> u8 {
                self.0
            }

            /// Every value, rising.
            pub fn all() -> impl Iterator<Item = Self> {
                (0..=NIBBLE).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, out)
            }
        }
    };
}

nibble! {
    /// Before which other sets a set boots: 0 never, else the highest first.
    Priority
}

nibble! {
    /// How many more times a set may be started before it has to prove itself.
    Tries
}

impl Priority {
    /// The priority of the set that is to boot after a flip.
    pub const TWO: Self = Self(2);
}

impl Tries {
    /// One less, or the same at zero.
    #[must_use]
    pub const fn spend(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The nine bits of a boot partition that are ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BootBits {
    /// Bits 48 to 51.
    pub priority: Priority,
    /// Bits 52 to 55.
    pub tries: Tries,
    /// Bit 56: a boot of this set was proven good.
    pub successful: bool,
}

impl BootBits {
    /// Priority, tries and success all zero: what a set has from the factory before anything is in it.
    pub const CLEAR: Self =
        Self { priority: Priority::ZERO, tries: Tries::ZERO, successful: false };

    /// Reads the bits; every bit pattern is a valid value.
    #[must_use]
    pub const fn from_attributes(attributes: u64) -> Self {
        let [_, _, _, _, _, _, counts, flags] = attributes.to_le_bytes();
        Self {
            priority: Priority(counts & NIBBLE),
            tries: Tries(counts >> 4),
            successful: flags & 1 != 0,
        }
    }

    /// The attributes with these bits put in and every other bit kept.
    #[must_use]
    pub const fn write_to(self, attributes: u64) -> u64 {
        let [a, b, c, d, e, f, _, flags] = attributes.to_le_bytes();
        let counts = self.priority.0 | (self.tries.0 << 4);
        let flags = if self.successful { flags | 1 } else { flags & !1 };
        u64::from_le_bytes([a, b, c, d, e, f, counts, flags])
    }

    /// Whether a set with these bits may be started at all.
    #[must_use]
    pub const fn is_bootable(self) -> bool {
        self.priority.0 > 0 && (self.successful || self.tries.0 > 0)
    }

    /// Whether a set with these bits may be started and was proven good, so that starts do not use it up.
    #[must_use]
    pub const fn is_proven(self) -> bool {
        self.priority.0 > 0 && self.successful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 512 values.
    fn every() -> impl Iterator<Item = BootBits> {
        Priority::all().flat_map(|priority| {
            Tries::all().flat_map(move |tries| {
                [false, true].map(|successful| BootBits { priority, tries, successful })
            })
        })
    }

    #[test]
    fn every_value_survives_the_way_through_attributes() {
        for bits in every() {
            assert_eq!(BootBits::from_attributes(bits.write_to(0)), bits);
            assert_eq!(BootBits::from_attributes(bits.write_to(u64::MAX)), bits);
        }
    }

    #[test]
    fn bits_that_are_not_ours_are_kept() {
        const OURS: u64 = 0x01FF << 48;
        for bits in every() {
            for others in [0, u64::MAX, 0xA5A5_A5A5_A5A5_A5A5, EVER_SUCCEEDED, 1, 1 << 2] {
                assert_eq!(bits.write_to(others) & !OURS, others & !OURS);
            }
        }
    }

    #[test]
    fn fields_lie_where_the_format_says() {
        let bits = BootBits { priority: Priority(0x3), tries: Tries(0x9), successful: true };
        assert_eq!(bits.write_to(0), 0x3 << 48 | 0x9 << 52 | 1 << 56);
        assert_eq!(EVER_SUCCEEDED, 0x0200_0000_0000_0000);
    }

    #[test]
    fn values_above_fifteen_do_not_exist() {
        assert_eq!(Priority::new(15), Some(Priority::MAX));
        assert_eq!(Priority::new(16), None);
        assert_eq!(Tries::new(255), None);
    }

    #[test]
    fn spending_stops_at_zero() {
        assert_eq!(Tries::MAX.spend(), Tries(14));
        assert_eq!(Tries::ZERO.spend(), Tries::ZERO);
    }
}

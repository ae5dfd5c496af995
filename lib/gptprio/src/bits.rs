//! The attribute bits of a boot partition, and back.

use core::fmt;

/// The attribute bit of the private partition that says that some boot has succeeded on this disk.
pub const EVER_SUCCEEDED: u64 = 1 << 57;

/// The attribute bit of a boot partition that says that its set used up the tries of a proven set.
const SPENT: u64 = 1 << 58;

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
    /// How many starts a set gets by default between two boots that are marked successful.
    pub const REARM: Self = Self(3);

    /// One less, or the same at zero.
    #[must_use]
    pub const fn spend(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The bits of a boot partition that are ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BootBits {
    /// Bits 48 to 51.
    pub priority: Priority,
    /// Bits 52 to 55.
    pub tries: Tries,
    /// Bit 56: a boot of this set was proven good.
    pub successful: bool,
    /// Bit 58: it was proven good once, and has used up the tries that it got then without being proven again. It says
    /// so only together with `successful` and no tries left; beside anything else the bit on the disk is not ours.
    pub spent: bool,
}

impl BootBits {
    /// Everything zero: what a set has from the factory before anything is in it.
    pub const CLEAR: Self =
        Self { priority: Priority::ZERO, tries: Tries::ZERO, successful: false, spent: false };

    /// Reads the bits; every bit pattern is a valid value.
    #[must_use]
    pub const fn from_attributes(attributes: u64) -> Self {
        let [_, _, _, _, _, _, counts, flags] = attributes.to_le_bytes();
        let bits = Self {
            priority: Priority(counts & NIBBLE),
            tries: Tries(counts >> 4),
            successful: flags & 1 != 0,
            spent: attributes & SPENT != 0,
        };
        Self { spent: bits.is_spent(), ..bits }
    }

    /// The attributes with these bits put in and every other bit kept.
    #[must_use]
    pub const fn write_to(self, attributes: u64) -> u64 {
        let [a, b, c, d, e, f, _, flags] = attributes.to_le_bytes();
        let counts = self.priority.0 | (self.tries.0 << 4);
        let flags = if self.successful { flags | 1 } else { flags & !1 };
        let written = u64::from_le_bytes([a, b, c, d, e, f, counts, flags]);
        if self.is_spent() {
            written | SPENT
        } else if self.may_be_spent() || Self::from_attributes(attributes).spent {
            written & !SPENT
        } else {
            written
        }
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

    /// Whether the starts of a set with these bits count although it was proven good: it got tries when it was, or
    /// has spent them. Sets that Bottlerocket's tools marked successful have none.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        self.successful && (self.tries.0 > 0 || self.spent)
    }

    /// Whether the set was proven good once and has used up the tries that it got then without being proven again.
    #[must_use]
    pub const fn is_spent(self) -> bool {
        self.spent && self.successful && self.tries.0 == 0
    }

    /// The same set with this many tries, none of them spent.
    pub(crate) const fn armed(self, tries: Tries) -> Self {
        Self { tries, spent: false, ..self }
    }

    /// Whether `spent` says something beside these bits.
    const fn may_be_spent(self) -> bool {
        self.successful && self.tries.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 528 values.
    fn every() -> impl Iterator<Item = BootBits> {
        let flags = [(false, false), (true, false), (true, true)];
        let all = Priority::all().flat_map(move |priority| {
            Tries::all().flat_map(move |tries| {
                flags.map(|(successful, spent)| BootBits { priority, tries, successful, spent })
            })
        });
        all.filter(|bits| !bits.spent || bits.may_be_spent())
    }

    #[test]
    fn every_value_survives_the_way_through_attributes() {
        for bits in every() {
            assert_eq!(BootBits::from_attributes(bits.write_to(0)), bits);
            assert_eq!(BootBits::from_attributes(bits.write_to(u64::MAX)), bits);
        }
        assert_eq!(every().count(), 528);
    }

    #[test]
    fn every_value_can_be_written_over_every_other() {
        for old in every() {
            for new in every() {
                let attributes = new.write_to(old.write_to(0));
                assert_eq!(BootBits::from_attributes(attributes), new);
                assert_eq!(attributes, new.write_to(0), "nothing of {old:?} is left behind");
            }
        }
    }

    #[test]
    fn bits_that_are_not_ours_are_kept() {
        const OURS: u64 = 0x01FF << 48;
        for bits in every() {
            for others in [0, u64::MAX, 0xA5A5_A5A5_A5A5_A5A5, EVER_SUCCEEDED, 1, 1 << 2] {
                assert_eq!(bits.write_to(others) & !OURS & !SPENT, others & !OURS & !SPENT);
            }
        }
    }

    #[test]
    fn the_bit_of_a_spent_set_is_kept_where_it_says_nothing() {
        for bits in every().filter(|bits| !bits.may_be_spent()) {
            let foreign = SPENT | 1 << 52;
            assert_eq!(bits.write_to(foreign) & SPENT, SPENT, "{bits:?}");
        }
    }

    #[test]
    fn fields_lie_where_the_format_says() {
        let bits =
            BootBits { priority: Priority(0x3), tries: Tries(0x9), successful: true, spent: false };
        assert_eq!(bits.write_to(0), 0x3 << 48 | 0x9 << 52 | 1 << 56);
        let spent = BootBits { tries: Tries::ZERO, spent: true, ..bits };
        assert_eq!(spent.write_to(0), 0x3 << 48 | 1 << 56 | 1 << 58);
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

//! Globally unique identifiers as a partition table stores them.

use core::error::Error;
use core::fmt::{self, Write};
use core::str::FromStr;

/// Where each stored byte stands in the text: the first three groups are little-endian.
const TEXT_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// A GUID in the byte order of the disk (UEFI specification 2.10, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// All zero: the type of an entry that is not used.
    pub const UNUSED: Self = Self([0; 16]);

    /// A GUID from the bytes on a disk.
    #[must_use]
    pub const fn from_disk(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes on a disk.
    #[must_use]
    pub const fn to_disk(self) -> [u8; 16] {
        self.0
    }

    /// A GUID from 16 bytes in the order of its text, as UUID libraries hand them out.
    #[must_use]
    pub fn from_text_order(bytes: [u8; 16]) -> Self {
        let mut stored = [0; 16];
        for (byte, place) in bytes.into_iter().zip(TEXT_ORDER) {
            stored[place] = byte;
        }
        Self(stored)
    }

    /// A GUID from the number that its hexadecimal digits make, dashes left out.
    #[must_use]
    pub(crate) const fn from_digits(digits: u128) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = digits.to_be_bytes();
        Self([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, place) in TEXT_ORDER.into_iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                out.write_char('-')?;
            }
            write!(out, "{:02x}", self.0[place])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A text that is not a GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseGuidError;

impl fmt::Display for ParseGuidError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a GUID is 8-4-4-4-12 hexadecimal digits")
    }
}

impl Error for ParseGuidError {}

impl FromStr for Guid {
    type Err = ParseGuidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 36 {
            return Err(ParseGuidError);
        }
        let mut digits = 0_u128;
        for (position, character) in text.chars().enumerate() {
            match (position, character.to_digit(16)) {
                (8 | 13 | 18 | 23, None) if character == '-' => {}
                (8 | 13 | 18 | 23, _) | (_, None) => return Err(ParseGuidError),
                (_, Some(digit)) => digits = digits << 4 | u128::from(digit),
            }
        }
        Ok(Self::from_digits(digits))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const TEXT: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

    #[test]
    fn the_first_three_groups_are_stored_little_endian() {
        let guid: Guid = TEXT.parse().unwrap();
        assert_eq!(guid.to_disk()[..8], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
        assert_eq!(guid.to_disk()[8..10], [0xba, 0x4b]);
        assert_eq!(guid.to_string(), TEXT);
    }

    #[test]
    fn text_order_and_digits_give_the_same_guid() {
        let digits = 0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b_u128;
        assert_eq!(Guid::from_digits(digits), TEXT.parse().unwrap());
        assert_eq!(Guid::from_text_order(digits.to_be_bytes()), TEXT.parse().unwrap());
    }

    #[test]
    fn other_texts_are_refused() {
        let wrong = [
            "",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93bb",
            "c12a7328f-81f-11d2-ba4b-00a0c93ec93b",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
            "c12a7328af81fa11d2aba4ba00a0c93ec93b",
            "é12a7328-f81f-11d2-ba4b-00a0c93ec93",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Guid>(), Err(ParseGuidError), "{text:?}");
        }
    }
}

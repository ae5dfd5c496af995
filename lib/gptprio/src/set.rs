//! The name of a set.

use core::error::Error;
use core::fmt;
use core::str::FromStr;

/// One of the two sets: the first in the partition table is A, the second B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SetId {
    /// The first set in the table.
    A,
    /// The second set in the table.
    B,
}

impl SetId {
    /// Both sets in table order.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The set that this one is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

impl FromStr for SetId {
    type Err = ParseSetIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "A" | "a" => Ok(Self::A),
            "B" | "b" => Ok(Self::B),
            _ => Err(ParseSetIdError),
        }
    }
}

/// A text that names no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseSetIdError;

impl fmt::Display for ParseSetIdError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a set is named A or B")
    }
}

impl Error for ParseSetIdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_and_b_are_names() {
        assert_eq!("A".parse(), Ok(SetId::A));
        assert_eq!("b".parse(), Ok(SetId::B));
        for text in ["", "C", "AB", " A", "0"] {
            assert_eq!(text.parse::<SetId>(), Err(ParseSetIdError), "{text:?}");
        }
    }
}

//! Parts of a store.
//!
//! Written, they are `live` and `pending/TRANSACTION`.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::NoKey;
use crate::store::{LIVE, PENDING};

/// A part of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// What counts.
    Live,
    /// What a transaction of this name is going to make live.
    Pending(String),
}

impl FromStr for Area {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let bad = |problem| NoKey { name: text.chars().take(80).collect(), problem };
        match text.split_once('/') {
            None if text == LIVE => Ok(Self::Live),
            Some((PENDING, transaction)) if !transaction.is_empty() => {
                Ok(Self::Pending(transaction.to_owned()))
            }
            _ => Err(bad("it is neither live nor pending")),
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => out.write_str(LIVE),
            Self::Pending(transaction) => write!(out, "{PENDING}/{transaction}"),
        }
    }
}

impl Serialize for Area {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Area {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_what_was_written() {
        for area in [Area::Live, Area::Pending("edit".into()), Area::Pending("a/b c".into())] {
            assert_eq!(area.to_string().parse::<Area>().unwrap(), area);
        }
        for text in ["", "Live", "pending", "pending/", "live/x", "other/x"] {
            assert!(text.parse::<Area>().is_err(), "{text:?}");
        }
    }
}

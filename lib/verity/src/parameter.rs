//! What the kernel's command line says of a root image.
//!
//! ```text
//! waystone.verity=1,<data blocks>,<root hash>,<salt>
//! ```
//!
//! `1` is the format of the parameter; the blocks have 4096 bytes; hash and salt are hexadecimal, an empty salt is `-`.
//! The hash algorithm is SHA-256, and the tree begins at the second block of the hash partition. Which set's partitions
//! to take is not said: the same image boots from either set.
//!
//! The type is here because two programs need it, the one that writes the command line and the one that boots by it, and
//! because it is made of nothing but this crate's values.

use std::fmt;
use std::str::FromStr;

use crate::{RootHash, Salt};

/// What the initial RAM filesystem has to know of the root image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootParameter {
    /// Data blocks of 4096 bytes.
    pub data_blocks: u64,
    /// Root hash.
    pub root_hash: RootHash,
    /// Salt.
    pub salt: Salt,
}

/// A text that is no such parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no {name} parameter: 1,<data blocks>,<root hash>,<salt>", name = BootParameter::NAME)]
pub struct BootParameterError(String);

impl BootParameter {
    /// The name of the parameter.
    pub const NAME: &str = "waystone.verity";

    /// The parameter in a command line, if there is one.
    ///
    /// # Errors
    ///
    /// Refuses one of another format.
    pub fn in_command_line(line: &str) -> Result<Option<Self>, BootParameterError> {
        let mut words = line.split_ascii_whitespace().filter_map(|word| word.split_once('='));
        words.find(|(name, _)| *name == Self::NAME).map(|(_, value)| value.parse()).transpose()
    }
}

impl fmt::Display for BootParameter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "1,{},{},{}", self.data_blocks, self.root_hash, self.salt)
    }
}

impl FromStr for BootParameter {
    type Err = BootParameterError;

    fn from_str(text: &str) -> Result<Self, BootParameterError> {
        let wrong = || BootParameterError(text.to_owned());
        let mut fields = text.split(',');
        let mut next = || fields.next().ok_or_else(wrong);
        let (format, blocks, root_hash, salt) = (next()?, next()?, next()?, next()?);
        if format != "1" || fields.next().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            data_blocks: blocks.parse().map_err(|_| wrong())?,
            root_hash: root_hash.parse().map_err(|_| wrong())?,
            salt: salt.parse().map_err(|_| wrong())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameter() -> BootParameter {
        let salt = Salt::new([0xab; 32]).expect("short");
        BootParameter { data_blocks: 141_045, root_hash: RootHash([0x12; 32]), salt }
    }

    #[test]
    fn it_is_found_in_a_command_line() {
        let line = format!("quiet waystone.verity={} ro", parameter());
        assert_eq!(BootParameter::in_command_line(&line), Ok(Some(parameter())));
        assert_eq!(BootParameter::in_command_line("quiet waystone.verityx=1"), Ok(None));
        assert!(BootParameter::in_command_line("waystone.verity=").is_err());
    }

    #[test]
    fn damaged_facts_are_refused() {
        let good = parameter().to_string();
        for bad in [&good[1..], &good[..good.len() - 1], "", "1", "2,1,,", &format!("{good},x")] {
            assert!(bad.parse::<BootParameter>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_is_read_back(data_blocks: u64, hash: [u8; 32], salt in prop::collection::vec(any::<u8>(), 0..=256)) {
            let salt = Salt::new(salt).expect("short");
            let parameter = BootParameter { data_blocks, root_hash: RootHash(hash), salt };
            prop_assert_eq!(parameter.to_string().parse(), Ok(parameter));
        }
    }
}

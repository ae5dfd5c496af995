//! The bytes that go before every block.

use std::fmt;
use std::str::FromStr;

/// A salt of 0 to 256 bytes. Shown in hexadecimal, an empty one as `-`, as `veritysetup` does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Salt(Vec<u8>);

/// Bytes or a text that are no salt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaltError {
    /// The superblock has no room for more than 256 bytes.
    #[error("a salt of {0} bytes is too long: 256 are the limit")]
    TooLong(usize),
    /// Not hexadecimal.
    #[error("'{0}' is not a salt: pairs of hexadecimal digits, or - for none, are needed")]
    NotHex(String),
}

impl Salt {
    /// The longest salt, in bytes.
    pub const MAX: usize = 256;

    /// A salt of these bytes.
    ///
    /// # Errors
    ///
    /// More than [`Salt::MAX`] bytes are refused.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SaltError> {
        let bytes = bytes.into();
        if bytes.len() > Self::MAX {
            return Err(SaltError::TooLong(bytes.len()));
        }
        Ok(Self(bytes))
    }

    pub(crate) fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest.to_vec())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { out.write_str("-") } else { out.write_str(&hex::encode(&self.0)) }
    }
}

impl FromStr for Salt {
    type Err = SaltError;

    fn from_str(text: &str) -> Result<Self, SaltError> {
        if text == "-" {
            return Self::new([]);
        }
        let bytes = hex::decode(text).map_err(|_| SaltError::NotHex(text.to_owned()))?;
        Self::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back() {
        for bytes in [vec![], vec![0], vec![0xab; 256]] {
            let salt = Salt::new(bytes).expect("not too long");
            assert_eq!(salt.to_string().parse(), Ok(salt));
        }
    }

    #[test]
    fn what_is_no_salt_is_refused() {
        assert_eq!(Salt::new([0; 257]), Err(SaltError::TooLong(257)));
        for text in ["0", "xy", "--", "00 11"] {
            assert_eq!(text.parse::<Salt>(), Err(SaltError::NotHex(text.to_owned())));
        }
    }
}

//! Names that become parts of file names, labels and UUIDs.

use std::fmt;

use serde::Deserialize;

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a variant or a product line.
    #[error(
        "'{0}' is not a name: 1 to 64 of a-z, 0-9, '.', '_' and '-' are needed, a letter or digit first"
    )]
    Name(String),
    /// Not a prefix of labels.
    #[error("'{0}' is not a label prefix: 1 to 24 of A-Z, a-z, 0-9, '_' and '-' are needed")]
    LabelPrefix(String),
}

/// A variant or a product line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.len() <= 64
            && text.bytes().all(inner)
            && text.as_bytes().first().is_some_and(first);
        if good { Ok(Self(text)) } else { Err(NameError::Name(text)) }
    }
}

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What the labels of all partitions begin with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LabelPrefix(String);

impl Default for LabelPrefix {
    fn default() -> Self {
        Self("WAYSTONE".to_owned())
    }
}

impl TryFrom<String> for LabelPrefix {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let good = (1..=24).contains(&text.len()) && text.bytes().all(inner);
        if good { Ok(Self(text)) } else { Err(NameError::LabelPrefix(text)) }
    }
}

impl LabelPrefix {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

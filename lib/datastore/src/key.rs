//! Keys: segments between dots.
//!
//! Written, a segment with anything but letters, digits, `_`, `-` and `/` stands in quotes: `settings.labels."example.com".zone`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::name;

/// Longest key as it is written, in bytes, as in Bottlerocket.
const MAX_LENGTH: usize = 255;

/// The name of a setting. Its parts are never empty and hold neither quotes nor control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<String>);

/// Something is not a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is no key: {problem}")]
pub struct NoKey {
    /// What it was, or its beginning.
    pub name: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Key {
    /// A key of these segments.
    ///
    /// # Errors
    ///
    /// Fails when there are none, one is empty or holds what no key can, or the key is too long.
    pub fn new<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Result<Self, NoKey> {
        let key = Self(segments.into_iter().map(Into::into).collect());
        let bad = |problem| NoKey { name: short(&key.to_string()), problem };
        if key.0.is_empty() {
            return Err(bad("it has no segments"));
        }
        for segment in &key.0 {
            check(segment).map_err(bad)?;
        }
        if key.length() > MAX_LENGTH {
            return Err(bad("it has more than 255 bytes"));
        }
        Ok(key)
    }

    /// How long it is as it is written, in bytes.
    fn length(&self) -> usize {
        let quotes = |segment: &str| if segment.chars().all(is_plain) { 0 } else { 2 };
        // A dot before each but the first.
        self.0.iter().map(|segment| segment.len() + quotes(segment) + 1).sum::<usize>() - 1
    }

    /// The segments.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// Whether it lies below `prefix`, or is it.
    pub fn is_below(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// Where its value lies below the folder of an area.
    pub fn path(&self) -> PathBuf {
        self.0.iter().map(|segment| name::encode(segment)).collect()
    }
}

/// Whether this can be a segment, or the name of metadata.
pub(crate) fn check(segment: &str) -> Result<(), &'static str> {
    if segment.is_empty() {
        return Err("a segment is empty");
    }
    if segment.contains(|char: char| char.is_control() || char == '"') {
        return Err("a segment has a quote or a control character in it");
    }
    check_length(name::encoded_length(segment))
}

/// Whether a file name may be so long, in bytes.
pub(crate) fn check_length(length: usize) -> Result<(), &'static str> {
    if length > MAX_LENGTH {
        return Err("a segment is too long for a file name");
    }
    Ok(())
}

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let bad = |problem| NoKey { name: short(text), problem };
        let (mut segments, mut rest) = (Vec::new(), text);
        loop {
            let (segment, behind) = first(rest).map_err(bad)?;
            segments.push(segment);
            match behind.strip_prefix('.') {
                Some(more) => rest = more,
                None if behind.is_empty() => return Self::new(segments),
                None => return Err(bad("something follows a quoted segment")),
            }
        }
    }
}

/// The first segment, and what is behind it.
fn first(text: &str) -> Result<(&str, &str), &'static str> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.split_once('"').ok_or("a quote is not closed");
    }
    let (segment, behind) = text.split_at(text.find('.').unwrap_or(text.len()));
    if segment.chars().all(is_plain) { Ok((segment, behind)) } else { Err("it has to be quoted") }
}

/// Whether a segment of such characters is written without quotes.
fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '/')
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            match segment.chars().all(is_plain) {
                true => write!(out, "{dot}{segment}")?,
                false => write!(out, "{dot}\"{segment}\"")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_separate_and_quotes_hold_together() {
        let key: Key = r#"settings.labels."example.com/zone".x"#.parse().unwrap();
        assert_eq!(key.segments(), ["settings", "labels", "example.com/zone", "x"]);
        assert_eq!(key.path(), PathBuf::from("settings/labels/example%2Ecom%2Fzone/x"));
        assert_eq!(key.to_string(), r#"settings.labels."example.com/zone".x"#);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "a".repeat(256);
        for text in [
            "", ".", "a.", ".a", "a..b", "a b", r#""a"#, r#""a"b"#, r#"a"b""#, r#""""#, "a\nb",
            &long,
        ] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
        assert!(Key::new(["a\"b"]).is_err());
        assert!(Key::new(Vec::<String>::new()).is_err());
    }

    proptest! {
        #[test]
        fn a_key_is_what_was_written(segments in prop::collection::vec("[a-z0-9._/%ä -]{1,9}", 1..6)) {
            let key = Key::new(segments).unwrap();
            prop_assert_eq!(key.to_string().len(), key.length());
            prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        }
    }
}

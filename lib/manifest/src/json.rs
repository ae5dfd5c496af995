//! Strict JSON: what `serde_json` lets pass is refused here.
//!
//! A key that stands twice in one object is an error at every level, also inside fields that we do not
//! know: two readers of one signed file must never see two different files. Length, depth and the number of
//! values are limited, so that memory is bounded before anything is built from the text.
//!
//! Numbers beyond 64 bits are kept as floating point; no field that we know has one.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

/// Longest manifest that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// Deepest nesting of objects and lists; a manifest has 5 levels.
pub const MAX_DEPTH: usize = 16;

/// Most values in one file, each object, list, string, number and literal counted.
pub const MAX_VALUES: usize = 200_000;

/// The bytes are not the JSON that we accept.
#[derive(Debug, Error)]
pub enum JsonError {
    /// Longer than [`MAX_BYTES`].
    #[error("{length} bytes are more than the limit of {MAX_BYTES}")]
    TooLong {
        /// Length of the text in bytes.
        length: usize,
    },
    /// Broken, doubled, too deep or too much; says the line and column.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
}

/// Reads one JSON text with nothing after it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.len() > MAX_BYTES {
        return Err(JsonError::TooLong { length: bytes.len() });
    }
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, left: &left }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads one value at `depth`, with `left` values still allowed in the whole text.
#[derive(Clone, Copy)]
struct Strict<'c> {
    depth: usize,
    left: &'c Cell<usize>,
}

impl Strict<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, left: self.left })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| {
            de::Error::custom(format_args!("more than {MAX_VALUES} values in one file"))
        })?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("key '{key}' stands twice")));
            }
            let value = entries.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_key_is_found_at_every_level() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": {"b": 1, "c": 2, "b": 3}}"#,
            r#"[{"x": [{"y": 0, "y": 0}]}]"#,
            r#"{"a": 1, "\u0061": 2}"#,
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("stands twice"), "{text}: {error}");
        }
    }

    #[test]
    fn depth_length_and_count_are_limited() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse(nested(100_000).as_bytes()).is_err());
        let flat = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
        assert!(parse(flat(MAX_VALUES).as_bytes()).is_ok());
        assert!(parse(flat(MAX_VALUES + 1).as_bytes()).is_err());
        assert!(matches!(parse(&vec![b' '; MAX_BYTES + 1]), Err(JsonError::TooLong { .. })));
    }

    #[test]
    fn anything_after_the_text_is_refused() {
        assert!(parse(b"{} \n").is_ok());
        assert!(parse(b"{} {}").is_err());
        assert!(parse(b"").is_err());
        assert!(parse(b"\xff").is_err());
    }
}

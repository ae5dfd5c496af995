//! Canonical JSON, the form that signatures are made over.
//!
//! Objects sorted by key, no white space, only quotes and backslashes escaped, integers only: what
//! securesystemslib writes and every TUF client checks. It is made straight from the received bytes,
//! without a tree in between. Refused, since two readers could take them for different things: a
//! key that is there twice in one object, a fraction, an integer beyond 64 bits, more than 127 levels.

use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The canonical form of one JSON value.
///
/// # Errors
///
/// Fails if `json` is not one JSON value, or one of those that are refused (see the module).
///
/// ```
/// let canonical = trust::canonical_json(br#"{ "b": [1, true], "a": "\u00e9\"" }"#).unwrap();
/// assert_eq!(String::from_utf8(canonical).unwrap(), r#"{"a":"é\"","b":[1,true]}"#);
/// ```
pub fn canonical_json(json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = String::with_capacity(json.len());
    let mut reader = serde_json::Deserializer::from_slice(json);
    Canonical(&mut out).deserialize(&mut reader)?;
    reader.end()?;
    Ok(out.into_bytes())
}

/// Appends the canonical form of a value.
struct Canonical<'a>(&'a mut String);

impl Canonical<'_> {
    fn put(self, value: impl fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value}");
    }
}

impl<'de> DeserializeSeed<'de> for Canonical<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Canonical<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("canonical JSON, which has no fractions and no integers beyond 64 bits")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put("null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        string(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push('[');
        let start = out.len();
        while items.next_element_seed(Canonical(out))?.is_some() {
            out.push(',');
        }
        if out.len() > start {
            out.pop();
        }
        out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push('{');
        let start = out.len();
        let mut members: Vec<Member> = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !members.is_empty() {
                out.push(',');
            }
            let from = out.len();
            string(out, &key);
            drop(key);
            out.push(':');
            entries.next_value_seed(Canonical(out))?;
            members.push(Member::new(from, out.len())?);
        }
        let in_order = |left: &Member, right: &Member| left.key(out).lt(right.key(out));
        if !members.is_sorted_by(in_order) {
            sort(out, start, members)?;
        }
        out.push('}');
        Ok(())
    }
}

/// Where a member of an object lies in the output; small, since there may be as many as bytes allow.
#[derive(Clone, Copy)]
struct Member {
    start: u32,
    end: u32,
}

impl Member {
    fn new<E: Error>(start: usize, end: usize) -> Result<Self, E> {
        let place = |at: usize| u32::try_from(at).map_err(|_| E::custom("it is longer than 4 GiB"));
        Ok(Self { start: place(start)?, end: place(end)? })
    }

    fn text(self, out: &str) -> &str {
        let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        &out[place(self.start)..place(self.end)]
    }

    /// The bytes of its key: what stands between the first quotes, without the escapes.
    fn key(self, out: &str) -> impl Iterator<Item = u8> {
        let mut rest = self.text(out).bytes().skip(1);
        std::iter::from_fn(move || match rest.next()? {
            b'"' => None,
            b'\\' => rest.next(),
            plain => Some(plain),
        })
    }
}

/// Puts an object's members, which lie from `start` on, in the order of their keys.
fn sort<E: Error>(out: &mut String, start: usize, mut members: Vec<Member>) -> Result<(), E> {
    members.sort_unstable_by(|left, right| left.key(out).cmp(right.key(out)));
    if let Some(pair) = members.windows(2).find(|pair| pair[0].key(out).eq(pair[1].key(out))) {
        let key = String::from_utf8_lossy(&pair[0].key(out).collect::<Vec<_>>()).into_owned();
        return Err(E::custom(format!("the key {key:?} is there twice")));
    }
    let mut sorted = String::with_capacity(out.len() - start);
    for (index, member) in members.into_iter().enumerate() {
        if index > 0 {
            sorted.push(',');
        }
        sorted.push_str(member.text(out));
    }
    out.truncate(start);
    out.push_str(&sorted);
    Ok(())
}

fn string(out: &mut String, value: &str) {
    out.push('"');
    for piece in value.split_inclusive(['"', '\\']) {
        match piece.as_bytes().last() {
            Some(special @ (b'"' | b'\\')) => {
                out.push_str(&piece[..piece.len() - 1]);
                out.push('\\');
                out.push(char::from(*special));
            }
            _ => out.push_str(piece),
        }
    }
    out.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> String {
        String::from_utf8(canonical_json(json.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn members_are_sorted_by_code_point_at_every_level() {
        let json = r#" { "b" : {"z":1,"a":[ {"y":null,"x":false} , [] , {} ]}, "a!":-7, "a":18446744073709551615 } "#;
        let expected =
            r#"{"a":18446744073709551615,"a!":-7,"b":{"a":[{"x":false,"y":null},[],{}],"z":1}}"#;
        assert_eq!(canonical(json), expected);
    }

    #[test]
    fn only_quotes_and_backslashes_are_escaped_and_nothing_is_normalised() {
        assert_eq!(canonical(r#""\u0041\n\t\"\\\/""#), "\"A\n\t\\\"\\\\/\"");
        assert_eq!(canonical(r#""e\u0301\u00e9""#), "\"e\u{301}\u{e9}\"");
    }

    #[test]
    fn canonical_form_is_its_own_canonical_form() {
        let once = canonical(r#"{"b":[1,2,{"d":"x","c":"y"}],"a":{}}"#);
        assert_eq!(canonical(&once), once);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for json in
            [r#"{"a":1,"b":2,"a":3}"#, "1.5", "1e3", "18446744073709551616", "1 2", "", &deep]
        {
            assert!(canonical_json(json.as_bytes()).is_err(), "{json}");
        }
        assert!(canonical_json(b"\"\xff\"").is_err(), "not UTF-8");
    }

    #[test]
    fn a_doubled_key_is_named() {
        let error = canonical_json(br#"{"x":{"a":1,"a":1}}"#).unwrap_err();
        assert!(error.to_string().contains(r#"the key "a" is there twice"#), "{error}");
    }
}

//! Lists of strings that are looked through once and may be long: kept as the text that they are.

use std::fmt;

use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A JSON array that was seen to hold strings only. In memory it is as long as in the file.
#[derive(Clone, Debug)]
pub(crate) struct Strings(Box<RawValue>);

impl Strings {
    /// The strings in their order, each seen until `visit` returns false.
    pub(crate) fn each(&self, mut visit: impl FnMut(&str) -> bool) {
        // It was read in the same way when it was made.
        let _ = read(self.0.get(), &mut visit);
    }

    /// Whether one of them is wanted.
    pub(crate) fn any(&self, mut wanted: impl FnMut(&str) -> bool) -> bool {
        let mut found = false;
        self.each(|text| {
            found = wanted(text);
            !found
        });
        found
    }
}

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(reader)?;
        read(raw.get(), &mut |_| true).map_err(serde::de::Error::custom)?;
        Ok(Self(raw))
    }
}

fn read(json: &str, visit: &mut dyn FnMut(&str) -> bool) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_seq(Each { visit, go_on: true })
}

struct Each<'a> {
    visit: &'a mut dyn FnMut(&str) -> bool,
    go_on: bool,
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(One(&mut self))?.is_some() {}
        Ok(())
    }
}

struct One<'a, 'b>(&'a mut Each<'b>);

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for One<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.0.go_on {
            self.0.go_on = (self.0.visit)(text);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_seen_in_order_until_one_is_found() {
        let strings: Strings = serde_json::from_str(r#"["a","\u0062", "c"]"#).unwrap();
        let mut seen = Vec::new();
        assert!(strings.any(|text| {
            seen.push(text.to_owned());
            text == "b"
        }));
        assert_eq!(seen, ["a", "b"]);
        assert!(!strings.any(|text| text == "d"));
    }

    #[test]
    fn anything_but_strings_is_refused() {
        for json in [r#"["a",1]"#, r#"[["a"]]"#, "{}", "null", r#""a""#, "[null]"] {
            assert!(serde_json::from_str::<Strings>(json).is_err(), "{json}");
        }
    }
}

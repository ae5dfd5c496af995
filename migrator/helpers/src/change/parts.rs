//! A text that becomes several settings.

use std::collections::BTreeMap;

use datastore::{Area, Contents, Json, Key};
use serde_json::Value;

use super::{Step, place};
use crate::{Error, Result};

/// A text, split at a separator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    pub(super) key: Key,
    pub(super) separator: String,
    pub(super) parts: Vec<Key>,
}

impl Step for Parts {
    fn forward(&self, _: &Area, contents: &mut Contents) -> Result<()> {
        let Some(json) = contents.data.get(&self.key) else { return Ok(()) };
        let pieces = self.pieces(json)?;
        let metadata = contents.metadata.get(&self.key).cloned();
        contents.remove(&self.key);
        for (part, piece) in self.parts.iter().zip(pieces) {
            put(contents, &self.key, part, piece, metadata.clone())?;
        }
        Ok(())
    }

    fn back(&self, _: &Area, contents: &mut Contents) -> Result<()> {
        let Some(joined) = self.joined(contents) else { return Ok(()) };
        let metadata = self.parts.first().and_then(|part| contents.metadata.get(part).cloned());
        for part in &self.parts {
            contents.remove(part);
        }
        let first = self.parts.first().unwrap_or(&self.key);
        put(contents, first, &self.key, Value::from(joined).into(), metadata)
    }

    fn is_lossless(&self, _: &Area, contents: &Contents) -> bool {
        self.parts.iter().all(|part| *part == self.key || place::is_free(contents, part))
    }

    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key> {
        [&self.key].into_iter().chain(&self.parts).collect()
    }
}

impl Parts {
    fn pieces(&self, json: &Json) -> Result<Vec<Json>> {
        let value = json.value();
        let pieces = value.as_str().map(|text| self.texts(text));
        let pieces = pieces.filter(|pieces| pieces.len() == self.parts.len());
        let pieces = pieces.ok_or_else(|| Error::Split {
            key: self.key.to_string(),
            parts: self.parts.len(),
            value: json.to_string(),
        })?;
        Ok(pieces.into_iter().map(|piece| Value::from(piece).into()).collect())
    }

    fn texts<'a>(&self, text: &'a str) -> Vec<&'a str> {
        text.split(&self.separator).collect()
    }

    /// The whole, if splitting it makes the same parts again, with their metadata.
    fn joined(&self, contents: &Contents) -> Option<String> {
        let value = |part| Some(contents.data.get(part)?.value());
        let values: Vec<Value> = self.parts.iter().map(value).collect::<Option<_>>()?;
        let texts: Vec<&str> = values.iter().map(Value::as_str).collect::<Option<_>>()?;
        let mut metadata = self.parts.iter().map(|part| contents.metadata.get(part));
        let first = metadata.next()?;
        let joined = texts.join(&self.separator);
        let is_same = metadata.all(|other| other == first) && self.texts(&joined) == texts;
        is_same.then_some(joined)
    }
}

fn put(
    contents: &mut Contents,
    from: &Key,
    to: &Key,
    value: Json,
    metadata: Option<BTreeMap<String, Json>>,
) -> Result<()> {
    let data = [(to.clone(), value)].into();
    let metadata = metadata.map(|metadata| (to.clone(), metadata)).into_iter().collect();
    place::put(contents, from, to, Contents { data, metadata })
}

#[cfg(test)]
mod tests {
    use super::super::written::{applied, contents, fails, leads, name};
    use crate::{Area, Change, Direction};

    fn change() -> Change {
        Change::split(name("a"), ":", vec![name("host"), name("port")])
    }

    #[test]
    fn a_text_is_split_and_joined() {
        let change = change();
        leads(
            &change,
            &["a = \"x:1\"", "a#strength = \"weak\""],
            &[
                "host = \"x\"",
                "port = \"1\"",
                "host#strength = \"weak\"",
                "port#strength = \"weak\"",
            ],
        );
        leads(&change, &["b = 1"], &["b = 1"]);
        leads(&change, &["a#strength = 1"], &["a#strength = 1"]);
        for odd in ["a = \"x\"", "a = \"x:1:2\"", "a = 1"] {
            let error = fails(&change, Direction::Forward, &[odd]);
            assert!(error.starts_with("the value of a cannot be split in 2: "), "{error}");
        }
        let below = Change::split(name("a"), ":", vec![name("a.host"), name("a.port")]);
        leads(&below, &["a = \"x:1\""], &["a.host = \"x\"", "a.port = \"1\""]);
    }

    #[test]
    fn nothing_is_split_or_joined_onto_what_is_there() {
        for taken in ["port = \"2\"", "port#strength = 1", "port.x = 1"] {
            let error = fails(&change(), Direction::Forward, &["a = \"x:1\"", taken]);
            assert!(error.starts_with("a cannot become port"), "{error}");
        }
        for taken in ["a = \"y:2\"", "a#strength = 1", "a.x = 1"] {
            let parts = ["host = \"x\"", "port = \"1\"", taken];
            let error = fails(&change(), Direction::Backward, &parts);
            assert!(error.starts_with("host cannot become a"), "{error}");
        }
    }

    #[test]
    fn a_part_is_not_two() {
        let twice = Change::split(name("a"), ":", vec![name("b"), name("b")]);
        let error = fails(&twice, Direction::Forward, &["a = \"x:1\""]);
        assert_eq!(error, "a cannot become b, which is there already");
    }

    #[test]
    fn parts_that_a_split_would_not_make_again_stay() {
        for lines in [
            &["host = \"x\""][..],
            &["port = \"1\"", "port#strength = \"weak\""],
            &["host = \"x\"", "port = 1"],
            &["host = \"x:y\"", "port = \"1\""],
            &["host = \"x\"", "port = \"1\"", "port#strength = \"strong\""],
        ] {
            let back = applied(&change(), Direction::Backward, &Area::Live, lines);
            assert_eq!(back, contents(lines));
            let again = applied(&change(), Direction::Forward, &Area::Live, lines);
            assert_eq!(again, contents(lines));
        }
    }
}

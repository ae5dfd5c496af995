//! Changes of settings, each with its way back.

use serde_json::Value;

use datastore::{Area, Contents, Json, Key};

use crate::{Direction, Error, Result};

/// A change of settings. What it is about need not be there: then nothing changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Rename { from: Key, to: Key },
    Add { key: Key, default: Value },
    Remove { key: Key, former: Option<Value> },
    Replace { key: Key, old: Value, new: Value },
    Split { key: Key, separator: String, parts: Vec<Key> },
}

impl Change {
    /// Gives a setting another name, and all that lie below it. Back: the old name.
    pub fn rename(from: Key, to: Key) -> Self {
        Self(Kind::Rename { from, to })
    }

    /// Adds a setting that is not there, with a default; to what is live, not to what is pending. Back: it goes, whatever its value.
    pub fn add(key: Key, default: impl Into<Value>) -> Self {
        Self(Kind::Add { key, default: default.into() })
    }

    /// Removes a setting, and all that lie below it. Back: nothing, since nobody knows what it was.
    pub fn remove(key: Key) -> Self {
        Self(Kind::Remove { key, former: None })
    }

    /// Removes a setting. Back: it has this value, in what is live.
    pub fn remove_restoring(key: Key, value: impl Into<Value>) -> Self {
        Self(Kind::Remove { key, former: Some(value.into()) })
    }

    /// Replaces one value of a setting by another, such as a default that was never changed. Back: the other way round.
    pub fn replace(key: Key, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        Self(Kind::Replace { key, old: old.into(), new: new.into() })
    }

    /// Splits a text at a separator in as many settings as there are names; the metadata of the whole goes to each. Back: they are joined, where all are there.
    pub fn split(key: Key, separator: impl Into<String>, parts: Vec<Key>) -> Self {
        Self(Kind::Split { key, separator: separator.into(), parts })
    }

    /// Makes the change, or undoes it.
    pub(crate) fn apply(
        &self,
        direction: Direction,
        area: &Area,
        contents: &mut Contents,
    ) -> Result<()> {
        let forward = direction == Direction::Forward;
        match &self.0 {
            Kind::Rename { from, to } if forward => rename(contents, from, to)?,
            Kind::Rename { from, to } => rename(contents, to, from)?,
            Kind::Add { key, default } if forward => add(contents, area, key, default),
            Kind::Remove { key, former: Some(former) } if !forward => {
                add(contents, area, key, former)
            }
            Kind::Remove { former: None, .. } if !forward => {}
            Kind::Add { key, .. } | Kind::Remove { key, .. } => remove(contents, key),
            Kind::Replace { key, old, new } if forward => replace(contents, key, old, new),
            Kind::Replace { key, old, new } => replace(contents, key, new, old),
            Kind::Split { key, separator, parts } if forward => {
                split(contents, key, separator, parts)?
            }
            Kind::Split { key, separator, parts } => join(contents, key, separator, parts),
        }
        Ok(())
    }
}

fn rename(contents: &mut Contents, from: &Key, to: &Key) -> Result<()> {
    let named = contents.data.keys().chain(contents.metadata.keys());
    let below: Vec<Key> = named.filter(|key| key.is_below(from)).cloned().collect();
    for key in below {
        let rest = key.segments().iter().skip(from.segments().len());
        let new = Key::new(to.segments().iter().chain(rest).cloned())?;
        if contents.data.contains_key(&key) && contents.data.contains_key(&new) {
            return Err(Error::Taken { from: key.to_string(), to: new.to_string() });
        }
        contents.rename(&key, &new);
    }
    Ok(())
}

fn add(contents: &mut Contents, area: &Area, key: &Key, default: &Value) {
    if *area == Area::Live {
        contents.data.entry(key.clone()).or_insert_with(|| default.clone().into());
    }
}

fn remove(contents: &mut Contents, key: &Key) {
    contents.data.retain(|other, _| !other.is_below(key));
    contents.metadata.retain(|other, _| !other.is_below(key));
}

fn replace(contents: &mut Contents, key: &Key, old: &Value, new: &Value) {
    if let Some(value) = contents.data.get_mut(key).filter(|value| value.value() == *old) {
        *value = new.clone().into();
    }
}

fn split(contents: &mut Contents, key: &Key, separator: &str, parts: &[Key]) -> Result<()> {
    let Some(json) = contents.data.get(key) else { return Ok(()) };
    let unlike =
        || Error::Split { key: key.to_string(), parts: parts.len(), value: json.to_string() };
    let value = json.value();
    let pieces: Vec<&str> = value.as_str().ok_or_else(unlike)?.split(separator).collect();
    if pieces.len() != parts.len() {
        return Err(unlike());
    }
    let pieces: Vec<Json> = pieces.into_iter().map(|piece| Value::from(piece).into()).collect();
    let metadata = contents.metadata.get(key).cloned();
    contents.remove(key);
    for (part, piece) in parts.iter().zip(pieces) {
        contents.data.insert(part.clone(), piece);
        contents.metadata.extend(metadata.clone().map(|metadata| (part.clone(), metadata)));
    }
    Ok(())
}

fn join(contents: &mut Contents, key: &Key, separator: &str, parts: &[Key]) {
    let values: Option<Vec<Value>> =
        parts.iter().map(|part| Some(contents.data.get(part)?.value())).collect();
    let texts: Option<Vec<&str>> =
        values.as_ref().and_then(|values| values.iter().map(Value::as_str).collect());
    let joined = texts.map(|texts| Value::from(texts.join(separator)));
    let metadata = parts.first().and_then(|part| contents.metadata.get(part).cloned());
    for part in parts {
        contents.remove(part);
    }
    if let Some(joined) = joined {
        contents.data.insert(key.clone(), joined.into());
        contents.metadata.extend(metadata.map(|metadata| (key.clone(), metadata)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key;

    /// Contents of `key = JSON` and `key#metadata = JSON` lines.
    fn contents(lines: &[&str]) -> Contents {
        let mut contents = Contents::default();
        for line in lines {
            let (name, value) = line.split_once(" = ").unwrap();
            let value = Json::parse(value.to_owned()).unwrap();
            match name.split_once('#') {
                Some((name, metadata)) => drop(
                    contents
                        .metadata
                        .entry(key(name).unwrap())
                        .or_default()
                        .insert(metadata.into(), value),
                ),
                None => drop(contents.data.insert(key(name).unwrap(), value)),
            }
        }
        contents
    }

    fn applied(change: &Change, direction: Direction, area: &Area, lines: &[&str]) -> Contents {
        let mut contents = contents(lines);
        change.apply(direction, area, &mut contents).unwrap();
        contents
    }

    /// The change leads from `before` to `after`, and back.
    fn leads(change: Change, before: &[&str], after: &[&str]) {
        let there = applied(&change, Direction::Forward, &Area::Live, before);
        assert_eq!(there, contents(after));
        let back = applied(&change, Direction::Backward, &Area::Live, after);
        assert_eq!(back, contents(before));
    }

    fn name(text: &str) -> Key {
        key(text).unwrap()
    }

    #[test]
    fn a_rename_takes_metadata_and_what_lies_below_along() {
        let change = Change::rename(name("a.b"), name("c"));
        let before = ["a.b = 1", "a.b#strength = \"weak\"", "a.bc = 2"];
        leads(change.clone(), &before, &["c = 1", "c#strength = \"weak\"", "a.bc = 2"]);
        leads(change.clone(), &["a.b.d = 1", "a.b.e.f = 2"], &["c.d = 1", "c.e.f = 2"]);
        leads(change.clone(), &["x = 1"], &["x = 1"]);
        let taken =
            change.apply(Direction::Forward, &Area::Live, &mut contents(&["a.b = 1", "c = 2"]));
        assert!(matches!(taken, Err(Error::Taken { .. })));
    }

    #[test]
    fn a_default_is_added_where_nothing_is_and_only_live() {
        let change = Change::add(name("a"), true);
        leads(change.clone(), &["b = 1"], &["a = true", "b = 1"]);
        let there = applied(&change, Direction::Forward, &Area::Live, &["a = false"]);
        assert_eq!(there, contents(&["a = false"]));
        let pending = Area::Pending("edit".into());
        assert_eq!(applied(&change, Direction::Forward, &pending, &[]), contents(&[]));
    }

    #[test]
    fn what_is_removed_comes_back_only_if_a_value_is_known() {
        leads(Change::remove_restoring(name("a"), "x"), &["a = \"x\"", "b = 1"], &["b = 1"]);
        let change = Change::remove(name("a"));
        let there =
            applied(&change, Direction::Forward, &Area::Live, &["a.b = 1", "a.b#x = 2", "ab = 3"]);
        assert_eq!(there, contents(&["ab = 3"]));
        assert_eq!(applied(&change, Direction::Backward, &Area::Live, &["ab = 3"]), there);
    }

    #[test]
    fn one_value_is_replaced_and_any_other_is_left() {
        let change = Change::replace(name("a"), "old", "new");
        leads(change.clone(), &["a = \"old\""], &["a = \"new\""]);
        leads(change, &["a = \"other\""], &["a = \"other\""]);
    }

    #[test]
    fn a_text_is_split_and_joined() {
        let change = Change::split(name("a"), ":", vec![name("host"), name("port")]);
        leads(
            change.clone(),
            &["a = \"x:1\"", "a#strength = \"weak\""],
            &[
                "host = \"x\"",
                "port = \"1\"",
                "host#strength = \"weak\"",
                "port#strength = \"weak\"",
            ],
        );
        leads(change.clone(), &["b = 1"], &["b = 1"]);
        for odd in ["a = \"x\"", "a = \"x:1:2\"", "a = 1"] {
            let refused = change.apply(Direction::Forward, &Area::Live, &mut contents(&[odd]));
            assert!(matches!(refused, Err(Error::Split { .. })), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn renames_lead_back_to_the_same(values in prop::collection::btree_map("[a-d](\\.[a-d]){0,2}", 0_u32..9, 0..6)) {
            let mut before = Contents::default();
            for (text, value) in values {
                before.data.insert(name(&text), Value::from(value).into());
            }
            let change = Change::rename(name("a"), name("new.place"));
            let mut contents = before.clone();
            change.apply(Direction::Forward, &Area::Live, &mut contents).unwrap();
            prop_assert!(contents.data.keys().all(|key| !key.is_below(&name("a"))));
            change.apply(Direction::Backward, &Area::Live, &mut contents).unwrap();
            prop_assert_eq!(contents, before);
        }
    }
}

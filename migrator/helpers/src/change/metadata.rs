//! Metadata of a setting.

use std::collections::BTreeMap;

use datastore::{Area, Contents, Json, Key};
use serde_json::Value;

use super::{Step, place};
use crate::{Error, Result};

/// Metadata of one setting and name, and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metadata {
    pub(super) key: Key,
    pub(super) name: String,
    pub(super) edit: Edit,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// It comes, with a value.
    Add(Value),
    /// It goes, and has a value on the way back if that is known.
    Remove(Option<Value>),
    /// It has another value.
    Replace { old: Value, new: Value },
    /// It has another name.
    Rename(String),
}

impl Step for Metadata {
    fn forward(&self, area: &Area, contents: &mut Contents) -> Result<()> {
        match &self.edit {
            Edit::Add(value) => self.add(area, contents, value),
            Edit::Remove(_) => drop(self.take(contents, &self.name)),
            Edit::Replace { old, new } => self.replace(contents, old, new),
            Edit::Rename(new) => self.rename(contents, &self.name, new)?,
        }
        Ok(())
    }

    fn back(&self, area: &Area, contents: &mut Contents) -> Result<()> {
        match &self.edit {
            Edit::Add(_) => drop(self.take(contents, &self.name)),
            Edit::Remove(Some(value)) => self.add(area, contents, value),
            Edit::Remove(None) => {}
            Edit::Replace { old, new } => self.replace(contents, new, old),
            Edit::Rename(new) => self.rename(contents, new, &self.name)?,
        }
        Ok(())
    }

    fn is_lossless(&self, area: &Area, contents: &Contents) -> bool {
        let value = self.value(contents, &self.name);
        match &self.edit {
            Edit::Add(_) | Edit::Remove(None) => value.is_none(),
            Edit::Remove(former) => match self.may_have(area, contents) {
                true => value == *former,
                false => value.is_none(),
            },
            Edit::Replace { old, new } => old == new || value.as_ref() != Some(new),
            Edit::Rename(new) => *new == self.name || self.value(contents, new).is_none(),
        }
    }

    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key> {
        vec![&self.key]
    }
}

impl Metadata {
    /// Whether metadata is added here: the setting is live, and has a value.
    fn may_have(&self, area: &Area, contents: &Contents) -> bool {
        *area == Area::Live && place::has(contents, &self.key)
    }

    fn value(&self, contents: &Contents, name: &str) -> Option<Value> {
        Some(contents.metadata.get(&self.key)?.get(name)?.value())
    }

    fn named<'a>(&self, contents: &'a mut Contents) -> &'a mut BTreeMap<String, Json> {
        contents.metadata.entry(self.key.clone()).or_default()
    }

    fn add(&self, area: &Area, contents: &mut Contents, value: &Value) {
        if self.may_have(area, contents) && self.value(contents, &self.name).is_none() {
            self.named(contents).insert(self.name.clone(), value.clone().into());
        }
    }

    fn take(&self, contents: &mut Contents, name: &str) -> Option<Json> {
        let taken = contents.metadata.get_mut(&self.key)?.remove(name);
        contents.metadata.retain(|_, named| !named.is_empty());
        taken
    }

    fn replace(&self, contents: &mut Contents, old: &Value, new: &Value) {
        if self.value(contents, &self.name).as_ref() == Some(old) {
            self.named(contents).insert(self.name.clone(), new.clone().into());
        }
    }

    fn rename(&self, contents: &mut Contents, from: &str, to: &str) -> Result<()> {
        let Some(value) = self.take(contents, from) else { return Ok(()) };
        if self.value(contents, to).is_some() {
            let of = |name| format!("metadata {name} of {}", self.key);
            return Err(Error::Taken { from: of(from), to: of(to) });
        }
        self.named(contents).insert(to.to_owned(), value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::{applied, contents, fails, leads, name};
    use crate::{Area, Change, Direction};

    #[test]
    fn metadata_is_added_where_a_setting_is_live() {
        let change = Change::add_metadata(name("a"), "m", 1);
        leads(&change, &["a = 0", "a#n = 2"], &["a = 0", "a#n = 2", "a#m = 1"]);
        leads(&change, &["b = 0", "a.b = 0"], &["b = 0", "a.b = 0"]);
        let pending = Area::Pending("edit".into());
        let there = applied(&change, Direction::Forward, &pending, &["a = 0"]);
        assert_eq!(there, contents(&["a = 0"]));
        let there = ["a = 0", "a#m = 2"];
        assert_eq!(applied(&change, Direction::Forward, &Area::Live, &there), contents(&there));
        assert!(!change.is_lossless(&Area::Live, &contents(&there)));
    }

    #[test]
    fn metadata_that_is_removed_comes_back_only_if_a_value_is_known() {
        let restored = Change::remove_metadata_restoring(name("a"), "m", 1);
        leads(&restored, &["a = 0", "a#m = 1"], &["a = 0"]);
        leads(&restored, &["a#n = 1"], &["a#n = 1"]);
        assert!(!restored.is_lossless(&Area::Live, &contents(&["a = 0", "a#m = 2"])));
        assert!(!restored.is_lossless(&Area::Live, &contents(&["a = 0"])));
        let change = Change::remove_metadata(name("a"), "m");
        let there = applied(&change, Direction::Forward, &Area::Live, &["a = 0", "a#m = 1"]);
        assert_eq!(there, contents(&["a = 0"]));
        leads(&change, &["a = 0", "b#m = 1"], &["a = 0", "b#m = 1"]);
    }

    #[test]
    fn one_value_of_metadata_is_replaced() {
        let change = Change::replace_metadata(name("a"), "m", "old", "new");
        leads(&change, &["a#m = \"old\""], &["a#m = \"new\""]);
        leads(&change, &["a#m = \"other\""], &["a#m = \"other\""]);
        leads(&change, &["b#m = \"old\""], &["b#m = \"old\""]);
        assert!(!change.is_lossless(&Area::Live, &contents(&["a#m = \"new\""])));
    }

    #[test]
    fn metadata_gets_another_name_unless_that_is_taken() {
        let change = Change::rename_metadata(name("a"), "m", "n");
        leads(&change, &["a = 0", "a#m = 1", "b#m = 2"], &["a = 0", "a#n = 1", "b#m = 2"]);
        leads(&change, &["a = 0"], &["a = 0"]);
        let error = fails(&change, Direction::Forward, &["a#m = 1", "a#n = 2"]);
        assert_eq!(error, "metadata m of a cannot become metadata n of a, which is there already");
        assert!(!change.is_lossless(&Area::Live, &contents(&["a#n = 2"])));
    }
}

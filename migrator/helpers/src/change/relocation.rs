//! Settings that go to another place.

use std::collections::BTreeMap;

use datastore::{Area, Contents, Key};

use super::{Step, place};
use crate::{Error, Result};

/// All that lies at a key and below it goes to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Relocation {
    pub(super) from: Key,
    pub(super) to: Key,
    pub(super) extent: Extent,
}

/// What may lie there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extent {
    /// A setting or a table.
    Any,
    /// A table.
    Table,
}

impl Step for Relocation {
    fn forward(&self, _: &Area, contents: &mut Contents) -> Result<()> {
        self.relocate(contents, &self.from, &self.to)
    }

    fn back(&self, _: &Area, contents: &mut Contents) -> Result<()> {
        self.relocate(contents, &self.to, &self.from)
    }

    fn is_lossless(&self, _: &Area, contents: &Contents) -> bool {
        place::keys(contents).all(|key| key.is_below(&self.from) || !key.is_below(&self.to))
    }

    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key> {
        vec![&self.from, &self.to]
    }
}

impl Relocation {
    fn relocate(&self, contents: &mut Contents, from: &Key, to: &Key) -> Result<()> {
        if self.extent == Extent::Table && place::has(contents, from) {
            return Err(Error::NoTable { key: from.to_string() });
        }
        let taken = place::take(contents, from);
        if taken == Contents::default() {
            return Ok(());
        }
        let taken = Contents {
            data: renamed(taken.data, from, to)?,
            metadata: renamed(taken.metadata, from, to)?,
        };
        place::put(contents, from, to, taken)
    }
}

fn renamed<T>(map: BTreeMap<Key, T>, from: &Key, to: &Key) -> Result<BTreeMap<Key, T>> {
    let renamed = |key: Key| {
        let rest = key.segments().iter().skip(from.segments().len());
        Key::new(to.segments().iter().chain(rest).cloned())
    };
    map.into_iter().map(|(key, value)| Ok((renamed(key)?, value))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::written::{contents, fails, leads, name};
    use crate::{Area, Change, Contents, Direction};

    #[test]
    fn a_rename_takes_metadata_and_what_lies_below_along() {
        let change = Change::rename(name("a.b"), name("c"));
        let before = ["a.b = 1", "a.b#strength = \"weak\"", "a.bc = 2"];
        leads(&change, &before, &["c = 1", "c#strength = \"weak\"", "a.bc = 2"]);
        leads(&change, &["a.b.d = 1", "a.b.e.f = 2"], &["c.d = 1", "c.e.f = 2"]);
        leads(&change, &["a.b#only = 1"], &["c#only = 1"]);
        leads(&change, &["x = 1"], &["x = 1"]);
        let deeper = Change::rename(name("a"), name("a.b"));
        leads(&deeper, &["a = 1"], &["a.b = 1"]);
        leads(&deeper, &["a.b = 1", "a.c = 2"], &["a.b.b = 1", "a.b.c = 2"]);
    }

    #[test]
    fn nothing_is_renamed_onto_what_is_there() {
        let rename = Change::rename(name("a.b"), name("c"));
        for taken in ["c = 2", "c#strength = \"weak\"", "c.d = 2", "c.d#x = 2"] {
            let error = fails(&rename, Direction::Forward, &["a.b = 1", taken]);
            let place = taken.split([' ', '#']).next().unwrap();
            assert_eq!(error, format!("a.b cannot become {place}, which is there already"));
        }
        let error = fails(&rename, Direction::Backward, &["a.b = 1", "c = 1"]);
        assert_eq!(error, "c cannot become a.b, which is there already");
    }

    #[test]
    fn nothing_is_renamed_to_below_a_value() {
        let rename = Change::rename(name("a"), name("c.d.e"));
        let error = fails(&rename, Direction::Forward, &["a = 1", "c = 2"]);
        assert_eq!(error, "c.d.e cannot lie below c, which has a value");
        leads(&rename, &["a = 1", "c#x = 2"], &["c.d.e = 1", "c#x = 2"]);
    }

    #[test]
    fn a_table_moves_and_a_value_is_none() {
        let change = Change::move_table(name("a"), name("c.d"));
        let before = ["a.x = 1", "a.x#m = 2", "a.\"y.z\" = 3", "a#m = 4", "ab = 5"];
        let after = ["c.d.x = 1", "c.d.x#m = 2", "c.d.\"y.z\" = 3", "c.d#m = 4", "ab = 5"];
        leads(&change, &before, &after);
        leads(&change, &["x = 1"], &["x = 1"]);
        let error = fails(&change, Direction::Forward, &["a = 1"]);
        assert_eq!(error, "a is no table: it has a value");
        let error = fails(&change, Direction::Backward, &["c.d = 1"]);
        assert_eq!(error, "c.d is no table: it has a value");
        let error = fails(&change, Direction::Forward, &["a.x = 1", "c.d.y = 1"]);
        assert_eq!(error, "a cannot become c.d.y, which is there already");
    }

    #[test]
    fn what_comes_among_others_would_not_find_back() {
        let change = Change::rename(name("a"), name("c"));
        assert!(change.is_lossless(&Area::Live, &contents(&["a = 1", "cd = 2"])));
        assert!(!change.is_lossless(&Area::Live, &contents(&["c.x = 1"])));
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

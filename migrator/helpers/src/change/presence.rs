//! Settings that come and go.

use datastore::{Area, Contents, Key};
use serde_json::Value;

use super::{Step, place};
use crate::Result;

/// A setting that the older release does not have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Addition {
    pub(super) key: Key,
    pub(super) default: Value,
}

/// A setting that the newer release does not have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Removal {
    pub(super) key: Key,
    /// What it is on the way back.
    pub(super) former: Option<Value>,
}

impl Step for Addition {
    fn forward(&self, area: &Area, contents: &mut Contents) -> Result<()> {
        add(area, contents, &self.key, &self.default)
    }

    fn back(&self, _: &Area, contents: &mut Contents) -> Result<()> {
        place::take(contents, &self.key);
        Ok(())
    }

    fn is_lossless(&self, _: &Area, contents: &Contents) -> bool {
        place::is_free(contents, &self.key)
    }

    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key> {
        vec![&self.key]
    }

    #[cfg(any(test, feature = "harness"))]
    fn is_addition(&self) -> bool {
        true
    }
}

impl Step for Removal {
    fn forward(&self, _: &Area, contents: &mut Contents) -> Result<()> {
        place::take(contents, &self.key);
        Ok(())
    }

    fn back(&self, area: &Area, contents: &mut Contents) -> Result<()> {
        self.former.as_ref().map_or(Ok(()), |former| add(area, contents, &self.key, former))
    }

    fn is_lossless(&self, area: &Area, contents: &Contents) -> bool {
        match &self.former {
            Some(former) if *area == Area::Live => {
                let value = contents.data.get(&self.key).map(|value| value.value());
                value.as_ref() == Some(former) && !contents.metadata.contains_key(&self.key)
            }
            _ => place::is_free(contents, &self.key),
        }
    }

    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key> {
        vec![&self.key]
    }
}

fn add(area: &Area, contents: &mut Contents, key: &Key, value: &Value) -> Result<()> {
    match *area == Area::Live && !place::has(contents, key) {
        true => place::put_value(contents, key, value.clone().into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::{applied, contents, fails, leads, name};
    use crate::{Area, Change, Direction};

    #[test]
    fn a_default_is_added_where_nothing_is_and_only_live() {
        let change = Change::add(name("a"), true);
        leads(&change, &["b = 1"], &["a = true", "b = 1"]);
        let there = applied(&change, Direction::Forward, &Area::Live, &["a = false"]);
        assert_eq!(there, contents(&["a = false"]));
        let pending = Area::Pending("edit".into());
        assert_eq!(applied(&change, Direction::Forward, &pending, &[]), contents(&[]));
    }

    #[test]
    fn a_default_is_neither_a_table_nor_below_a_value() {
        let change = Change::add(name("a.b"), true);
        let error = fails(&change, Direction::Forward, &["a.b.c = 1"]);
        assert_eq!(error, "a.b.c cannot lie below a.b, which has a value");
        let error = fails(&change, Direction::Forward, &["a = 1"]);
        assert_eq!(error, "a.b cannot lie below a, which has a value");
        let error =
            fails(&Change::remove_restoring(name("a"), 1), Direction::Backward, &["a.b#x = 1"]);
        assert_eq!(error, "a.b cannot lie below a, which has a value");
    }

    #[test]
    fn what_is_removed_comes_back_only_if_a_value_is_known() {
        leads(&Change::remove_restoring(name("a"), "x"), &["a = \"x\"", "b = 1"], &["b = 1"]);
        let change = Change::remove(name("a"));
        let there =
            applied(&change, Direction::Forward, &Area::Live, &["a.b = 1", "a.b#x = 2", "ab = 3"]);
        assert_eq!(there, contents(&["ab = 3"]));
        assert_eq!(applied(&change, Direction::Backward, &Area::Live, &["ab = 3"]), there);
    }

    #[test]
    fn what_is_not_restored_as_it_was_is_a_loss() {
        let (live, pending) = (Area::Live, Area::Pending("edit".into()));
        let change = Change::remove_restoring(name("a"), 1);
        for (area, lines, lossless) in [
            (&live, &["a = 1"][..], true),
            (&live, &["a = 2"], false),
            (&live, &["a = 1", "a#m = 1"], false),
            (&live, &[], false),
            (&pending, &["a = 1"], false),
            (&pending, &[], true),
        ] {
            assert_eq!(change.is_lossless(area, &contents(lines)), lossless, "{area:?} {lines:?}");
        }
    }
}

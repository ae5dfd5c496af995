//! A value that becomes another.

use datastore::{Area, Contents, Key};
use serde_json::Value;

use super::Step;
use crate::Result;

/// Metadata that says whether somebody set a value, as in Bottlerocket.
const STRENGTH: &str = "strength";

/// What it is where somebody did.
const STRONG: &str = "strong";

/// One value of a setting becomes another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Replacement {
    pub(super) key: Key,
    pub(super) old: Value,
    pub(super) new: Value,
    pub(super) whose: Whose,
}

/// Whose values are replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Whose {
    /// Any.
    Anybody,
    /// Those that nobody set.
    Nobody,
}

impl Step for Replacement {
    fn forward(&self, area: &Area, contents: &mut Contents) -> Result<()> {
        self.replace(area, contents, &self.old, &self.new);
        Ok(())
    }

    fn back(&self, area: &Area, contents: &mut Contents) -> Result<()> {
        self.replace(area, contents, &self.new, &self.old);
        Ok(())
    }

    fn is_lossless(&self, area: &Area, contents: &Contents) -> bool {
        self.old == self.new || !self.concerns(area, contents, &self.new)
    }

    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key> {
        vec![&self.key]
    }
}

impl Replacement {
    fn replace(&self, area: &Area, contents: &mut Contents, old: &Value, new: &Value) {
        if self.concerns(area, contents, old) {
            contents.data.insert(self.key.clone(), new.clone().into());
        }
    }

    /// Whether the setting has this value, and it is one to replace.
    fn concerns(&self, area: &Area, contents: &Contents, value: &Value) -> bool {
        let replaced = match self.whose {
            Whose::Anybody => true,
            Whose::Nobody => *area == Area::Live && !self.is_strong(contents),
        };
        replaced && contents.data.get(&self.key).is_some_and(|json| json.value() == *value)
    }

    fn is_strong(&self, contents: &Contents) -> bool {
        let strength = contents.metadata.get(&self.key).and_then(|named| named.get(STRENGTH));
        strength.is_some_and(|strength| strength.value() == STRONG)
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::{applied, contents, leads, name};
    use crate::{Area, Change, Direction};

    #[test]
    fn one_value_is_replaced_and_any_other_is_left() {
        let change = Change::replace(name("a"), "old", "new");
        leads(&change, &["a = \"old\""], &["a = \"new\""]);
        leads(&change, &["a = \"other\""], &["a = \"other\""]);
        assert!(!change.is_lossless(&Area::Live, &contents(&["a = \"new\""])));
    }

    #[test]
    fn a_default_is_changed_unless_somebody_set_it() {
        let change = Change::change_default(name("a"), 1, 2);
        leads(&change, &["a = 1"], &["a = 2"]);
        for weak in ["a#strength = \"weak\"", "a#strength = 1", "a#other = \"strong\""] {
            leads(&change, &["a = 1", weak], &["a = 2", weak]);
        }
        let strong = "a#strength = \"strong\"";
        for kept in [&["a = 1", strong][..], &["a = 2", strong], &["a = 3"], &[strong], &[]] {
            leads(&change, kept, kept);
        }
    }

    #[test]
    fn what_a_transaction_has_is_no_default() {
        let (change, pending) =
            (Change::change_default(name("a"), 1, 2), Area::Pending("edit".into()));
        for direction in [Direction::Forward, Direction::Backward] {
            for line in ["a = 1", "a = 2"] {
                assert_eq!(applied(&change, direction, &pending, &[line]), contents(&[line]));
                assert!(change.is_lossless(&pending, &contents(&[line])));
            }
        }
    }

    #[test]
    fn a_new_default_that_was_there_before_does_not_come_back() {
        let change = Change::change_default(name("a"), 1, 2);
        assert!(!change.is_lossless(&Area::Live, &contents(&["a = 2"])));
        let back = applied(&change, Direction::Backward, &Area::Live, &["a = 2"]);
        assert_eq!(back, contents(&["a = 1"]));
        let strong = ["a = 2", "a#strength = \"strong\""];
        assert!(change.is_lossless(&Area::Live, &contents(&strong)));
    }
}

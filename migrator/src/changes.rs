//! What differs between two stores, setting by setting. Pure.
//!
//! A value counts as another one when its text is another, but for white space around it. A pending transaction that has no settings is no difference.

use std::collections::{BTreeMap, BTreeSet};

use datastore::{Area, Contents, Json, Key};
use serde::{Deserialize, Serialize};

/// All that lies in a store.
pub type All = BTreeMap<Area, Contents>;

/// A setting, or its metadata of a name, that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The part of the store.
    pub area: Area,
    /// The setting.
    pub key: Key,
    /// Which metadata of it, if it is not the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// What it was; nothing if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Json>,
    /// What it is; nothing if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Json>,
}

/// How a change stands to settings that others have worked on since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The setting is still what it was.
    Open,
    /// The setting is what the change makes of it already.
    Done,
    /// The setting is something else by now.
    Conflict,
}

/// Where a value lies.
type Place<'a> = (&'a Area, &'a Key, Option<&'a str>);

/// What has to be changed in `before` to get `after`, in the order of areas and keys.
pub fn between(before: &All, after: &All) -> Vec<Change> {
    let (old, new) = (values(before), values(after));
    let places: BTreeSet<&Place<'_>> = old.keys().chain(new.keys()).collect();
    let change = |place: &Place<'_>| {
        let (was, is) = (old.get(place).copied(), new.get(place).copied());
        let (area, key, metadata) = *place;
        (!same(was, is)).then(|| Change {
            area: area.clone(),
            key: key.clone(),
            metadata: metadata.map(str::to_owned),
            was: was.cloned(),
            is: is.cloned(),
        })
    };
    places.into_iter().filter_map(change).collect()
}

fn values(all: &All) -> BTreeMap<Place<'_>, &Json> {
    let mut values = BTreeMap::new();
    for (area, contents) in all {
        values.extend(contents.data.iter().map(|(key, value)| ((area, key, None), value)));
        for (key, named) in &contents.metadata {
            let named = named.iter().map(|(name, value)| ((area, key, Some(name.as_str())), value));
            values.extend(named);
        }
    }
    values
}

fn same(one: Option<&Json>, other: Option<&Json>) -> bool {
    one.map(|json| json.text().trim()) == other.map(|json| json.text().trim())
}

impl Change {
    /// How it stands to what is there now.
    pub fn standing(&self, now: &All) -> Standing {
        let there = self.there(now);
        if same(there, self.is.as_ref()) {
            Standing::Done
        } else if same(there, self.was.as_ref()) {
            Standing::Open
        } else {
            Standing::Conflict
        }
    }

    /// What is there now.
    pub fn there<'a>(&self, now: &'a All) -> Option<&'a Json> {
        let contents = now.get(&self.area)?;
        match &self.metadata {
            Some(name) => contents.metadata.get(&self.key)?.get(name),
            None => contents.data.get(&self.key),
        }
    }

    /// Makes it.
    pub fn apply(&self, now: &mut All) {
        let contents = now.entry(self.area.clone()).or_default();
        match (&self.metadata, &self.is) {
            (None, Some(value)) => drop(contents.data.insert(self.key.clone(), value.clone())),
            (None, None) => drop(contents.data.remove(&self.key)),
            (Some(name), value) => {
                let named = contents.metadata.entry(self.key.clone()).or_default();
                match value {
                    Some(value) => drop(named.insert(name.clone(), value.clone())),
                    None => drop(named.remove(name)),
                }
                contents.metadata.retain(|_, named| !named.is_empty());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.to_owned()).unwrap()
    }

    /// Live settings and one transaction, of values that are few, so that some agree.
    fn all() -> impl Strategy<Value = All> {
        let values = || prop::collection::btree_map("[a-c](\\.[a-c])?", 0_u8..3, 0..5);
        (values(), values(), values()).prop_map(|(live, pending, metadata)| {
            let of = |values: BTreeMap<String, u8>| {
                let pair =
                    |(key, value): (String, u8)| (key.parse().unwrap(), json(&value.to_string()));
                values.into_iter().map(pair).collect::<BTreeMap<Key, Json>>()
            };
            let named = |(key, value)| (key, BTreeMap::from([("strength".to_owned(), value)]));
            let metadata = of(metadata).into_iter().map(named).collect();
            let mut all = All::from([(Area::Live, Contents { data: of(live), metadata })]);
            let data = of(pending);
            if !data.is_empty() {
                let contents = Contents { data, ..Contents::default() };
                all.insert(Area::Pending("edit".into()), contents);
            }
            all
        })
    }

    fn without_empty(mut all: All) -> All {
        all.retain(|area, contents| *area == Area::Live || *contents != Contents::default());
        all
    }

    #[test]
    fn white_space_around_a_value_is_no_difference() {
        let all = |text| {
            let data = BTreeMap::from([("a".parse().unwrap(), json(text))]);
            All::from([(Area::Live, Contents { data, ..Contents::default() })])
        };
        assert_eq!(between(&all("1"), &all(" 1\n")), []);
        assert_eq!(between(&all("1"), &all("1.0")).len(), 1);
    }

    proptest! {
        #[test]
        fn the_changes_made_give_the_other_store(before in all(), after in all()) {
            let changes = between(&before, &after);
            let mut made = before.clone();
            for change in &changes {
                prop_assert_eq!(change.standing(&before), Standing::Open);
                prop_assert_eq!(change.standing(&after), Standing::Done);
                change.apply(&mut made);
            }
            prop_assert_eq!(without_empty(made), without_empty(after));
        }

        #[test]
        fn a_change_is_what_was_written(before in all(), after in all()) {
            let changes = between(&before, &after);
            let text = serde_json::to_string(&changes).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Change>>(&text).unwrap(), changes);
        }

        #[test]
        fn what_others_made_of_it_is_a_conflict(before in all(), after in all(), now in all()) {
            for change in between(&before, &after) {
                let there = change.there(&now);
                let expected = match () {
                    () if there == change.is.as_ref() => Standing::Done,
                    () if there == change.was.as_ref() => Standing::Open,
                    () => Standing::Conflict,
                };
                prop_assert_eq!(change.standing(&now), expected);
            }
        }
    }
}

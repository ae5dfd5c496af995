//! How stores are generated.

use std::collections::BTreeMap;

use datastore::{Area, Contents, Json, Key};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::Setting;
use super::snapshot::Snapshot;

/// The most settings of an area that no change is about.
const UNRELATED: usize = 4;

/// The most transactions.
const PENDING: usize = 2;

/// A setting with its value, which may be missing, and its metadata.
type Item = (Key, Option<Json>, BTreeMap<String, Json>);

/// Stores with these settings, and with others that lie away from all the keys that are named.
pub(super) fn stores(settings: &[Setting], named: Vec<Key>) -> BoxedStrategy<Snapshot> {
    let area = contents(settings, named);
    let pending = btree_map("[a-z]{1,3}( [.a-z]{1,3})?", area.clone(), 0..=PENDING);
    let snapshot = |(live, pending): (Contents, BTreeMap<String, Contents>)| {
        let pending = pending.into_iter().map(|(name, contents)| (Area::Pending(name), contents));
        Snapshot([(Area::Live, live)].into_iter().chain(pending).collect())
    };
    (area, pending).prop_map(snapshot).boxed()
}

fn contents(settings: &[Setting], named: Vec<Key>) -> BoxedStrategy<Contents> {
    let related: Vec<_> = settings.iter().map(|setting| option::of(item(setting))).collect();
    let unrelated = vec(unrelated(named), 0..=UNRELATED);
    let all = |(related, unrelated): (Vec<Option<Item>>, Vec<Item>)| {
        related.into_iter().flatten().chain(unrelated).fold(Contents::default(), with)
    };
    (related, unrelated).prop_map(all).boxed()
}

/// The contents with one more setting, unless it would have to be a folder and a file at once.
fn with(mut contents: Contents, (key, value, metadata): Item) -> Contents {
    let clashes = |other: &Key| *other != key && (other.is_below(&key) || key.is_below(other));
    if contents.data.keys().chain(contents.metadata.keys()).any(clashes) {
        return contents;
    }
    contents.data.extend(value.map(|value| (key.clone(), value)));
    if !metadata.is_empty() {
        contents.metadata.insert(key, metadata);
    }
    contents
}

fn item(setting: &Setting) -> BoxedStrategy<Item> {
    let value = option::weighted(0.9, one_of(&setting.values));
    let strength = ("strength".to_owned(), vec![Value::from("weak"), Value::from("strong")]);
    let names = setting.metadata.iter().chain([&strength]);
    let metadata: Vec<_> =
        names.map(|(name, values)| option::of((Just(name.clone()), one_of(values)))).collect();
    let metadata = metadata.prop_map(|named| named.into_iter().flatten().collect());
    (Just(setting.key.clone()), value, metadata).boxed()
}

fn unrelated(named: Vec<Key>) -> impl Strategy<Value = Item> {
    let near = near(&named);
    let segment = prop_oneof!["[a-z0-9_/-]{1,5}", "[a-z./% ä]{1,6}"];
    let far = vec(segment, 1..4).prop_filter_map("no key", |segments| Key::new(segments).ok());
    let key = prop_oneof![far, near].prop_filter("a change is about it", move |key| {
        !named.iter().any(|named| key.is_below(named) || named.is_below(key))
    });
    (key, option::weighted(0.9, json()), btree_map("[a-z]{1,5}", json(), 0..2))
}

/// Neighbours of these keys, whose last segment goes on.
fn near(named: &[Key]) -> BoxedStrategy<Key> {
    let neighbour = |(key, more): (Key, String)| {
        let (last, above) = key.segments().split_last()?;
        Key::new(above.iter().cloned().chain([format!("{last}{more}")])).ok()
    };
    match named.is_empty() {
        true => Just(Key::new(["near"]).expect("a plain segment is a key")).boxed(),
        false => {
            (select(named.to_vec()), "[a-z.-]{1,2}").prop_filter_map("no key", neighbour).boxed()
        }
    }
}

fn one_of(values: &[Value]) -> BoxedStrategy<Json> {
    match values.is_empty() {
        true => json().boxed(),
        false => written(select(values.to_vec())).boxed(),
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        ".{0,6}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let any = leaf.prop_recursive(2, 8, 3, |inner| {
        let table = btree_map("[a-z]{1,3}", inner.clone(), 0..3);
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::from),
            table.prop_map(|table| Value::Object(table.into_iter().collect())),
        ]
    });
    written(any)
}

/// A value as a text, short or in lines.
fn written(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Json> {
    let text = |(value, in_lines): (Value, bool)| match in_lines {
        true => Json::parse(format!("{value:#}\n")).ok(),
        false => Some(Json::from(value)),
    };
    (value, any::<bool>()).prop_filter_map("no JSON", text)
}

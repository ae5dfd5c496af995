//! Contents as tests write them: `key = JSON` and `key#metadata = JSON`.
#![allow(clippy::unwrap_used)]

use datastore::{Area, Contents, Json, Key};

use crate::{Change, Direction, key};

pub(super) fn name(text: &str) -> Key {
    key(text).unwrap()
}

pub(super) fn contents(lines: &[&str]) -> Contents {
    let mut contents = Contents::default();
    for line in lines {
        let (place, value) = line.split_once(" = ").unwrap();
        let value = Json::parse(value.to_owned()).unwrap();
        match place.split_once('#') {
            Some((key, metadata)) => {
                contents.metadata.entry(name(key)).or_default().insert(metadata.into(), value);
            }
            None => drop(contents.data.insert(name(place), value)),
        }
    }
    contents
}

pub(super) fn applied(
    change: &Change,
    direction: Direction,
    area: &Area,
    lines: &[&str],
) -> Contents {
    let mut contents = contents(lines);
    change.apply(direction, area, &mut contents).unwrap();
    contents
}

/// The change leads from `before` to `after`, and back, and says so.
pub(super) fn leads(change: &Change, before: &[&str], after: &[&str]) {
    let there = applied(change, Direction::Forward, &Area::Live, before);
    assert_eq!(there, contents(after));
    let back = applied(change, Direction::Backward, &Area::Live, after);
    assert_eq!(back, contents(before));
    assert!(change.is_lossless(&Area::Live, &contents(before)), "{change:?} {before:?}");
}

/// What a change says that does not fit.
pub(super) fn fails(change: &Change, direction: Direction, lines: &[&str]) -> String {
    let failed = change.apply(direction, &Area::Live, &mut contents(lines));
    failed.unwrap_err().to_string()
}

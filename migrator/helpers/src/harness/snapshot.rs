//! A whole store in memory.

use std::collections::BTreeMap;
use std::fmt;

use datastore::{Area, Contents, Json, Key};

/// What a store holds, by area. Written, it is a line a value.
#[derive(Clone, PartialEq)]
pub(super) struct Snapshot(pub(super) BTreeMap<Area, Contents>);

/// A value, or metadata of this name, and its place.
pub(super) type Entry<'a> = (&'a Key, Option<&'a str>, &'a Json);

/// All values and metadata, in order.
pub(super) fn entries(contents: &Contents) -> impl Iterator<Item = Entry<'_>> {
    let data = contents.data.iter().map(|(key, value)| (key, None, value));
    let metadata = contents.metadata.iter().flat_map(|(key, named)| {
        named.iter().map(move |(name, value)| (key, Some(name.as_str()), value))
    });
    data.chain(metadata)
}

/// Those whose key is one of these.
pub(super) fn only(contents: &Contents, is_meant: impl Fn(&Key) -> bool) -> Contents {
    let mut only = contents.clone();
    only.data.retain(|key, _| is_meant(key));
    only.metadata.retain(|key, _| is_meant(key));
    only
}

/// Whether both hold the same values; their texts may differ.
pub(super) fn has_same_values(one: &Contents, other: &Contents) -> bool {
    let value = |(key, name, json): Entry<'_>| (key.clone(), name.map(str::to_owned), json.value());
    entries(one).map(value).eq(entries(other).map(value))
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (area, contents) in &self.0 {
            write_lines(out, area, contents)?;
        }
        Ok(())
    }
}

fn write_lines(out: &mut fmt::Formatter<'_>, area: &Area, contents: &Contents) -> fmt::Result {
    for (key, name, value) in entries(contents) {
        match area {
            Area::Live => write!(out, "  live: {key}")?,
            Area::Pending(transaction) => write!(out, "  pending {transaction:?}: {key}")?,
        }
        name.map_or(Ok(()), |name| write!(out, " metadata {name}"))?;
        writeln!(out, " = {}", value.text().trim())?;
    }
    Ok(())
}

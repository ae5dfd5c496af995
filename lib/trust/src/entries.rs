//! The targets of one role: sorted by name, without the slack that a hash table has.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::TargetEntry;

/// Targets by name. A name that is there twice was refused before, with the canonical form.
#[derive(Clone, Debug)]
pub(crate) struct Entries(Vec<(Box<str>, TargetEntry)>);

impl Entries {
    pub(crate) fn get(&self, name: &str) -> Option<&TargetEntry> {
        let at = self.0.binary_search_by(|(other, _)| other.as_ref().cmp(name)).ok()?;
        self.0.get(at).map(|(_, entry)| entry)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &TargetEntry)> {
        self.0.iter().map(|(name, entry)| (name.as_ref(), entry))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Entries;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("targets by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = members.next_entry()? {
            entries.push(entry);
        }
        entries.sort_unstable_by(|(left, _): &(Box<str>, _), (right, _)| left.cmp(right));
        Ok(Entries(entries))
    }
}

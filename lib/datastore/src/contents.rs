//! All keys and values of one area, in memory.

use std::collections::BTreeMap;

use crate::{Json, Key, key, name};

/// Keys with their values, and the metadata beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Values by key.
    pub data: BTreeMap<Key, Json>,
    /// Metadata by key and name. A key may have metadata and no value.
    pub metadata: BTreeMap<Key, BTreeMap<String, Json>>,
}

impl Contents {
    /// Removes a key with its metadata, and gives its value.
    pub fn remove(&mut self, key: &Key) -> Option<Json> {
        self.metadata.remove(key);
        self.data.remove(key)
    }

    /// Gives a key, with its metadata, another name; whether it was there.
    pub fn rename(&mut self, from: &Key, to: &Key) -> bool {
        if let Some(metadata) = self.metadata.remove(from) {
            self.metadata.insert(to.clone(), metadata);
        }
        let Some(value) = self.data.remove(from) else { return false };
        self.data.insert(to.clone(), value);
        true
    }

    /// Whether it can lie in a folder: what is wrong where a key would have to be a file and a folder, or a file name be too long.
    pub(crate) fn check_names(&self) -> Result<(), String> {
        let below =
            |key: &Key, above: &Key| Err(format!("{key} lies below {above}, which has a value"));
        // In their order, what lies below a key comes right behind it.
        for (above, key) in self.data.keys().zip(self.data.keys().skip(1)) {
            if key.is_below(above) {
                return below(key, above);
            }
        }
        for (key, named) in &self.metadata {
            let before = self.data.range(..key).next_back().map(|(before, _)| before);
            if let Some(above) = before.filter(|before| key.is_below(before)) {
                return below(key, above);
            }
            let last = key.segments().last().map_or(0, |last| name::encoded_length(last));
            for name in named.keys() {
                key::check_length(last + 1 + name::encoded_length(name))?;
            }
        }
        Ok(())
    }
}

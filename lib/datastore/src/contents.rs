//! All keys and values of one area, in memory.

use std::collections::BTreeMap;

use crate::{Json, Key};

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
}

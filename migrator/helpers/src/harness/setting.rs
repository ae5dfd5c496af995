//! A setting of the older release, as an author describes it.

use datastore::Key;
use serde_json::Value;

/// A setting that stores of the older release may have.
#[derive(Clone, Debug)]
pub struct Setting {
    pub(super) key: Key,
    /// Its values; none means any JSON.
    pub(super) values: Vec<Value>,
    pub(super) metadata: Vec<(String, Vec<Value>)>,
}

impl Setting {
    /// A setting that may have any value: texts, numbers, lists, tables, null.
    pub fn any(key: Key) -> Self {
        Self::of(key, Vec::<Value>::new())
    }

    /// A setting that has one of these values; any, if there are none.
    pub fn of<V: Into<Value>>(key: Key, values: impl IntoIterator<Item = V>) -> Self {
        Self { key, values: values.into_iter().map(Into::into).collect(), metadata: vec![] }
    }

    /// With metadata that it may have, beside `strength`, which is `"weak"` or `"strong"` where it is there.
    pub fn with_metadata<V: Into<Value>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.metadata.push((name.into(), values));
        self
    }
}

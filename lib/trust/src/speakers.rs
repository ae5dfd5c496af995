//! The keys that speak for one role, whoever says so.

use std::collections::HashMap;
use std::num::NonZeroU64;

use crate::key::KeyTable;
use crate::strings::Strings;
use crate::{PublicKey, Sha256};

/// The keys of one role by their ids, and how many distinct ones have to sign. Keys of unknown kinds are not among them.
///
/// An id may be as long as it likes: what is kept of it is its digest.
#[derive(Clone, Debug)]
pub(crate) struct Speakers {
    keys: HashMap<Sha256, PublicKey>,
    threshold: NonZeroU64,
}

impl Speakers {
    pub(crate) fn new(ids: &[String], threshold: NonZeroU64, table: &KeyTable) -> Self {
        let known = ids.iter().filter_map(|id| Some((digest(id), table.get(id)?.clone())));
        Self { keys: known.collect(), threshold }
    }

    pub(crate) fn from_strings(ids: &Strings, threshold: NonZeroU64, table: &KeyTable) -> Self {
        let mut keys = HashMap::new();
        ids.each(|id| {
            keys.extend(table.get(id).map(|key| (digest(id), key.clone())));
            true
        });
        Self { keys, threshold }
    }

    pub(crate) fn threshold(&self) -> u64 {
        self.threshold.get()
    }

    /// All keys, in no order; one that has two ids comes twice.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values()
    }

    pub(crate) fn key(&self, id: &str) -> Option<&PublicKey> {
        self.keys.get(&digest(id))
    }
}

fn digest(id: &str) -> Sha256 {
    Sha256::of(id.as_bytes())
}

//! Mirrors that were found bad a while ago.
//!
//! Left means asked last, not never: when all are bad, nothing is lost. The record is a hint in a file of the state folder; what
//! cannot be read or written is passed over, and a time further ahead than any that is ever noted comes from a clock
//! that was wrong, and counts for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::files::replace;

/// File in the state folder.
const FILE: &str = "mirrors.json";

/// How long a bad mirror is left.
const WHILE: TimeDelta = TimeDelta::hours(1);

/// Which mirrors are left until when, by their address without credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    until: BTreeMap<String, DateTime<Utc>>,
}

impl Left {
    pub(super) fn read(state: &Path) -> Self {
        let bytes = fs::read(state.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    pub(super) fn write(&self, state: &Path) {
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        // A hint: a host that may not write here finds out again.
        let _ = replace(state, &state.join(FILE), &bytes);
    }

    pub(super) fn holds(&self, mirror: &str, now: DateTime<Utc>) -> bool {
        let until = self.until.get(mirror);
        until.is_some_and(|until| now < *until && *until <= now + WHILE)
    }

    /// Leaves a mirror, and forgets those whose time is over.
    pub(super) fn leave(&mut self, mirror: String, now: DateTime<Utc>) {
        let before = self.clone();
        self.until.retain(|mirror, _| before.holds(mirror, now));
        self.until.insert(mirror, now + WHILE);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + 60 * minute, 0).unwrap()
    }

    #[test]
    fn a_mirror_is_left_for_a_while() {
        let mut left = Left::default();
        left.leave("one".to_owned(), at(0));
        assert!(left.holds("one", at(0)) && left.holds("one", at(59)));
        assert!(!left.holds("one", at(60)) && !left.holds("two", at(0)));
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_nothing_behind() {
        let mut left = Left::default();
        left.leave("one".to_owned(), at(100_000));
        assert!(!left.holds("one", at(0)));
        left.leave("two".to_owned(), at(0));
        assert_eq!(left.until.len(), 1);
    }

    #[test]
    fn the_record_is_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let mut left = Left::default();
        left.leave("one".to_owned(), at(0));
        left.write(folder.path());
        assert_eq!(Left::read(folder.path()), left);
        fs::write(folder.path().join(FILE), "damaged").unwrap();
        assert_eq!(Left::read(folder.path()), Left::default());
        left.write(&folder.path().join(FILE));
    }
}

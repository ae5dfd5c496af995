//! How long signatures are good for (docs/formats.md, expiry policy).

use std::path::Path;

use manifest::Offset;
use serde::Deserialize;

use crate::files::read_text;
use crate::{Error, Result};

/// Life spans of metadata, counted from its signing.
///
/// As TOML, every field optional: `snapshot_expiration`, `targets_expiration` (`"2 weeks"`),
/// `timestamp_expiration` (`"1 week"`), and ours `root_expiration` (`"52 weeks"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpiryPolicy {
    /// Of the root.
    #[serde(rename = "root_expiration")]
    pub root: Offset,
    /// Of the targets metadata.
    #[serde(rename = "targets_expiration")]
    pub targets: Offset,
    /// Of the snapshot.
    #[serde(rename = "snapshot_expiration")]
    pub snapshot: Offset,
    /// Of the timestamp: the longest that an attacker can hide a release from a host.
    #[serde(rename = "timestamp_expiration")]
    pub timestamp: Offset,
}

impl Default for ExpiryPolicy {
    fn default() -> Self {
        let weeks = |number: u32| {
            format!("{number} weeks")
                .parse()
                .expect("a number of weeks below ten years is an offset")
        };
        Self { root: weeks(52), targets: weeks(2), snapshot: weeks(2), timestamp: weeks(1) }
    }
}

impl ExpiryPolicy {
    /// Reads a policy file; the default policy if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] or [`Error::ExpiryPolicy`].
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let refuse = |reason| Error::ExpiryPolicy { path: path.to_owned(), reason };
        let policy: Self =
            toml::from_str(&read_text(path)?).map_err(|error| refuse(error.to_string()))?;
        let spans = [policy.root, policy.targets, policy.snapshot, policy.timestamp];
        if spans.iter().any(|span| span.seconds() == 0) {
            return Err(refuse("an expiry of zero".to_owned()));
        }
        Ok(policy)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_two_weeks_and_one_for_the_timestamp() {
        let policy: ExpiryPolicy = toml::from_str("timestamp_expiration = '3 days'").unwrap();
        assert_eq!(policy.timestamp.to_string(), "3 days");
        assert_eq!(policy.snapshot.to_string(), "2 weeks");
        assert_eq!(policy.targets.to_string(), "2 weeks");
        assert!(toml::from_str::<ExpiryPolicy>("timestamp = '3 days'").is_err());
    }
}

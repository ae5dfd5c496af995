//! A host for tests: at rest, on its first release.

use manifest::{Host, Seed, VersionLock};
use semver::Version;

use super::facts::Facts;

/// What runs.
pub(crate) const OLD: Version = Version::new(1, 0, 0);

/// What is newer.
pub(crate) const NEW: Version = Version::new(1, 1, 0);

/// The host, last in the waves.
pub(crate) fn host() -> Host {
    Host {
        variant: "demo".to_owned(),
        arch: "x86_64".to_owned(),
        version: OLD,
        seed: Seed::MAX,
        version_lock: VersionLock::Latest,
        ignore_waves: false,
    }
}

/// What is known of it.
pub(crate) fn facts() -> Facts {
    Facts {
        running: OLD,
        is_good: true,
        boot: Some("one".to_owned()),
        staged: None,
        boots_next: false,
        failed: Vec::new(),
        declined: Vec::new(),
        pin: None,
        is_held: false,
    }
}

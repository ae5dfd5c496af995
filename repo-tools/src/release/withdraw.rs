//! `release withdraw`: hosts no longer install a release, and those that run it go back.
//!
//! The release stays in the manifest with a `max_version` below its own version, so that nobody takes it. If it
//! was the highest one, the other releases' `max_version` is lowered to the highest that is left: a
//! host above it is sent back to that release. If a higher one is left, hosts go on to that by themselves.

use std::fmt;

use manifest::Manifest;
use semver::Version;
use serde::Serialize;

use super::{Outcome, Selector, same_hosts};
use crate::files::Observer;
use crate::publish::{Author, Change};
use crate::{Depth, Result};

/// What `release withdraw` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withdrawn {
    /// Whether anything was done.
    pub outcome: Outcome,
    /// Variant.
    pub variant: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: Version,
    /// The release that hosts go to from it; nothing: they stay.
    pub hosts_go_to: Option<Version>,
}

/// Withdraws a release.
///
/// # Errors
///
/// Fails if no release, or several, match.
pub fn withdraw(
    author: &Author,
    release: &Selector,
    observer: &mut dyn Observer,
) -> Result<Withdrawn> {
    let mut change = Change::begin(author)?;
    let place = release.find(&change.published.manifest)?;
    let withdrawn = lower(&mut change.published.manifest, place);
    if withdrawn.outcome == Outcome::Done {
        change.can_sign(Depth::Targets)?;
        change.write_manifest(observer)?;
        change.publish(Depth::Targets, observer)?;
    }
    Ok(withdrawn)
}

/// Lowers what has to be lowered.
fn lower(manifest: &mut Manifest, place: usize) -> Withdrawn {
    let gone = manifest.updates[place].clone();
    let left = manifest.updates.iter().filter(|other| {
        same_hosts(other, &gone) && other.version != gone.version && other.is_offered()
    });
    let highest = left.map(|other| other.version.clone()).max();
    let outcome = if gone.is_offered() { Outcome::Done } else { Outcome::NothingToDo };
    if outcome == Outcome::Done {
        let below = highest.clone().filter(|highest| *highest < gone.version);
        if let Some(below) = &below {
            let others = manifest.updates.iter_mut();
            for other in others.filter(|other| same_hosts(other, &gone) && other.is_offered()) {
                other.max_version = below.clone();
            }
        }
        manifest.updates[place].max_version = below.unwrap_or_else(lowest);
    }
    Withdrawn {
        outcome,
        variant: gone.variant,
        arch: gone.arch,
        version: gone.version,
        hosts_go_to: highest,
    }
}

/// Below every release.
fn lowest() -> Version {
    let pre = semver::Prerelease::new("0").expect("a digit is a pre-release");
    Version { pre, ..Version::new(0, 0, 0) }
}

impl fmt::Display for Withdrawn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, arch, version, .. } = self;
        match self.outcome {
            Outcome::Done => write!(out, "withdrew   {variant} {arch} {version}; ")?,
            Outcome::NothingToDo => write!(out, "unchanged  {variant} {arch} {version}; ")?,
        }
        match &self.hosts_go_to {
            Some(other) => write!(out, "hosts that run it go to {other}"),
            None => write!(out, "hosts that run it stay, since no other release is left"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use manifest::{Host, Seed, VersionLock, choose};

    use super::*;

    fn manifest(versions: &[&str]) -> Manifest {
        let updates: Vec<String> = versions
            .iter()
            .map(|version| {
                format!(
                    r#"{{"variant":"v","arch":"a","version":"{version}","max_version":"{}",
                        "waves":{{}},"images":{{"boot":"b","root":"r","hash":"h"}}}}"#,
                    versions.last().unwrap()
                )
            })
            .collect();
        let json = format!(r#"{{"updates":[{}],"migrations":{{}}}}"#, updates.join(","));
        Manifest::parse(json.as_bytes()).unwrap()
    }

    /// Where a host of version `running` goes.
    fn goes_to(manifest: &Manifest, running: &str) -> Option<String> {
        let host = Host {
            variant: "v".into(),
            arch: "a".into(),
            version: running.parse().unwrap(),
            seed: Seed::new(7).unwrap(),
            version_lock: VersionLock::Latest,
            ignore_waves: false,
        };
        let decision = choose(manifest, &host, DateTime::UNIX_EPOCH, None);
        decision.chosen.map(|update| update.version.to_string())
    }

    #[test]
    fn hosts_of_the_highest_release_go_back_to_the_one_below() {
        let mut manifest = manifest(&["1.0.0", "1.1.0", "1.2.0"]);
        let withdrawn = lower(&mut manifest, 2);
        assert_eq!(withdrawn.hosts_go_to, Some(Version::new(1, 1, 0)));
        assert_eq!(goes_to(&manifest, "1.2.0").as_deref(), Some("1.1.0"));
        assert_eq!(goes_to(&manifest, "1.1.0"), None);
        assert_eq!(goes_to(&manifest, "1.0.0").as_deref(), Some("1.1.0"));
        assert_eq!(lower(&mut manifest, 2).outcome, Outcome::NothingToDo);
    }

    #[test]
    fn hosts_of_a_release_in_the_middle_go_on() {
        let mut manifest = manifest(&["1.0.0", "1.1.0", "1.2.0"]);
        assert_eq!(lower(&mut manifest, 1).hosts_go_to, Some(Version::new(1, 2, 0)));
        assert_eq!(goes_to(&manifest, "1.1.0").as_deref(), Some("1.2.0"));
        assert_eq!(goes_to(&manifest, "1.2.0"), None);
        assert_eq!(goes_to(&manifest, "1.0.0").as_deref(), Some("1.2.0"));
    }

    #[test]
    fn two_withdrawals_after_each_other_go_back_twice() {
        let mut manifest = manifest(&["1.0.0", "1.1.0", "1.2.0"]);
        lower(&mut manifest, 2);
        lower(&mut manifest, 1);
        for running in ["1.2.0", "1.1.0"] {
            assert_eq!(goes_to(&manifest, running).as_deref(), Some("1.0.0"), "{running}");
        }
    }

    #[test]
    fn hosts_of_the_only_release_stay() {
        let mut manifest = manifest(&["1.0.0"]);
        assert_eq!(lower(&mut manifest, 0).hosts_go_to, None);
        assert_eq!(goes_to(&manifest, "1.0.0"), None);
        assert_eq!(goes_to(&manifest, "0.9.0"), None);
        assert!(manifest.to_json().is_ok());
    }
}

//! From the manifest to the one release that this host takes now.

use chrono::{DateTime, Utc};
use manifest::{Decision, Host, Manifest, Verdict};
use semver::Version;

use crate::boots::Ledger;
use crate::error::Error;

/// Chooses a release, with the reason for every other.
///
/// # Errors
///
/// Refuses a repository that has releases and none for this variant and architecture, and a forced version
/// that is not there or has failed on this host. An empty repository is fine.
pub(super) fn choose<'m>(
    manifest: &'m Manifest,
    host: &Host,
    now: DateTime<Utc>,
    force: Option<&Version>,
    ledger: &Ledger,
) -> Result<Decision<'m>, Error> {
    let failed = ledger.failed_versions();
    let cause = |version: &Version| {
        let failed = failed.iter().find(|failed| failed.version == *version);
        failed.map(|failed| failed.cause_in_words())
    };
    let decision = manifest::choose_but(manifest, host, now, force, &cause);
    let (variant, arch) = (host.variant.clone(), host.arch.clone());
    if !manifest.updates.is_empty() && !decision.any_fits() {
        return Err(Error::OtherHost { variant, arch, offered: offered(manifest) });
    }
    match force {
        Some(version) if decision.chosen.is_none() => {
            let reason = decision.for_host().find(|one| one.version == *version);
            let version = version.clone();
            match reason {
                Some(one) if one.verdict == Verdict::FailedHere => {
                    let cause = cause(&version).unwrap_or_default();
                    Err(Error::FailedHere { version, cause })
                }
                Some(one) => Err(Error::NotNow { version, reason: one.reason.clone() }),
                None => Err(Error::NoSuchRelease { version, variant, arch }),
            }
        }
        _ => Ok(decision),
    }
}

/// The variants and architectures of a manifest, for a message.
fn offered(manifest: &Manifest) -> String {
    let pairs = manifest.updates.iter().map(|update| format!("{} {}", update.variant, update.arch));
    let mut pairs: Vec<String> = pairs.collect();
    pairs.sort();
    pairs.dedup();
    pairs.join(", ")
}

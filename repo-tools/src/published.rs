//! The state on disk, verified, and ready to be changed.

use manifest::Manifest;
use serde::de::DeserializeOwned;
use tough::schema::Signed;
use trust::{Repository, RoleName, Target, Verified};

use crate::edition::Roles;
use crate::files::read;
use crate::layout::{Layout, MANIFEST};
use crate::verify::{BEFORE_EXPIRY, verify};
use crate::{Error, Result};

/// Verified metadata as types that can be edited and signed, and the manifest.
#[derive(Debug)]
pub(crate) struct Published {
    /// What a client sees.
    pub(crate) repository: Repository,
    pub(crate) roles: Roles,
    pub(crate) manifest: Manifest,
}

impl Published {
    /// Reads and verifies everything but the targets other than the manifest.
    pub(crate) fn load(layout: &Layout) -> Result<Self> {
        let repository = verify(layout, BEFORE_EXPIRY)?;
        let roles = Roles {
            root: editable(repository.root_metadata(), RoleName::Root)?,
            targets: editable(repository.targets_metadata(), RoleName::Targets)?,
            snapshot: editable(repository.snapshot_metadata(), RoleName::Snapshot)?,
            timestamp: editable(repository.timestamp_metadata(), RoleName::Timestamp)?,
        };
        Ok(Self { manifest: load_manifest(layout, &repository)?, roles, repository })
    }
}

/// Reads the manifest; one without releases if the repository has none.
pub(crate) fn load_manifest(layout: &Layout, repository: &Repository) -> Result<Manifest> {
    let Some(target) = repository.target(MANIFEST) else { return Ok(Manifest::default()) };
    Ok(Manifest::parse(&load_target(layout, &target)?)?)
}

fn load_target(layout: &Layout, target: &Target) -> Result<Vec<u8>> {
    let refused = |source| Error::Trust { what: "the release manifest does not verify", source };
    let missing = || refused(trust::Error::Missing { name: target.path() });
    let bytes = read(&layout.targets().join(target.path()))?.ok_or_else(missing)?;
    target.check(&bytes).map_err(refused)?;
    Ok(bytes)
}

/// tough's type of metadata that was verified.
fn editable<R, T: DeserializeOwned>(verified: &Verified<R>, role: RoleName) -> Result<T> {
    let signed: Signed<T> = serde_json::from_slice(verified.bytes())
        .map_err(|error| Error::Schema { role, reason: error.to_string() })?;
    Ok(signed.signed)
}

//! The way from one state of a repository to the next.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use manifest::Manifest;
use tough::TargetName;
use tough::schema::{Hashes, Target, Targets};
use trust::{Sha256, Versions};

use crate::edition::{Edition, Roles, Signing};
use crate::files::{Observer, read, reading, replace};
use crate::keys::Keyring;
use crate::layout::{Layout, MANIFEST};
use crate::published::Published;
use crate::{Depth, Error, ExpiryPolicy, Result};

/// Who changes a repository: where, with which keys, at what time.
#[derive(Clone, Debug)]
pub struct Author {
    /// The repository.
    pub layout: Layout,
    /// Folder of the private keys.
    pub keys: PathBuf,
    /// How long signatures are good for.
    pub policy: ExpiryPolicy,
    /// The time of the change.
    pub now: DateTime<Utc>,
}

/// One author changes a repository at a time; others wait until this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: File,
}

impl Lock {
    pub(crate) fn take(layout: &Layout) -> Result<Self> {
        let folder = match File::open(layout.metadata()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoRepository(layout.metadata().to_owned()));
            }
            opened => opened.map_err(reading(layout.metadata()))?,
        };
        match folder.try_lock() {
            Ok(()) => Ok(Self { _folder: folder }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy(layout.repository().to_owned())),
            Err(TryLockError::Error(error)) => Err(reading(layout.metadata())(error)),
        }
    }
}

/// A target that has a name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// Where it lies, if it is there.
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
    pub(crate) sha256: Sha256,
}

/// A change that is being prepared. Nothing of it is visible before [`Change::publish`] ends.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    author: &'a Author,
    keys: Keyring,
    pub(crate) published: Published,
    _lock: Lock,
}

impl<'a> Change<'a> {
    /// Locks, verifies and reads the repository, and the keys.
    pub(crate) fn begin(author: &'a Author) -> Result<Self> {
        let lock = Lock::take(&author.layout)?;
        let published = Published::load(&author.layout)?;
        let keys = Keyring::load(&author.keys)?;
        Ok(Self { author, keys, published, _lock: lock })
    }

    /// Where the repository lies.
    pub(crate) fn layout(&self) -> &Layout {
        &self.author.layout
    }

    /// Whether the keys at hand can sign from `depth` on: asked before long work.
    pub(crate) fn can_sign(&self, depth: Depth) -> Result<()> {
        let root = &self.published.roles.root;
        depth.roles().try_for_each(|role| self.keys.signers(root, role).map(drop))
    }

    /// Names a target that lies in the folder already.
    pub(crate) fn enter(&mut self, name: &str, length: u64, sha256: Sha256) -> Result<()> {
        enter(&mut self.published.roles.targets, name, length, sha256)
    }

    /// Has a target no name any more. Its file stays for readers who have the metadata of before.
    pub(crate) fn leave(&mut self, name: &str) {
        if let Ok(name) = TargetName::new(name) {
            self.published.roles.targets.remove_target(&name);
        }
    }

    /// A target as it is named now, whether or not that is published.
    pub(crate) fn named(&self, name: &str) -> Option<Named> {
        // The manifest says the name, and what lies elsewhere is no file of ours.
        let name = is_flat(name).then_some(name)?;
        let target = self.published.roles.targets.targets.get(&TargetName::new(name).ok()?)?;
        let bytes: [u8; 32] = target.hashes.sha256.as_ref().try_into().ok()?;
        let sha256 = Sha256::from(bytes);
        let path = target_path(self.author.layout.targets(), name, sha256);
        Some(Named { name: name.to_owned(), path, length: target.length, sha256 })
    }

    /// Writes a small target, and names it.
    pub(crate) fn write_target(
        &mut self,
        name: &str,
        bytes: Bytes,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        write_target(&self.author.layout, &mut self.published.roles.targets, name, bytes, observer)
    }

    /// Writes the manifest as it is now, and names it.
    pub(crate) fn write_manifest(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let targets = &mut self.published.roles.targets;
        write_manifest(&self.author.layout, targets, &self.published.manifest, observer)
    }

    /// Signs the roles from `depth` on and makes the change visible.
    pub(crate) fn publish(self, depth: Depth, observer: &mut dyn Observer) -> Result<Versions> {
        let Published { repository, roles, .. } = self.published;
        let edition =
            Edition::sign(roles, Some(&repository), depth, signing(self.author, &self.keys))?;
        write(&self.author.layout, &edition, observer)?;
        Ok(edition.repository.versions())
    }
}

/// Signs and writes the first state of a repository.
pub(crate) fn publish_first(
    author: &Author,
    roles: Roles,
    observer: &mut dyn Observer,
) -> Result<Versions> {
    let keys = Keyring::load(&author.keys)?;
    let edition = Edition::sign(roles, None, Depth::Root, signing(author, &keys))?;
    write(&author.layout, &edition, observer)?;
    Ok(edition.repository.versions())
}

fn signing<'a>(author: &'a Author, keys: &'a Keyring) -> Signing<'a> {
    Signing { keys, policy: &author.policy, now: author.now }
}

/// Writes the metadata files, the timestamp last.
fn write(layout: &Layout, edition: &Edition, observer: &mut dyn Observer) -> Result<()> {
    for (name, bytes) in &edition.files {
        replace(&layout.metadata().join(name), bytes, observer)?;
    }
    Ok(())
}

/// Writes a manifest as a target, and names it.
pub(crate) fn write_manifest(
    layout: &Layout,
    targets: &mut Targets,
    manifest: &Manifest,
    observer: &mut dyn Observer,
) -> Result<()> {
    write_target(layout, targets, MANIFEST, manifest.to_json()?.into(), observer)
}

/// Writes a small target, and names it.
pub(crate) fn write_target(
    layout: &Layout,
    targets: &mut Targets,
    name: &str,
    bytes: Bytes,
    observer: &mut dyn Observer,
) -> Result<()> {
    let sha256 = Sha256::of(&bytes);
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    enter(targets, name, length, sha256)?;
    let path = target_path(layout.targets(), name, sha256);
    if read(&path)?.as_deref() == Some(&bytes) {
        return Ok(());
    }
    replace(&path, &bytes, observer)
}

/// Where a target lies: consistent snapshots put the digest before the name.
pub(crate) fn target_path(folder: &Path, name: &str, sha256: Sha256) -> PathBuf {
    folder.join(format!("{sha256}.{name}"))
}

fn enter(targets: &mut Targets, name: &str, length: u64, sha256: Sha256) -> Result<()> {
    if !is_flat(name) {
        return Err(Error::TargetName(name.to_owned()));
    }
    let refuse = |_| Error::TargetName(name.to_owned());
    let hashes = Hashes { sha256: sha256.as_bytes().to_vec().into(), _extra: HashMap::new() };
    let target = Target { length, hashes, custom: HashMap::new(), _extra: HashMap::new() };
    targets.add_target(TargetName::new(name).map_err(refuse)?, target);
    Ok(())
}

/// Whether every client, server and file system takes the name for the same thing.
pub(crate) fn is_flat(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    !name.starts_with('.') && !name.is_empty() && name.len() <= 180 && name.bytes().all(plain)
}

/// Whether a name of any publisher stays below the folder of the targets, so that its file may be looked at.
pub(crate) fn is_below(name: &str) -> bool {
    let strange = |part: &str| part.is_empty() || part == "." || part == "..";
    !name.contains('\0') && !name.split('/').any(strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_name_is_flat_and_plain() {
        for good in ["manifest.json", "aws-x86_64-1.0.0+b1-root.img.lz4", "a"] {
            assert!(is_flat(good), "{good}");
        }
        let long = "a".repeat(181);
        for wrong in ["", ".", "..", ".hidden", "a/b", "a b", "a%2fb", "ä", "a\0", "a\\b", &long] {
            assert!(!is_flat(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_name_that_leads_out_is_looked_at() {
        for good in ["manifest.json", "folder/file", "..a", "a b"] {
            assert!(is_below(good), "{good}");
        }
        for wrong in ["", ".", "../x", "/etc/passwd", "a/../../b", "a/..", "a//b", "a/", "a\0"] {
            assert!(!is_below(wrong), "{wrong:?}");
        }
    }
}

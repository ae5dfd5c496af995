//! A folder of private keys.
//!
//! Every `*.pem` file is one key in PKCS#8, of a kind of [`KeyType`]. Which role a key speaks for is
//! the root's to say, not the file's name; `ROLE.pem` and `ROLE-N.pem` are what `init` makes and reads.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tough::schema::key::Key;
use tough::schema::{RoleType, Root};
use tough::sign::{Sign, parse_keypair};
use trust::RoleName;

use crate::files::{flush, names, reading, writing};
use crate::{Error, KeyType, Result};

/// A private key at hand.
pub(crate) struct Signer {
    pub(crate) path: PathBuf,
    pub(crate) key: Key,
    pub(crate) pair: Box<dyn Sign>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The keys of a folder.
#[derive(Debug)]
pub(crate) struct Keyring {
    folder: PathBuf,
    signers: Vec<Signer>,
}

impl Keyring {
    /// Reads every key of a folder.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let files = names(folder)?.into_iter().filter(|name| name.ends_with(".pem"));
        let signers: Result<_> = files.map(|name| Signer::load(folder.join(name))).collect();
        Ok(Self { folder: folder.to_owned(), signers: signers? })
    }

    /// The keys that speak for `role`, of which there are enough.
    pub(crate) fn signers(&self, root: &Root, role: RoleName) -> Result<Vec<&Signer>> {
        let keys: Vec<&Key> = root.keys(role_type(role)).collect();
        let (signers, others): (Vec<_>, Vec<_>) =
            self.signers.iter().partition(|signer| keys.contains(&&signer.key));
        let need = root.roles.get(&role_type(role)).map_or(1, |role| role.threshold.get());
        let have = u64::try_from(signers.len()).unwrap_or(u64::MAX);
        if have >= need {
            return Ok(signers);
        }
        let strange = |signer: &&&Signer| {
            let name = signer.path.file_name().unwrap_or_default().to_string_lossy();
            belongs(&name, role) || !root.keys.values().any(|key| *key == signer.key)
        };
        let others = others.iter().filter(strange).map(|signer| signer.path.clone()).collect();
        Err(Error::Keys { folder: self.folder.clone(), role, have, need, others })
    }
}

impl Signer {
    fn load(path: PathBuf) -> Result<Self> {
        let text = fs::read(&path).map_err(reading(&path))?;
        let refuse = |reason: String| Error::Key { path: path.clone(), reason };
        let pem = pem::parse(&text).map_err(|error| refuse(error.to_string()))?;
        // tough reads Ed25519 and ECDSA keys from DER, and RSA keys from PEM.
        let pair: Box<dyn Sign> = match parse_keypair(pem.contents()) {
            Ok(pair) => Box::new(pair),
            Err(_) => Box::new(parse_keypair(&text).map_err(|error| refuse(error.to_string()))?),
        };
        Ok(Self { key: pair.tuf_key(), pair, path })
    }
}

/// The keys that will speak for `role` of a new repository: those that are there already, and new ones up
/// to `number`.
pub(crate) fn provide(
    folder: &Path,
    role: RoleName,
    number: u64,
    kind: KeyType,
) -> Result<Vec<Key>> {
    make_folder(folder)?;
    let mut keys = Vec::new();
    for name in names(folder)?.into_iter().filter(|name| belongs(name, role)) {
        keys.push(Signer::load(folder.join(name))?.key);
    }
    for index in 1..=number {
        if u64::try_from(keys.len()).is_ok_and(|have| have >= number) {
            break;
        }
        let name = if number == 1 { format!("{role}.pem") } else { format!("{role}-{index}.pem") };
        let path = folder.join(name);
        if !path.exists() {
            write_new(&path, &kind.generate().map_err(writing(&path))?)?;
            keys.push(Signer::load(path)?.key);
        }
    }
    flush(folder)?;
    Ok(keys)
}

/// Whether a file name says that the key is for `role`.
fn belongs(name: &str, role: RoleName) -> bool {
    let Some(stem) = name.strip_suffix(".pem") else { return false };
    let Some(rest) = stem.strip_prefix(role.as_str()) else { return false };
    rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
}

fn make_folder(folder: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(writing(folder))
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })
    .map_err(writing(path))
}

/// A role in tough's words.
pub(crate) fn role_type(role: RoleName) -> RoleType {
    match role {
        RoleName::Root => RoleType::Root,
        RoleName::Timestamp => RoleType::Timestamp,
        RoleName::Snapshot => RoleType::Snapshot,
        RoleName::Targets => RoleType::Targets,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_of_every_kind_are_made_and_read_back() {
        for kind in [KeyType::Ed25519, KeyType::Ecdsa, KeyType::Rsa] {
            let folder = tempfile::tempdir().unwrap();
            let made = provide(folder.path(), RoleName::Root, 1, kind).unwrap();
            let again = provide(folder.path(), RoleName::Root, 1, kind).unwrap();
            assert_eq!(made, again);
        }
    }

    #[test]
    fn private_keys_are_nobody_elses_to_read() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("keys");
        provide(&folder, RoleName::Root, 2, KeyType::Ed25519).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("root-1.pem")), 0o600);
        assert_eq!(names(&folder).unwrap(), ["root-1.pem", "root-2.pem"]);
    }

    #[test]
    fn a_file_name_says_whose_key_it_is() {
        assert!(belongs("root.pem", RoleName::Root) && belongs("root-12.pem", RoleName::Root));
        for other in ["root", "roots.pem", "root-x.pem", "root-.pem", "targets.pem"] {
            assert!(!belongs(other, RoleName::Root), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.pem"), "no key").unwrap();
        let error = Keyring::load(folder.path()).unwrap_err();
        assert!(error.to_string().contains("a.pem holds no private key"), "{error}");
    }
}

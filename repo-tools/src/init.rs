//! `init`: keys, a first root, and a repository without releases.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use manifest::Manifest;
use serde::Serialize;
use tough::schema::key::Key;
use tough::schema::{RoleKeys, Root, Snapshot, Targets, Timestamp};
use trust::RoleName;

use crate::edition::Roles;
use crate::files::{Observer, make_folder, names};
use crate::keys::{provide, role_type};
use crate::publish::{Author, Lock, publish_first, write_manifest};
use crate::{Error, KeyType, Layout, Result, time};

/// The version of the specification that old and new clients take.
const SPEC_VERSION: &str = "1.0.0";

const ROLES: [RoleName; 4] =
    [RoleName::Root, RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp];

/// What a new repository is like.
#[derive(Clone, Debug, Default)]
pub struct Init {
    /// How many keys have to sign for a role; one if nothing is said.
    pub thresholds: BTreeMap<&'static str, u64>,
    /// The kind of keys that are made.
    pub key_type: KeyType,
}

/// What `init` made.
#[derive(Clone, Debug, Serialize)]
pub struct Initialised {
    /// The folder of the metadata.
    pub metadata: PathBuf,
    /// The root that hosts are shipped with.
    pub root: PathBuf,
    /// The folder of the keys.
    pub keys: PathBuf,
    /// For each role, its threshold and its keys' ids.
    pub roles: BTreeMap<String, RoleSummary>,
    /// When hosts stop to accept it unless it is refreshed.
    pub refresh_before: String,
}

/// Threshold and keys of a role.
#[derive(Clone, Debug, Serialize)]
pub struct RoleSummary {
    /// How many keys have to sign.
    pub threshold: u64,
    /// Ids of the keys.
    pub key_ids: Vec<String>,
}

/// Makes a repository; keys that are there already are used.
///
/// # Errors
///
/// [`Error::Exists`] if there is anything already; nothing is overwritten.
pub fn init(author: &Author, options: &Init, observer: &mut dyn Observer) -> Result<Initialised> {
    let layout = &author.layout;
    refuse_existing(layout)?;
    refuse_keys_inside(layout, &author.keys)?;
    make_folder(layout.metadata())?;
    make_folder(layout.targets())?;
    let _lock = Lock::take(layout)?;
    let root = make_root(author, options)?;
    let expires = time::expiry(author.now, author.policy.targets)?;
    let mut targets = Targets::new(SPEC_VERSION.to_owned(), NonZeroU64::MIN, expires);
    // No delegations at all, rather than an empty list of them.
    targets.delegations = None;
    write_manifest(layout, &mut targets, &Manifest::default(), observer)?;
    let roles = Roles {
        snapshot: Snapshot::new(SPEC_VERSION.to_owned(), NonZeroU64::MIN, expires),
        timestamp: Timestamp::new(SPEC_VERSION.to_owned(), NonZeroU64::MIN, expires),
        root: root.clone(),
        targets,
    };
    publish_first(author, roles, observer)?;
    summary(author, &root)
}

fn refuse_existing(layout: &Layout) -> Result<()> {
    for folder in [layout.metadata(), layout.targets()] {
        let is_used = folder.exists() && !names(folder)?.is_empty();
        // Several metadata folders may share the targets.
        if is_used && folder == layout.metadata() {
            return Err(Error::Exists(folder.to_owned()));
        }
    }
    Ok(())
}

fn refuse_keys_inside(layout: &Layout, keys: &Path) -> Result<()> {
    let absolute = |path: &Path| fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let (repository, folder) = (absolute(layout.repository()), absolute(keys));
    match (repository, folder) {
        (Ok(repository), Ok(folder)) if folder.starts_with(&repository) => {
            Err(Error::KeysInside(keys.to_owned()))
        }
        _ => Ok(()),
    }
}

fn make_root(author: &Author, options: &Init) -> Result<Root> {
    let mut root = Root {
        spec_version: SPEC_VERSION.to_owned(),
        consistent_snapshot: true,
        version: NonZeroU64::MIN,
        expires: time::expiry(author.now, author.policy.root)?,
        keys: HashMap::new(),
        roles: HashMap::new(),
        _extra: HashMap::new(),
    };
    for role in ROLES {
        let threshold = options.thresholds.get(role.as_str()).copied().unwrap_or(1);
        let threshold = NonZeroU64::new(threshold)
            .ok_or_else(|| Error::Threshold(format!("{role}={threshold}")))?;
        let keys = provide(&author.keys, role, threshold.get(), options.key_type)?;
        add_role(&mut root, role, threshold, keys)?;
    }
    Ok(root)
}

fn add_role(root: &mut Root, role: RoleName, threshold: NonZeroU64, keys: Vec<Key>) -> Result<()> {
    let mut keyids = Vec::new();
    for key in keys {
        let refuse =
            |error: tough::schema::Error| Error::Schema { role, reason: error.to_string() };
        let id = key.key_id().map_err(refuse)?;
        if !keyids.contains(&id) {
            keyids.push(id.clone());
        }
        root.keys.insert(id, key);
    }
    let keys = RoleKeys { keyids, threshold, _extra: HashMap::new() };
    root.roles.insert(role_type(role), keys);
    Ok(())
}

fn summary(author: &Author, root: &Root) -> Result<Initialised> {
    let roles = ROLES.map(|role| {
        let keys = root.roles.get(&role_type(role));
        let key_ids = keys.iter().flat_map(|keys| &keys.keyids).map(hex::encode).collect();
        let threshold = keys.map_or(0, |keys| keys.threshold.get());
        (role.to_string(), RoleSummary { threshold, key_ids })
    });
    let policy = &author.policy;
    let shortest = policy.timestamp.min(policy.snapshot).min(policy.targets).min(policy.root);
    let before = shortest.after(author.now).ok_or(Error::Calendar)?;
    Ok(Initialised {
        metadata: author.layout.metadata().to_owned(),
        root: author.layout.metadata().join(RoleName::Root.versioned(1)),
        keys: author.keys.clone(),
        roles: roles.into_iter().collect(),
        refresh_before: time::stamp(before),
    })
}

impl fmt::Display for Initialised {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "repository {}", self.metadata.display())?;
        for (role, summary) in &self.roles {
            let number = summary.key_ids.len();
            writeln!(out, "  {role:<10} {} of {number} keys sign", summary.threshold)?;
        }
        writeln!(
            out,
            "keys       {}  (keep them safe; the root keys off this machine)",
            self.keys.display()
        )?;
        writeln!(out, "ship       {}  to hosts as their trusted root", self.root.display())?;
        write!(out, "refresh    before {}", self.refresh_before)
    }
}

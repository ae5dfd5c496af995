//! A repository with some releases of the tiny system, served on loopback.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::hostile::Hostile;

use super::case::{Failure, make_anew};
use super::debian::output;
use super::release::Release;
use super::tiny_root::copy;

/// Where the keys lie, beside the empty repository that a system's trusted root is from.
const KEYS: &str = "keys";
const EMPTY: &str = "repo";

/// A repository of a case; who trusts the system's root trusts it.
#[derive(Debug)]
pub(super) struct Repository {
    folder: PathBuf,
    keys: PathBuf,
    program: PathBuf,
    /// What serves it.
    pub(super) server: Hostile,
}

/// Makes keys and an empty repository, and gives the trusted root.
///
/// # Errors
///
/// Fails if repo-tools does.
pub(super) fn init(system: &Path, programs: &Path) -> Result<PathBuf, Failure> {
    let (repo, keys) = (system.join(EMPTY), system.join(KEYS));
    let mut init = Command::new(programs.join("repo-tools"));
    output(init.arg("init").arg("--repo").arg(&repo).arg("--keys").arg(&keys))?;
    Ok(repo.join("metadata/1.root.json"))
}

impl Repository {
    /// Serves a copy of the empty one from `folder`.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be copied, or no port can be had.
    pub(super) fn new(system: &Path, programs: &Path, folder: &Path) -> Result<Self, Failure> {
        let fault = |cause| Failure::io("make", folder, &cause);
        make_anew(folder)?;
        copy(&system.join(EMPTY), folder).map_err(fault)?;
        let server = Hostile::serve(folder).map_err(fault)?;
        let (keys, program) = (system.join(KEYS), programs.join("repo-tools"));
        Ok(Self { folder: folder.to_owned(), keys, program, server })
    }

    /// Publishes a release, with the migrations of a folder if there is one.
    ///
    /// # Errors
    ///
    /// Fails if repo-tools does.
    pub(super) fn add(&self, release: &Release, migrations: Option<&Path>) -> Result<(), Failure> {
        let mut add = Command::new(&self.program);
        add.args(["release", "add", "--repo"]).arg(&self.folder).arg("--keys").arg(&self.keys);
        if let Some(folder) = migrations {
            add.arg("--migrations").arg(folder);
        }
        output(add.arg("--parts").arg(&release.parts)).map(drop)
    }
}

//! `mirror`: a repository, or some of its releases, as one folder or one tar file for where there is no network.
//!
//! | in the bundle | what |
//! |---|---|
//! | `metadata/` | every root from the first to the newest, the timestamp, and the snapshot and targets metadata that it names |
//! | `targets/` | the manifest, the images and frames of the chosen releases and all packs that lead to them, every migration: a host may come from any version |
//!
//! All of it is signed already and is copied as it is, so that a bundle passes the checks of a host that a server would, and a
//! folder can be served by one. The metadata also names the targets of releases that were not chosen; nobody asks for
//! them who does not take those.
//!
//! Nothing is written before the metadata has verified and is valid. Each target is compared with what was signed for while
//! it is copied. The whole lies under a temporary name until it is flushed.

mod archive;
mod checked;
mod folder;
mod selection;

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::{TEMPORARY, reading};
use crate::refresh::RoleVersions;
use crate::{Error, Outcome, Result, time};

pub use selection::{Choice, Selection, select};

/// What `mirror` did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct Mirrored {
    /// Whether anything was done.
    pub outcome: Outcome,
    /// The bundle.
    pub path: PathBuf,
    /// The releases in it, as `variant arch version`.
    pub releases: Vec<String>,
    /// How many targets it holds.
    pub targets: usize,
    /// How many bytes its files have.
    pub bytes: u64,
    /// Versions of the metadata.
    pub versions: RoleVersions,
    /// From when on hosts refuse it.
    pub expires: String,
    /// Whether nothing was written because this is a dry run.
    pub dry_run: bool,
}

/// What may happen to a bundle of other contents that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Stays,
    /// The new one takes its place.
    GivesWay,
}

/// Which of the two forms a bundle has.
enum Form {
    Folder,
    Tar,
}

impl Form {
    /// A path that ends in `.tar` is a tar file's.
    fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension == "tar" => Self::Tar,
            _ => Self::Folder,
        }
    }
}

impl Selection {
    /// Writes the bundle `to`: a tar file if its name ends in `.tar`, else a folder. `progress` is told of bytes that were copied.
    ///
    /// # Errors
    ///
    /// Refuses a target that is not the signed one, and what is there with other contents unless it gives way; what was there is then
    /// as it was.
    pub fn write(&self, to: &Path, existing: Existing, progress: &dyn Fn(u64)) -> Result<Mirrored> {
        let name = to.file_name().ok_or_else(|| Error::Exists(to.to_owned()))?;
        let beside =
            |prefix: &str| to.with_file_name(format!("{prefix}{}", name.to_string_lossy()));
        let outcome = match Form::of(to) {
            Form::Tar => archive::write(self, to, existing, progress)?,
            Form::Folder => {
                let (new, old) = (beside(TEMPORARY), beside(OLD));
                folder::Place { to, new: &new, old: &old }.write(self, existing, progress)?
            }
        };
        Ok(Mirrored { outcome, dry_run: false, ..self.plan(to) })
    }

    /// What [`Selection::write`] would do.
    pub fn plan(&self, to: &Path) -> Mirrored {
        Mirrored {
            outcome: Outcome::Done,
            path: to.to_owned(),
            releases: self.releases.clone(),
            targets: self.targets(),
            bytes: self.bytes(),
            versions: self.repository.versions().into(),
            expires: self
                .repository
                .expiries()
                .first()
                .map(|(_, at)| time::stamp(*at))
                .unwrap_or_default(),
            dry_run: true,
        }
    }
}

/// How the name of a folder starts that is giving way.
const OLD: &str = ".old-";

/// Whether something is there; a link that leads nowhere is.
fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(reading(path)(error)),
    }
}

impl fmt::Display for Mirrored {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match (self.dry_run, self.outcome) {
            (true, _) => write!(out, "would write {path}")?,
            (_, Outcome::NothingToDo) => write!(out, "{path} holds this already")?,
            (_, Outcome::Done) => write!(out, "{path}")?,
        }
        let bytes = cli::ByteCount(self.bytes);
        write!(out, ": {} targets, {bytes}, good until {}", self.targets, self.expires)?;
        self.releases.iter().try_for_each(|label| write!(out, "\n  {label}"))
    }
}

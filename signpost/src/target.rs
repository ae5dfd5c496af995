//! Which disk is meant, and which of its sets runs.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use cli::{Classify, Kind};
use gptprio::SetId;
use thiserror::Error;

use crate::{RunningError, SystemRoot, running_set};

/// A disk, and the set of it that runs as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The disk.
    pub disk: PathBuf,
    /// The set that runs; `None` for a disk that the system does not run from, unless somebody said it.
    pub active: Option<SetId>,
}

/// Why it is not known which disk or which set is meant.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The running system does not tell.
    #[error(transparent)]
    Running(#[from] RunningError),
    /// The running system says something else than the command line.
    #[error("set {said} is said to run, but the system runs from set {found} of {}", disk.display())]
    Disagree {
        /// What the command line says.
        said: SetId,
        /// What the running system says.
        found: SetId,
        /// The disk of the running system.
        disk: PathBuf,
    },
}

impl Classify for TargetError {
    fn kind(&self) -> Kind {
        match self {
            Self::Running(error) => error.kind(),
            Self::Disagree { .. } => Kind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Running(error) => error.hint(),
            Self::Disagree { .. } => Some("leave --active out on the running system".to_owned()),
        }
    }
}

impl Target {
    /// Finds the disk and the running set from what the command line says and from what the system runs from.
    ///
    /// | `disk` | `active` | the target |
    /// |---|---|---|
    /// | – | – | what the system runs from |
    /// | – | given | the same; refused if another set runs |
    /// | given | – | that disk; the running set if the system runs from it, else unknown |
    /// | given | given | both as given; refused if the system runs from that disk and from another set |
    ///
    /// # Errors
    ///
    /// Fails if the system does not tell what it has to, or tells something else.
    pub fn find(
        system: &SystemRoot,
        disk: Option<&Path>,
        active: Option<SetId>,
    ) -> Result<Self, TargetError> {
        let running = running_set(system);
        let Some(disk) = disk else {
            let (disk, found) = running?;
            let target = Self { disk: disk.clone(), active: Some(found) };
            return agreed(target, active, found, disk);
        };
        let target = Self { disk: disk.to_owned(), active };
        match running {
            Ok((path, found)) if is_same(disk, &path) => {
                agreed(Self { active: Some(found), ..target }, active, found, path)
            }
            _ => Ok(target),
        }
    }
}

/// The target, unless something else than what was found was said.
fn agreed(
    target: Target,
    said: Option<SetId>,
    found: SetId,
    disk: PathBuf,
) -> Result<Target, TargetError> {
    match said {
        Some(said) if said != found => Err(TargetError::Disagree { said, found, disk }),
        _ => Ok(target),
    }
}

/// Whether two names mean the same device or file.
fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) else { return false };
    if one.file_type().is_block_device() && other.file_type().is_block_device() {
        return one.rdev() == other.rdev();
    }
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

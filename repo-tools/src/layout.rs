//! Where a repository's files lie.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// Name of the TUF target that holds the release manifest.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The folders of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    repository: PathBuf,
    metadata: PathBuf,
    targets: PathBuf,
}

impl Layout {
    /// The repository in `repository`, its metadata in the folder `metadata` below it (usually
    /// `metadata`, or `VARIANT/ARCH`), its targets in `targets`.
    ///
    /// # Errors
    ///
    /// [`Error::MetadataDir`] unless `metadata` is a relative path that goes down only, and not into
    /// the targets.
    pub fn new(repository: &Path, metadata: &Path) -> Result<Self> {
        let mut components = metadata.components().peekable();
        let targets = repository.join("targets");
        let first = components.peek().copied();
        let down = components.all(|component| matches!(component, Component::Normal(_)));
        if first.is_none() || first == Some(Component::Normal("targets".as_ref())) || !down {
            return Err(Error::MetadataDir(metadata.to_owned()));
        }
        Ok(Self { metadata: repository.join(metadata), targets, repository: repository.to_owned() })
    }

    /// The folder of it all.
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// The folder of the metadata.
    pub fn metadata(&self) -> &Path {
        &self.metadata
    }

    /// The folder of the targets.
    pub fn targets(&self) -> &Path {
        &self.targets
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_metadata_folder_goes_down_only() {
        let layout = |name: &str| Layout::new(Path::new("repo"), Path::new(name));
        let nested = layout("aws-k8s/x86_64").unwrap();
        assert_eq!(nested.metadata(), Path::new("repo/aws-k8s/x86_64"));
        for wrong in ["", "..", "a/../..", "/etc", "targets", "targets/x", "./a"] {
            assert!(matches!(layout(wrong), Err(Error::MetadataDir(_))), "{wrong}");
        }
    }
}

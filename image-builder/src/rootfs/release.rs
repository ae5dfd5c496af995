//! Which release a root filesystem says it is.

use semver::Version;

use super::{Content, Inode, InodeKind, Metadata, OsRelease, RootPath, RootfsError, Tree};
use crate::error::FileError;
use crate::spec::{OsReleasePolicy, Spec};

impl Tree {
    /// Sets or checks the variant and the version in os-release, as the spec says; gives its text.
    ///
    /// # Errors
    ///
    /// Refuses another variant or version, where the spec says that they must be right already.
    pub fn release(&mut self, spec: &Spec, version: &Version) -> Result<OsRelease, RootfsError> {
        let mut text = self.os_release()?;
        let wanted =
            [("VARIANT_ID", spec.variant.to_string()), ("VERSION_ID", version.to_string())];
        match spec.os_release {
            OsReleasePolicy::Check => check(&text, wanted)?,
            OsReleasePolicy::Set => {
                for (key, value) in wanted {
                    text.set(key, &value);
                }
                self.put_os_release(&text)?;
            }
        }
        Ok(text)
    }

    /// The text of os-release; empty if there is none.
    fn os_release(&self) -> Result<OsRelease, FileError> {
        let path = os_release_path(self);
        match self.inode(&path).map(|inode| &inode.kind) {
            Some(InodeKind::File(content)) => Ok(OsRelease::new(&content.read()?)),
            _ => Ok(OsRelease::default()),
        }
    }

    /// Replaces the text of os-release; owner, mode and links to it stay.
    fn put_os_release(&mut self, text: &OsRelease) -> Result<(), RootfsError> {
        let path = os_release_path(self);
        let kept = self.inode(&path).map(|inode| inode.metadata.clone());
        let metadata = kept.unwrap_or_else(|| Metadata { mode: 0o644, ..Metadata::default() });
        let kind = InodeKind::File(Content::Bytes(text.as_str().as_bytes().into()));
        self.insert(&path, Inode { metadata, kind }).map_err(|source| RootfsError::Entry {
            source_path: "the root filesystem".into(),
            entry: path.to_string(),
            source: source.into(),
        })
    }
}

/// Where os-release lies, behind all links; where it would lie if there is none.
fn os_release_path(tree: &Tree) -> RootPath {
    let path = RootPath::root().child(b"etc").child(b"os-release");
    let usr = RootPath::root().child(b"usr").child(b"lib").child(b"os-release");
    tree.resolve(&path).or_else(|| tree.resolve(&usr)).unwrap_or(path)
}

fn check(text: &OsRelease, wanted: [(&'static str, String); 2]) -> Result<(), RootfsError> {
    for (key, wanted) in wanted {
        let found = text.field(key).unwrap_or_default();
        if found != wanted {
            return Err(RootfsError::OsRelease { key, found, wanted });
        }
    }
    Ok(())
}

//! Labels for SELinux, given to every file when the image is made.
//!
//! A root image is read-only: nothing can be labelled at boot. So each inode gets the attribute `security.selinux` here, by the
//! file contexts of the policy, as `setfiles` would give it. Labels that the root filesystem came with are dropped: they are
//! those of another machine's policy. A file with several names has the label of the first of them, in the order of their
//! bytes.
//!
//! Left out on purpose: building a policy, and checking that it knows the labels.

#[cfg(test)]
mod comparison;
mod contexts;
mod line;
mod pattern;
mod sources;
mod substitution;
mod translation;

use std::collections::BTreeSet;

use cli::Kind;
use manifest::report::SelinuxReport;
use serde::Deserialize;

use crate::error::FileError;
use crate::rootfs::{Inode, InodeKind, LookupError, RootPath, Tree};
use crate::spec::{FileRef, Spec};

use sources::Sources;

pub use contexts::FileContexts;
pub use line::{FileType, Label, LineError};
pub use pattern::PatternError;

/// The attribute that holds a label.
pub(crate) const ATTRIBUTE: &[u8] = b"security.selinux";

/// How a root image is labelled: `[selinux]` in the spec.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selinux {
    /// File contexts; what libselinux looks for beside them is read too.
    pub file_contexts: FileRef,
}

/// Why a root filesystem cannot be labelled.
#[derive(Debug, thiserror::Error)]
pub enum SelinuxError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file contexts are not there.
    #[error("'selinux.file_contexts' in the spec cannot be found")]
    Lookup(#[from] LookupError),
    /// The file contexts are not on the machine that builds.
    #[error("there is no {0}, which 'selinux.file_contexts' in the spec names")]
    Missing(FileRef),
    /// A file is no text.
    #[error("{0} is no UTF-8")]
    Text(FileRef),
    /// A line is not taken.
    #[error("line {number} of {file} cannot be taken")]
    Line {
        /// The file.
        file: FileRef,
        /// The line, from 1.
        number: usize,
        /// Why.
        source: LineError,
    },
}

impl SelinuxError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::Failed,
            Self::Lookup(_) | Self::Missing(_) => Kind::Usage,
            Self::Text(_) | Self::Line { .. } => Kind::Refused,
        }
    }
}

/// Labels a root filesystem, if the spec says how.
///
/// # Errors
///
/// Fails when the file contexts cannot be read, and refuses lines that it does not understand.
pub(crate) fn label(spec: &Spec, tree: &mut Tree) -> Result<Option<SelinuxReport>, SelinuxError> {
    let Some(selinux) = &spec.selinux else { return Ok(None) };
    let sources = Sources::read(spec, tree, &selinux.file_contexts)?;
    let counts = apply(&sources.contexts, tree);
    Ok(Some(SelinuxReport {
        policy: sources.config.field("SELINUXTYPE"),
        mode: sources.config.field("SELINUX"),
        file_contexts_sha256: sources.sha256,
        labels: counts.labels,
        labelled_files: counts.labelled,
        unlabelled_files: counts.unlabelled,
    }))
}

#[derive(Default)]
struct Counts {
    labels: u64,
    labelled: u64,
    unlabelled: u64,
}

/// Gives every inode the label of its first path, or none.
fn apply(contexts: &FileContexts, tree: &mut Tree) -> Counts {
    let mut counts = Counts::default();
    let mut labels = BTreeSet::new();
    tree.change_each(|path, inode| {
        inode.metadata.xattrs.remove(ATTRIBUTE);
        match contexts.label(&absolute(path), file_type(inode)) {
            None => counts.unlabelled += 1,
            Some(label) => {
                // With the zero that libselinux writes.
                let value = [label.as_str().as_bytes(), b"\0"].concat();
                inode.metadata.xattrs.insert(ATTRIBUTE.to_vec(), value);
                labels.insert(label.clone());
                counts.labelled += 1;
            }
        }
    });
    counts.labels = u64::try_from(labels.len()).unwrap_or(u64::MAX);
    counts
}

fn absolute(path: &RootPath) -> Vec<u8> {
    [b"/", path.as_bytes()].concat()
}

fn file_type(inode: &Inode) -> FileType {
    match inode.kind {
        InodeKind::Directory => FileType::Directory,
        InodeKind::File(_) => FileType::Regular,
        InodeKind::Symlink(_) => FileType::Symlink,
        InodeKind::CharacterDevice(_) => FileType::CharacterDevice,
        InodeKind::BlockDevice(_) => FileType::BlockDevice,
        InodeKind::Fifo => FileType::Fifo,
    }
}

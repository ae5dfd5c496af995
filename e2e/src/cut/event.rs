//! What a run did to the files of a folder, in order.

use std::ffi::OsString;
use std::sync::Arc;

/// A file, folder or link, by its number in a [`Recording`](super::Recording); it keeps it whatever names it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(pub(super) usize);

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, with what it held before the run.
    File(Arc<[u8]>),
    /// A folder, with its names before the run.
    Folder(Vec<(OsString, Node)>),
    /// A symbolic link, with where it leads.
    Link(OsString),
}

/// A name in a folder that gets a meaning, or loses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The folder.
    pub folder: Node,
    /// The name.
    pub name: OsString,
    /// What it stands for from now on.
    pub to: Option<Node>,
}

/// One change that a run made, or one flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes of a file.
    Write {
        /// The file.
        node: Node,
        /// From which byte on.
        offset: u64,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// The length of a file.
    Resize {
        /// The file.
        node: Node,
        /// Its length in bytes.
        length: u64,
    },
    /// Names; those of one event change at once.
    Names(Vec<Naming>),
    /// A file or folder was flushed, and the call came back without an error.
    Flush {
        /// Which; all but the disk if none is named.
        node: Option<Node>,
        /// How many events there had been when the call was made: only these are certain.
        covers: usize,
    },
}

impl Event {
    /// Whether a flush of `node` is needed for this to be certain.
    pub(super) fn is_of(&self, node: Node) -> bool {
        match self {
            Self::Write { node: of, .. } | Self::Resize { node: of, .. } => *of == node,
            Self::Names(names) => names.iter().any(|naming| naming.folder == node),
            Self::Flush { .. } => false,
        }
    }
}

//! What programs did to a folder, put down.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::event::{Event, Kind, Node};
use super::fault::Site;
use super::trace::Ending;

/// What programs did to a folder.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Every node there was, first those that were there before.
    pub(super) nodes: Vec<Kind>,
    /// The folder.
    pub(super) top: Node,
    /// The disk.
    pub(super) disk: Node,
    /// What happened.
    pub(super) events: Vec<Event>,
    /// How the programs ended.
    pub endings: Vec<Ending>,
    /// How many calls they made, of any kind.
    pub calls: usize,
    /// The calls that could have failed, and how many there were of each.
    pub sites: BTreeMap<Site, u32>,
}

impl Recording {
    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What a file held before the run.
    pub(super) fn bytes(&self, node: Node) -> Vec<u8> {
        match &self.nodes[node.0] {
            Kind::File(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The path of a node when it was there before the run, or got its first name; for messages.
    #[must_use]
    pub fn path(&self, node: Node) -> PathBuf {
        let before = self.nodes.iter().enumerate().filter_map(|(number, kind)| match kind {
            Kind::Folder(inside) => {
                let name = inside.iter().find(|(_, inner)| *inner == node)?;
                Some((Node(number), shown(&name.0)))
            }
            _ => None,
        });
        let later = self.events.iter().filter_map(|event| match event {
            Event::Names(names) => {
                let naming = names.iter().find(|naming| naming.to == Some(node))?;
                Some((naming.folder, shown(&naming.name)))
            }
            _ => None,
        });
        match before.chain(later).next() {
            Some((folder, name)) if folder != node => self.path(folder).join(name),
            _ => Path::new("").to_owned(),
        }
    }
}

/// A name as text, for messages.
fn shown(name: &OsString) -> String {
    name.to_string_lossy().into_owned()
}

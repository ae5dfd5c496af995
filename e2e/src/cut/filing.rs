//! Files after a crash: what is certain of them, and what was kept of the rest.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use super::chance::Chance;
use super::choice::{InFiles, Keeping};
use super::event::{Event, Kind, Node};
use super::record::Recording;
use super::tree::{Entry, Tree};

/// The files of a recording after so many events.
pub(super) struct Filing<'r> {
    recording: &'r Recording,
    happened: usize,
    /// The changes that are not certain, by their numbers.
    open: &'r [usize],
}

impl<'r> Filing<'r> {
    pub(super) fn new(recording: &'r Recording, happened: usize, open: &'r [usize]) -> Self {
        Self { recording, happened, open }
    }

    /// What a choice leaves.
    pub(super) fn tree(&self, choice: &InFiles) -> Tree {
        let open = self.open;
        let kept: Vec<Kept> = match choice {
            InFiles::All => open.iter().map(|_| Kept::Whole).collect(),
            InFiles::Nothing => open.iter().map(|_| Kept::Not).collect(),
            InFiles::Some { keeping, mask, eighths } => {
                let bits = (0..open.len()).map(|index| mask & (1 << index) != 0).collect();
                self.allowed(*keeping, bits, |_| *eighths)
            }
            InFiles::Chance(keeping, seed) => {
                let mut chance = Chance::of(*seed, "files", &[]);
                let share = [32, 128, 224][chance.below(3)];
                let bits = open.iter().map(|_| chance.is(share)).collect();
                self.allowed(*keeping, bits, |chance_of| {
                    Chance::of(*seed, "bytes", &[chance_of]).below(9)
                })
            }
        };
        self.build(&kept)
    }

    /// What the rules allow of a choice: with a journal, nothing survives of names and lengths behind the first that did not.
    fn allowed(
        &self,
        keeping: Keeping,
        mut bits: Vec<bool>,
        eighths: impl Fn(usize) -> usize,
    ) -> Vec<Kept> {
        if keeping == Keeping::Journalling {
            let mut goes_on = true;
            for (bit, event) in bits.iter_mut().zip(self.open) {
                if !matches!(self.recording.events[*event], Event::Write { .. }) {
                    goes_on &= *bit;
                    *bit = goes_on;
                }
            }
        }
        let kept = bits.iter().zip(self.open).map(|(bit, event)| match bit {
            true => Kept::Eighths(eighths(*event)),
            false => Kept::Not,
        });
        kept.collect()
    }

    /// The files as they are with what is certain and what was kept.
    fn build(&self, kept: &[Kept]) -> Tree {
        let recording = self.recording;
        let mut names = Names::new();
        let mut contents = Contents::new();
        for (number, kind) in recording.nodes.iter().enumerate() {
            if let Kind::Folder(inside) = kind {
                let inside = inside.iter().map(|(name, node)| (name.as_os_str(), *node));
                names.insert(Node(number), inside.collect());
            }
        }
        let fate: BTreeMap<usize, Kept> =
            self.open.iter().copied().zip(kept.iter().copied()).collect();
        for (number, event) in recording.events[..self.happened].iter().enumerate() {
            let kept = fate.get(&number).copied().unwrap_or(Kept::Whole);
            match (event, kept) {
                (_, Kept::Not) | (Event::Flush { .. }, _) => {}
                (Event::Names(changes), _) => {
                    for change in changes {
                        let folder = names.entry(change.folder).or_default();
                        match change.to {
                            Some(node) => folder.insert(&change.name, node),
                            None => folder.remove(change.name.as_os_str()),
                        };
                    }
                }
                (Event::Write { node, .. } | Event::Resize { node, .. }, _)
                    if *node == recording.disk => {}
                (Event::Write { node, offset, data }, kept) => {
                    let content = contents.entry(*node).or_insert_with(|| recording.bytes(*node));
                    write(content, *offset, &data[..kept.of(data.len())], data.len());
                }
                (Event::Resize { node, length }, _) => {
                    let content = contents.entry(*node).or_insert_with(|| recording.bytes(*node));
                    content.resize(usize::try_from(*length).unwrap_or(0), 0);
                }
            }
        }
        let mut tree = Tree::default();
        self.walk(&mut tree, recording.top, PathBuf::new(), (&names, &contents));
        tree
    }

    fn walk(&self, tree: &mut Tree, folder: Node, path: PathBuf, known: (&Names<'_>, &Contents)) {
        let (names, contents) = known;
        for (name, node) in names.get(&folder).into_iter().flatten() {
            let path = path.join(name);
            match &self.recording.nodes[node.0] {
                _ if *node == self.recording.disk => {}
                Kind::Folder(_) => {
                    tree.0.insert(path.clone(), Entry::Folder);
                    self.walk(tree, *node, path, known);
                }
                Kind::Link(to) => drop(tree.0.insert(path, Entry::Link(to.clone()))),
                Kind::File(bytes) => {
                    let bytes = contents
                        .get(node)
                        .map_or_else(|| Arc::clone(bytes), |bytes| bytes.as_slice().into());
                    tree.0.insert(path, Entry::File(bytes));
                }
            }
        }
    }
}

/// What the names in folders stand for.
type Names<'r> = BTreeMap<Node, BTreeMap<&'r OsStr, Node>>;

/// What files hold that were changed.
type Contents = BTreeMap<Node, Vec<u8>>;

/// How much of a change was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Whole,
    /// So many eighths of its bytes.
    Eighths(usize),
    Not,
}

impl Kept {
    fn of(self, length: usize) -> usize {
        match self {
            Self::Whole => length,
            Self::Eighths(eighths) => length * eighths.min(8) / 8,
            Self::Not => 0,
        }
    }
}

/// Writes bytes of which only the first have arrived; the length may be that of all of them nevertheless.
fn write(content: &mut Vec<u8>, offset: u64, data: &[u8], full: usize) {
    let start = usize::try_from(offset).unwrap_or(0);
    let end = start + if data.len() * 2 >= full { full } else { data.len() };
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..start + data.len()].copy_from_slice(data);
}

/// Which events of a node are certain: those that a flush covers. A flush of a whole file system is none of a disk.
pub(super) fn certain(events: &[Event], node: Node, is_disk: bool) -> Vec<bool> {
    let mut covered = 0;
    for event in events {
        if let Event::Flush { node: of, covers } = event
            && of.map_or(!is_disk, |of| of == node)
        {
            covered = covered.max(*covers);
        }
    }
    (0..events.len()).map(|number| number < covered).collect()
}

/// The changes of files that are not certain.
pub(super) fn open(recording: &Recording, events: &[Event], keeping: Keeping) -> Vec<usize> {
    let mut covered: BTreeMap<Node, usize> = BTreeMap::new();
    let (mut all, mut any) = (0, 0);
    for event in events {
        if let Event::Flush { node, covers } = event {
            match node {
                Some(node) => {
                    let old = covered.entry(*node).or_default();
                    *old = (*old).max(*covers);
                    // The disk is another one, and has no journal.
                    any = if *node == recording.disk { any } else { any.max(*covers) };
                }
                None => all = all.max(*covers),
            }
        }
    }
    let of = |node: &Node| covered.get(node).copied().unwrap_or(0).max(all);
    let journal = if keeping == Keeping::Journalling { any.max(all) } else { 0 };
    let is_open = |(number, event): &(usize, &Event)| match event {
        Event::Flush { .. } => false,
        Event::Write { node, .. } => *node != recording.disk && *number >= of(node),
        Event::Resize { node, .. } => *node != recording.disk && *number >= of(node).max(journal),
        Event::Names(names) => {
            let flushed = names.iter().map(|naming| of(&naming.folder)).max().unwrap_or(0);
            *number >= flushed.max(journal)
        }
    };
    events.iter().enumerate().filter(is_open).map(|(number, _)| number).collect()
}

/// What a file held when it was last flushed, with nothing of what came after; `None` if that was nothing at all.
pub(super) fn content_flushed(nodes: &[Kind], events: &[Event], node: Node) -> Option<Vec<u8>> {
    let Some(Kind::File(bytes)) = nodes.get(node.0) else { return None };
    let mut content = bytes.to_vec();
    for (event, flushed) in events.iter().zip(certain(events, node, false)) {
        match event {
            _ if !flushed || !event.is_of(node) => {}
            Event::Write { offset, data, .. } => write(&mut content, *offset, data, data.len()),
            Event::Resize { length, .. } => {
                content.resize(usize::try_from(*length).unwrap_or(0), 0);
            }
            _ => {}
        }
    }
    Some(content)
}

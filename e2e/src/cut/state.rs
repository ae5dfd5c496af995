//! What a crash may leave of what happened before it.
//!
//! What was flushed is there. Of the rest, by rules that are no kinder than disks and file systems are:
//!
//! * **The disk.** Each sector holds what it held after the last flush, or any of the versions that were written since: any subset, in any order.
//!   One sector may be torn, at any eighth byte, between what it held and what was on its way.
//! * **Files, journalling.** Names and lengths become certain in the order in which they were changed, and any flush makes all
//!   before it certain. Bytes are there in whole, in part from the front, or not at all, each write by itself: a file may have its name, and no bytes.
//! * **Files, lazy.** Nothing becomes certain but by a flush of the very file, for its bytes and length, or of the very folder, for its names;
//!   each change of a name is there or not by itself. That a rename takes one name away and gives another at once is all that is taken for granted.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chance::Chance;
use super::event::{Event, Kind, Node};
use super::record::Recording;
use super::sectors::{Bytes, SECTOR, Sectors, Written};
use super::tree::{Entry, Tree};

/// The kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Names and lengths become certain in order.
    Journalling,
    /// Nothing does that was not flushed by itself.
    Lazy,
}

/// What survives of what was not flushed on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDisk {
    /// All of it.
    All,
    /// Nothing.
    Nothing,
    /// These of the sectors, by a bit each, and one that is torn after so many bytes.
    Some {
        /// Which.
        mask: u64,
        /// Which is torn, and where.
        torn: Option<(usize, usize)>,
    },
    /// As chance has it.
    Chance(Chance0),
}

/// What survives of what was not flushed of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InFiles {
    /// All of it.
    All,
    /// Nothing.
    Nothing,
    /// These of the changes, by a bit each; of bytes that survive, so many eighths.
    Some {
        /// By which rules.
        keeping: Keeping,
        /// Which.
        mask: u64,
        /// How much of the last of them that has bytes.
        eighths: usize,
    },
    /// As chance has it.
    Chance(Keeping, Chance0),
}

/// The seed of a choice.
pub type Chance0 = u64;

/// A choice of what survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Of the disk.
    pub disk: OnDisk,
    /// Of files.
    pub files: InFiles,
}

impl std::fmt::Display for Choice {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { disk, files } = self;
        match disk {
            OnDisk::All => write!(out, "all of the disk")?,
            OnDisk::Nothing => write!(out, "nothing more of the disk")?,
            OnDisk::Some { mask, torn: None } => write!(out, "sectors {mask:b} of the disk")?,
            OnDisk::Some { mask, torn: Some((which, at)) } => {
                write!(out, "sectors {mask:b} of the disk, number {which} torn at {at}")?;
            }
            OnDisk::Chance(seed) => write!(out, "sectors by {seed:x}")?,
        }
        match files {
            InFiles::All => write!(out, ", all of the files"),
            InFiles::Nothing => write!(out, ", nothing more of the files"),
            InFiles::Some { keeping, mask, eighths } => {
                write!(out, ", changes {mask:b} of the files, {eighths}/8 ({keeping:?})")
            }
            InFiles::Chance(keeping, seed) => write!(out, ", files by {seed:x} ({keeping:?})"),
        }
    }
}

/// The state that a crash leaves.
#[derive(Clone, Debug)]
pub struct State {
    /// The disk.
    pub disk: Sectors,
    /// Everything else.
    pub files: Tree,
}

/// A moment of a recording at which power fails.
#[derive(Debug)]
pub struct Moment<'r> {
    recording: &'r Recording,
    happened: usize,
    base: Arc<[u8]>,
    certain: Arc<BTreeMap<u64, Arc<Written>>>,
    /// Sectors that are not certain, with the versions that were written since the last flush, the newest last.
    pending: Vec<(u64, Vec<Arc<Written>>)>,
    /// Changes of files that are not certain, by their numbers: for each kind of file system.
    open_lazy: Vec<usize>,
    open_journalling: Vec<usize>,
}

/// Up to so many things all subsets are tried.
const FEW: usize = 6;

impl<'r> Moment<'r> {
    /// The moment after so many events.
    #[must_use]
    pub fn new(recording: &'r Recording, happened: usize) -> Self {
        let base = match recording.nodes.get(recording.disk.0) {
            Some(Kind::File(bytes)) => Arc::clone(bytes),
            _ => Vec::new().into(),
        };
        let events = recording.events.get(..happened).unwrap_or(&recording.events);
        let flushed = certain(events, recording.disk, false);
        let mut disk = Sectors::new(Arc::clone(&base));
        let mut sure = BTreeMap::new();
        let mut pending: BTreeMap<u64, Vec<Arc<Written>>> = BTreeMap::new();
        for (event, flushed) in events.iter().zip(flushed) {
            let Event::Write { node, offset, data } = event else { continue };
            if *node != recording.disk {
                continue;
            }
            for (sector, bytes) in sectors(&disk, *offset, data) {
                let written = Arc::new(Written::new(sector, bytes));
                disk.put(sector, Arc::clone(&written));
                if flushed {
                    sure.insert(sector, written);
                } else {
                    pending.entry(sector).or_default().push(written);
                }
            }
        }
        let certain = Arc::new(sure);
        let now = Sectors::over(Arc::clone(&base), Arc::clone(&certain));
        let is_new = |sector: u64, versions: &[Arc<Written>]| {
            let old = now.sector(sector);
            versions.iter().any(|version| version.bytes != old)
        };
        let pending = pending.into_iter().filter(|(sector, versions)| is_new(*sector, versions));
        let pending = pending.collect();
        let [open_lazy, open_journalling] =
            [Keeping::Lazy, Keeping::Journalling].map(|keeping| open(recording, events, keeping));
        Self { recording, happened, base, certain, pending, open_lazy, open_journalling }
    }

    /// After how many events it is.
    #[must_use]
    pub fn happened(&self) -> usize {
        self.happened
    }

    /// The choices to be tried here: every one where there are few, and `cases` more by a seed where there are many.
    #[must_use]
    pub fn choices(&self, name: &str, seed: u64, cases: usize) -> Vec<Choice> {
        let mut choices = Vec::new();
        for disk in [OnDisk::All, OnDisk::Nothing] {
            for files in [InFiles::All, InFiles::Nothing] {
                choices.push(Choice { disk: disk.clone(), files });
            }
        }
        choices.extend(self.every_disk().map(|disk| Choice { disk, files: InFiles::All }));
        choices.extend(self.every_files().map(|files| Choice { disk: OnDisk::All, files }));
        if self.pending.len() > FEW || self.open_lazy.len() > FEW {
            for number in 0..cases {
                let mut chance = Chance::of(seed, name, &[self.happened, number]);
                let keeping = if chance.is(128) { Keeping::Lazy } else { Keeping::Journalling };
                let files = InFiles::Chance(keeping, chance.next());
                choices.push(Choice { disk: OnDisk::Chance(chance.next()), files });
            }
        }
        choices
    }

    /// Every subset of few sectors, and each of them torn at every eighth byte.
    fn every_disk(&self) -> impl Iterator<Item = OnDisk> {
        let count = if self.pending.len() <= FEW { self.pending.len() } else { 0 };
        (0..1_u64 << count).filter(move |_| count > 0).flat_map(move |mask| {
            let whole = std::iter::once(OnDisk::Some { mask, torn: None });
            let torn =
                (0..count).flat_map(|index| (8..SECTOR).step_by(8).map(move |at| (index, at)));
            let torn = torn.filter(move |(index, _)| mask & (1 << index) != 0);
            whole.chain(torn.map(move |torn| OnDisk::Some { mask, torn: Some(torn) }))
        })
    }

    /// Every subset of few changes of files that the rules allow, with bytes in part.
    fn every_files(&self) -> impl Iterator<Item = InFiles> {
        let few = |open: &[usize]| if open.len() <= FEW { open.len() } else { 0 };
        let (lazy, journalling) = (few(&self.open_lazy), few(&self.open_journalling));
        let all = move |keeping, count: usize| {
            let masks = (0..1_u64 << count).filter(move |_| count > 0);
            masks.flat_map(move |mask| {
                [0, 1, 4, 8].map(|eighths| InFiles::Some { keeping, mask, eighths })
            })
        };
        all(Keeping::Lazy, lazy).chain(all(Keeping::Journalling, journalling))
    }

    /// The state that a choice leaves.
    #[must_use]
    pub fn state(&self, choice: &Choice) -> State {
        State { disk: self.disk(&choice.disk), files: self.files(&choice.files) }
    }

    fn disk(&self, choice: &OnDisk) -> Sectors {
        let mut disk = Sectors::over(Arc::clone(&self.base), Arc::clone(&self.certain));
        match choice {
            OnDisk::Nothing => {}
            OnDisk::All => {
                for (sector, versions) in &self.pending {
                    versions.last().into_iter().for_each(|one| disk.put(*sector, Arc::clone(one)));
                }
            }
            OnDisk::Some { mask, torn } => {
                for (index, (sector, versions)) in self.pending.iter().enumerate() {
                    let Some(newest) = versions.last().filter(|_| mask & (1 << index) != 0) else {
                        continue;
                    };
                    let at = torn.filter(|(which, _)| *which == index).map(|(_, at)| at);
                    put_torn(&mut disk, *sector, newest, at);
                }
            }
            OnDisk::Chance(seed) => self.by_chance(&mut disk, *seed),
        }
        disk
    }

    /// Sectors that survive by chance: from nearly none to nearly all, and one of them torn.
    fn by_chance(&self, disk: &mut Sectors, seed: u64) {
        let mut chance = Chance::of(seed, "disk", &[]);
        let share = [2, 32, 128, 224, 254][chance.below(5)];
        let torn = chance.below(self.pending.len().saturating_mul(2).max(1));
        for (index, (sector, versions)) in self.pending.iter().enumerate() {
            if index != torn && !chance.is(share) {
                continue;
            }
            let version = match chance.is(64) {
                true => chance.below(versions.len()),
                false => versions.len() - 1,
            };
            let at = (index == torn).then(|| 8 + 8 * chance.below(SECTOR / 8 - 1));
            put_torn(disk, *sector, &versions[version], at);
        }
    }

    fn files(&self, choice: &InFiles) -> Tree {
        let open = match choice {
            InFiles::Some { keeping: Keeping::Journalling, .. }
            | InFiles::Chance(Keeping::Journalling, _) => &self.open_journalling,
            _ => &self.open_lazy,
        };
        let kept = match choice {
            InFiles::All => open.iter().map(|_| Kept::Whole).collect(),
            InFiles::Nothing => open.iter().map(|_| Kept::Not).collect(),
            InFiles::Some { keeping, mask, eighths } => {
                let bits = (0..open.len()).map(|index| mask & (1 << index) != 0).collect();
                self.allowed(open, *keeping, bits, |_| *eighths)
            }
            InFiles::Chance(keeping, seed) => {
                let mut chance = Chance::of(*seed, "files", &[]);
                let share = [32, 128, 224][chance.below(3)];
                let bits = open.iter().map(|_| chance.is(share)).collect();
                self.allowed(open, *keeping, bits, |chance_of| {
                    Chance::of(*seed, "bytes", &[chance_of]).below(9)
                })
            }
        };
        self.build(open, &kept)
    }

    /// What the rules allow of a choice: with a journal, nothing survives of names and lengths behind the first that did not.
    fn allowed(
        &self,
        open: &[usize],
        keeping: Keeping,
        mut bits: Vec<bool>,
        eighths: impl Fn(usize) -> usize,
    ) -> Vec<Kept> {
        if keeping == Keeping::Journalling {
            let mut goes_on = true;
            for (bit, event) in bits.iter_mut().zip(open) {
                if !matches!(self.recording.events[*event], Event::Write { .. }) {
                    goes_on &= *bit;
                    *bit = goes_on;
                }
            }
        }
        let kept = bits.iter().zip(open).map(|(bit, event)| match bit {
            true => Kept::Eighths(eighths(*event)),
            false => Kept::Not,
        });
        kept.collect()
    }

    /// The files as they are with what is certain and what was kept.
    fn build(&self, open: &[usize], kept: &[Kept]) -> Tree {
        let recording = self.recording;
        let mut names = Names::new();
        let mut contents = Contents::new();
        for (number, kind) in recording.nodes.iter().enumerate() {
            if let Kind::Folder(inside) = kind {
                let inside = inside.iter().map(|(name, node)| (name.as_os_str(), *node));
                names.insert(Node(number), inside.collect());
            }
        }
        let fate: BTreeMap<usize, Kept> = open.iter().copied().zip(kept.iter().copied()).collect();
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
    fn bytes(&self, node: Node) -> Vec<u8> {
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
                Some((Node(number), super::record::shown(&name.0)))
            }
            _ => None,
        });
        let later = self.events.iter().filter_map(|event| match event {
            Event::Names(names) => {
                let naming = names.iter().find(|naming| naming.to == Some(node))?;
                Some((naming.folder, super::record::shown(&naming.name)))
            }
            _ => None,
        });
        match before.chain(later).next() {
            Some((folder, name)) if folder != node => self.path(folder).join(name),
            _ => Path::new("").to_owned(),
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

/// Which events of a node are certain: those that a flush covers.
fn certain(events: &[Event], node: Node, journal: bool) -> Vec<bool> {
    let mut covered = 0;
    for event in events {
        if let Event::Flush { node: of, covers } = event
            && (journal || of.is_none_or(|of| of == node))
        {
            covered = covered.max(*covers);
        }
    }
    (0..events.len()).map(|number| number < covered).collect()
}

/// The changes of files that are not certain.
fn open(recording: &Recording, events: &[Event], keeping: Keeping) -> Vec<usize> {
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

/// The sectors that a write changes, with all their bytes.
fn sectors(disk: &Sectors, offset: u64, data: &[u8]) -> Vec<(u64, Bytes)> {
    let sector = u64::try_from(SECTOR).unwrap_or(512);
    let lead = usize::try_from(offset % sector).unwrap_or(0);
    let mut first = offset / sector;
    let mut changed = Vec::new();
    let mut rest = data;
    let mut start = lead;
    while !rest.is_empty() {
        let length = rest.len().min(SECTOR - start);
        let mut bytes = disk.sector(first);
        bytes[start..start + length].copy_from_slice(&rest[..length]);
        changed.push((first, bytes));
        rest = &rest[length..];
        (first, start) = (first + 1, 0);
    }
    changed
}

/// Puts a sector there, or the front of it before what was there.
fn put_torn(disk: &mut Sectors, sector: u64, new: &Arc<Written>, torn: Option<usize>) {
    let Some(at) = torn else { return disk.put(sector, Arc::clone(new)) };
    let mut bytes = disk.sector(sector);
    bytes[..at].copy_from_slice(&new.bytes[..at]);
    disk.put(sector, Arc::new(Written::new(sector, bytes)));
}

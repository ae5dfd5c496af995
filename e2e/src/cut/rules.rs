//! Rules that our code keeps, so that a crash does no harm; each is checked on every recording.
//!
//! States alone do not show them all: where two things protect a host, a state may come out well with one of them gone.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::ops::Range;
use std::sync::Arc;

use boot_selector::Places;
use gptdisk::{Loaded, Side};
use gptprio::{BootBits, SetId, Sets, Tries};

use super::boot::Reader;
use super::event::{Event, Kind, Naming, Node};
use super::judge::{Known, TABLE, sectors};
use super::record::Recording;
use super::sectors::{SECTOR, Sectors};

/// A rule, by the name that messages and documentation give it.
pub type Rule = (&'static str, &'static str);

/// The set that runs is never written.
pub const RUNNING: Rule = ("running-set", "the set that runs is never written");
/// Only a set that cannot boot is written.
pub const CLEARED: Rule = (
    "cleared-first",
    "a set is written only when both copies of the table, flushed, say that it cannot boot",
);
/// A set that may boot is flushed.
pub const FLUSHED: Rule = (
    "flushed-first",
    "the table lets a set boot only when all that was written to the set is flushed",
);
/// One copy at a time.
pub const ONE_COPY: Rule =
    ("one-copy", "a copy of the table is written only while the other one is valid and flushed");
/// A name is given to what is flushed.
pub const NAMED: Rule = (
    "named-last",
    "a file gets its lasting name, or a link leads to a folder, only once what it holds is flushed",
);
/// What is said to be done is flushed.
pub const DONE: Rule =
    ("done-is-flushed", "what a program changed is flushed when it says that it is done");
/// No record speaks of a set that is written.
pub const RECORD: Rule = (
    "no-record",
    "no record says what a set holds while the set is written, whatever a crash leaves",
);

/// Every rule.
pub const ALL: [Rule; 7] = [RUNNING, CLEARED, FLUSHED, ONE_COPY, NAMED, DONE, RECORD];

/// The name of the record of what was staged.
const RECORD_FILE: &str = "staged.json";

/// The folder in which migrations work.
const WORK: &str = ".migrator-work";

/// Gives every breach of a rule, in words.
#[must_use]
pub fn breaches(recording: &Recording, known: &Known, active: SetId, is_done: bool) -> Vec<String> {
    let mut watch = Watch::new(recording, known, active);
    for number in 0..recording.events.len() {
        watch.step(number);
    }
    if is_done {
        watch.done();
    }
    watch.found.into_iter().collect()
}

struct Watch<'r> {
    recording: &'r Recording,
    known: &'r Known,
    active: SetId,
    live: Sectors,
    /// With nothing but what was flushed.
    sure: Sectors,
    /// Sectors that were written, with the number of the event, and not flushed.
    dirty: BTreeMap<u64, usize>,
    /// What the valid copies of the table say, each by itself.
    live_sets: Vec<Sets>,
    sure_sets: Vec<Sets>,
    /// Changes of files that were not flushed.
    open: BTreeSet<usize>,
    names: BTreeMap<Node, BTreeMap<std::ffi::OsString, Node>>,
    found: BTreeSet<String>,
}

impl<'r> Watch<'r> {
    fn new(recording: &'r Recording, known: &'r Known, active: SetId) -> Self {
        let base: Arc<[u8]> = match &recording.nodes[recording.disk.0] {
            Kind::File(bytes) => Arc::clone(bytes),
            _ => Vec::new().into(),
        };
        let (live, sure) = (Sectors::new(Arc::clone(&base)), Sectors::new(base));
        let sets = copies(&live);
        let folders = recording.nodes.iter().enumerate().filter_map(|(number, kind)| match kind {
            Kind::Folder(names) => Some((Node(number), names.iter().cloned().collect())),
            _ => None,
        });
        Self {
            recording,
            known,
            active,
            live,
            sure,
            dirty: BTreeMap::new(),
            live_sets: sets.clone(),
            sure_sets: sets,
            open: BTreeSet::new(),
            names: folders.collect(),
            found: BTreeSet::new(),
        }
    }

    fn breach(&mut self, rule: Rule, what: &str) {
        self.found.insert(format!("{}: {what} ({})", rule.0, rule.1));
    }

    fn step(&mut self, number: usize) {
        match &self.recording.events[number] {
            Event::Write { node, offset, data } if *node == self.recording.disk => {
                self.write(number, *offset, data);
            }
            Event::Write { .. } | Event::Resize { .. } => {
                self.open.insert(number);
            }
            Event::Names(names) => self.name(number, names),
            Event::Flush { node, covers } => self.flush(*node, *covers),
        }
    }

    fn write(&mut self, number: usize, offset: u64, data: &[u8]) {
        let sector = u64::try_from(SECTOR).unwrap_or(512);
        let first = offset / sector;
        let last = (offset + u64::try_from(data.len()).unwrap_or(0)).div_ceil(sector);
        let range = first..last;
        self.before_write(&range);
        let mut bytes = vec![0; usize::try_from(last - first).unwrap_or(0) * SECTOR];
        self.live.read(first, &mut bytes);
        let lead = usize::try_from(offset % sector).unwrap_or(0);
        bytes[lead..lead + data.len()].copy_from_slice(data);
        self.live.write(first, &bytes);
        self.dirty.extend(range.clone().map(|sector| (sector, number)));
        if self.side(&range).is_some() {
            self.live_sets = copies(&self.live);
            self.after_table();
        }
    }

    /// What is looked at before sectors are written.
    fn before_write(&mut self, range: &Range<u64>) {
        if let Some(side) = self.side(range) {
            self.before_table(side);
        }
        let layouts = self.known.layouts.clone();
        for (set, layout) in &layouts {
            if !layout.parts().any(|(_, part)| overlap(range, &sectors(part))) {
                continue;
            }
            if *set == self.active {
                self.breach(RUNNING, &format!("set {set} is written while it runs"));
            }
            let now = ("says", self.live_sets.clone());
            for (what, copies) in [now, ("may say after a cut", self.sure_sets.clone())] {
                let may = copies.iter().filter_map(|sets| sets.bits(*set)).any(may_boot);
                if may || copies.is_empty() {
                    let what =
                        format!("set {set} is written, and the table {what} that it can boot");
                    self.breach(CLEARED, &what);
                }
            }
            self.no_record(*set);
        }
    }

    fn before_table(&mut self, side: Side) {
        let other = match side {
            Side::Primary => self.sides().1,
            Side::Backup => self.sides().0,
        };
        if self.dirty.range(other).next().is_some() {
            self.breach(
                ONE_COPY,
                &format!("the {side} copy is written, and the other is not flushed"),
            );
        }
        let table = Loaded::read(&mut Reader(&self.sure)).ok();
        let is_valid = table.is_some_and(|table| {
            !matches!(table.condition(side.other()), gptdisk::Condition::Bad(_))
        });
        if !is_valid {
            self.breach(
                ONE_COPY,
                &format!("the {side} copy is written, and the other is not valid"),
            );
        }
    }

    /// A table that was written may let only sets boot that are flushed, whichever copy counts in the end.
    fn after_table(&mut self) {
        let copies = self.live_sets.clone();
        for (set, bits) in copies.iter().flat_map(Sets::iter) {
            let Some(layout) = self.known.layouts.get(&set) else { continue };
            let dirty =
                layout.parts().any(|(_, part)| self.dirty.range(sectors(part)).next().is_some());
            if dirty && may_boot(bits) {
                self.breach(FLUSHED, &format!("set {set} may boot and is not flushed"));
            }
        }
    }

    /// No record of this set may be there, nor come back.
    fn no_record(&mut self, set: SetId) {
        let folders = self.names.iter();
        let has =
            folders.filter(|(_, names)| names.contains_key(OsStr::new(RECORD_FILE))).count() > 0;
        let removed = self.open.iter().any(|number| match &self.recording.events[*number] {
            Event::Names(names) => {
                names.iter().any(|naming| naming.name == RECORD_FILE && naming.to.is_none())
            }
            _ => false,
        });
        if has || removed {
            self.breach(RECORD, &format!("set {set} is written, and there is a record of it"));
        }
    }

    fn name(&mut self, number: usize, names: &[Naming]) {
        // A new name for what had one: what it stands for is looked at.
        if let [Naming { to: Some(node), name, .. }, Naming { to: None, .. }] = names {
            let parent = names[0].folder;
            // Where migrations work, no name lasts: what is removed there is moved about.
            if !self.recording.path(parent).iter().any(|part| part == WORK) {
                self.is_flushed(*node, parent, &name.to_string_lossy());
            }
        }
        for naming in names {
            let folder = self.names.entry(naming.folder).or_default();
            match naming.to {
                Some(node) => folder.insert(naming.name.clone(), node),
                None => folder.remove(&naming.name),
            };
        }
        self.open.insert(number);
    }

    /// What a name is given to must be flushed, with all that is in it.
    fn is_flushed(&mut self, node: Node, parent: Node, name: &str) {
        let node = match &self.recording.nodes[node.0] {
            Kind::Link(to) => {
                let found = self.names.get(&parent).and_then(|names| names.get(to));
                match found {
                    Some(node) => *node,
                    None => return,
                }
            }
            _ => node,
        };
        let nodes = self.below(node);
        let open = |node: &&Node| {
            self.open.iter().any(|number| self.recording.events[*number].is_of(**node))
        };
        if let Some(node) = nodes.iter().find(open) {
            let path = self.recording.path(*node);
            let what = format!("{name} is named, and {} is not flushed", path.display());
            self.breach(NAMED, &what);
        }
    }

    /// A node, and all that can be reached from it.
    fn below(&self, node: Node) -> Vec<Node> {
        let mut nodes = vec![node];
        let mut at = 0;
        while let Some(node) = nodes.get(at).copied() {
            nodes.extend(self.names.get(&node).into_iter().flatten().map(|(_, node)| *node));
            at += 1;
        }
        nodes
    }

    fn flush(&mut self, node: Option<Node>, covers: usize) {
        let disk = self.recording.disk;
        if node == Some(disk) {
            let flushed: Vec<u64> = self
                .dirty
                .iter()
                .filter(|(_, number)| **number < covers)
                .map(|(one, _)| *one)
                .collect();
            for sector in flushed {
                self.dirty.remove(&sector);
                self.sure.write(sector, &self.live.sector(sector));
            }
            self.sure_sets = copies(&self.sure);
        }
        let events = &self.recording.events;
        self.open.retain(|number| {
            *number >= covers || node.is_some_and(|node| !events[*number].is_of(node))
        });
    }

    /// What is open at the end is open for ever.
    fn done(&mut self) {
        if !self.dirty.is_empty() {
            self.breach(DONE, "the disk is not flushed");
        }
        let open: Vec<usize> = self.open.iter().copied().collect();
        // Of what nobody can reach any more, nothing has to last.
        let reached = self.below(self.recording.top);
        for number in open {
            let what = match &self.recording.events[number] {
                Event::Names(names) => {
                    let lasts =
                        |naming: &&Naming| !is_passing(naming) && reached.contains(&naming.folder);
                    let naming = names.iter().find(lasts);
                    naming.map(|naming| self.recording.path(naming.folder).join(&naming.name))
                }
                Event::Write { node, .. } | Event::Resize { node, .. } => {
                    reached.contains(node).then(|| self.recording.path(*node))
                }
                Event::Flush { .. } => None,
            };
            if let Some(path) = what {
                self.breach(DONE, &format!("{} is not flushed", path.display()));
            }
        }
    }

    fn sides(&self) -> (Range<u64>, Range<u64>) {
        let end = self.live.count();
        (1..TABLE, end.saturating_sub(TABLE - 1)..end)
    }

    fn side(&self, range: &Range<u64>) -> Option<Side> {
        let (primary, backup) = self.sides();
        match (overlap(range, &primary), overlap(range, &backup)) {
            (true, _) => Some(Side::Primary),
            (_, true) => Some(Side::Backup),
            _ => None,
        }
    }
}

/// Names that mean nothing by themselves: of locks, and of what is on its way to another name.
fn is_passing(naming: &Naming) -> bool {
    let name = naming.name.to_string_lossy();
    name.ends_with(".lock") || name.starts_with('.')
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Whether these bits would let a set boot, now or once it gets a priority.
fn may_boot(bits: BootBits) -> bool {
    bits.tries > Tries::ZERO || bits.successful
}

/// What each valid copy of the table says by itself: as if the header of the other were blank.
fn copies(disk: &Sectors) -> Vec<Sets> {
    let headers = [1, disk.count().saturating_sub(1)];
    let without = |header: u64| {
        let mut one = disk.clone();
        one.write(header, &[0; SECTOR]);
        let table = Loaded::read(&mut Reader(&one)).ok()?;
        Places::of(table.table()).map(|places| places.sets())
    };
    headers.into_iter().filter_map(without).collect()
}

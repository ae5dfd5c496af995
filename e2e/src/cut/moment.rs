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
use std::sync::Arc;

use super::chance::Chance;
use super::choice::{Choice, InFiles, Keeping, OnDisk};
use super::event::{Event, Kind};
use super::filing::{Filing, certain, open};
use super::record::Recording;
use super::sectors::{Bytes, SECTOR, Sectors, Written};
use super::tree::Tree;

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
        let flushed = certain(events, recording.disk, true);
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
            // Files alone make fewer states that matter, and cost more.
            let cases = if self.pending.is_empty() { cases.div_ceil(20) } else { cases };
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
        let open = match choice.keeping() {
            Keeping::Journalling => &self.open_journalling,
            Keeping::Lazy => &self.open_lazy,
        };
        Filing::new(self.recording, self.happened, open).tree(choice)
    }
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

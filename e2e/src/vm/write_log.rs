//! Every write and flush of a machine's disk, in order, and what a power cut would have left of them.
//!
//! QEMU's driver `blklogwrites` keeps them, in the format of Linux's dm-log-writes (Documentation/admin-guide/device-mapper/
//! log-writes.rst): a superblock in the first sector, then for each write a sector that says what it is, and its data.
//!
//! # Invariants
//!
//! * What was written before a flush that ended is on the disk; so is a write that demands it.
//! * Of what came after the last flush each grain is there or not, as chance has it: a disk may write in any order, and tear. How
//!   small a grain is depends on the place.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::case::Failure;

/// Marks a log.
const MAGIC: u64 = 0x6a_736677_736872;
const SECTOR: usize = 512;

/// How small the pieces are that are there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// Eight bytes: a sector is torn in itself.
    Word,
    /// A sector of 512 bytes.
    Sector,
    /// 4096 bytes.
    Block,
}

impl Grain {
    /// Its length in bytes.
    fn length(self) -> usize {
        match self {
            Self::Word => 8,
            Self::Sector => SECTOR,
            Self::Block => 8 * SECTOR,
        }
    }
}
/// The flags of an entry: all before it is on the disk, and it is itself.
const FLUSH: u64 = 1;
const DURABLE: u64 = 2;
/// It frees sectors, and has no data.
const DISCARD: u64 = 4;

/// What was written.
#[derive(Debug)]
pub(super) struct WriteLog {
    entries: Vec<Entry>,
}

/// Where the power is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// After so many entries.
    pub(super) after: usize,
    /// What decides about all that was not flushed.
    pub(super) seed: u64,
}

/// One write, flush or both.
#[derive(Debug)]
struct Entry {
    /// The first sector.
    sector: u64,
    data: Vec<u8>,
    flushes: bool,
    durable: bool,
}

impl WriteLog {
    /// Reads a log.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read, or is none.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|cause| Failure::io("read", path, &cause))?;
        let log = Self { entries: entries(&bytes).unwrap_or_default() };
        let empty = || Failure::new(&format!("{} is no log of writes", path.display()));
        if log.entries.is_empty() { Err(empty()) } else { Ok(log) }
    }

    /// Writes and flushes.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// After how many entries something was written to one of these sectors, for the first time and the last.
    pub(super) fn touching(&self, sectors: impl Fn(u64) -> bool) -> Option<(usize, usize)> {
        let hit = |entry: &Entry| !entry.data.is_empty() && sectors(entry.sector);
        let mut places = self.entries.iter().enumerate().filter(|(_, entry)| hit(entry));
        let first = places.next()?.0;
        Some((first, places.next_back().map_or(first, |(last, _)| last)))
    }

    /// Makes `disk`, which was `base` at first, what it is when the power is cut. `grain` is that of each sector.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read or written.
    pub(super) fn cut(
        &self,
        (base, disk): (&Path, &Path),
        cut: Cut,
        grain: impl Fn(u64) -> Grain,
    ) -> Result<(), Failure> {
        let apply = || -> io::Result<()> {
            fs::copy(base, disk)?;
            let file = OpenOptions::new().write(true).open(disk)?;
            self.survives(cut, grain)
                .into_iter()
                .try_for_each(|(place, bytes)| file.write_all_at(bytes, place))
        };
        apply().map_err(|cause| Failure::io("write", disk, &cause))
    }

    /// What reaches the disk until then, in order: a place in bytes, and what is there from then on.
    fn survives(&self, cut: Cut, grain: impl Fn(u64) -> Grain) -> Vec<(u64, &[u8])> {
        let happened = &self.entries[..cut.after.min(self.entries.len())];
        let flushed = happened.iter().rposition(|entry| entry.flushes).unwrap_or(0);
        let mut chance = Chance(cut.seed);
        let mut pieces = Vec::new();
        for (index, entry) in happened.iter().enumerate() {
            // A flush is of what was before it, not of what comes with it.
            let is_certain = index < flushed || entry.durable;
            let grains = entry.grains(&grain).into_iter();
            pieces.extend(grains.filter(|_| is_certain || chance.heads()));
        }
        pieces
    }
}

impl Entry {
    /// The data in grains, each with its place in bytes. Those of one entry are as long as that of its first sector.
    fn grains(&self, grain: impl Fn(u64) -> Grain) -> Vec<(u64, &[u8])> {
        let length = grain(self.sector).length();
        let places = (self.sector * 512..).step_by(length);
        places.zip(self.data.chunks(length)).collect()
    }
}

/// The entries of a log, as many as its superblock says.
fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    let [magic, _version, count] = [0, 8, 16].map(|place| number(bytes, place));
    let size = usize::try_from(u32::from_le_bytes(bytes.get(24..28)?.try_into().ok()?)).ok()?;
    if magic? != MAGIC || size != SECTOR {
        return None;
    }
    let mut place = size;
    let mut entries = Vec::new();
    for _ in 0..count? {
        let (sector, sectors) = (number(bytes, place)?, number(bytes, place + 8)?);
        let flags = number(bytes, place + 16)?;
        place += size;
        let length = if flags & DISCARD == 0 { usize::try_from(sectors).ok()? * size } else { 0 };
        let data = bytes.get(place..place.checked_add(length)?)?.to_vec();
        place += length;
        let [flushes, durable] = [FLUSH, DURABLE].map(|flag| flags & flag != 0);
        entries.push(Entry { sector, data, flushes, durable });
    }
    Some(entries)
}

fn number(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(place..place + 8)?.try_into().ok()?))
}

/// Chance that comes out the same each time ("splitmix64").
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn heads(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What the sectors hold in the end, of those that were written whole.
    fn sectors(log: &WriteLog, after: usize, seed: u64) -> BTreeMap<u64, &[u8]> {
        let pieces = log.survives(Cut { after, seed }, |_| Grain::Sector);
        pieces.into_iter().map(|(place, bytes)| (place / 512, bytes)).collect()
    }

    fn entry(sector: u64, flags: u64, data: &[u8]) -> Vec<u8> {
        let sectors = u64::try_from(data.len() / SECTOR).unwrap();
        let mut bytes = [sector, sectors, flags, 0].map(u64::to_le_bytes).concat();
        bytes.resize(SECTOR, 0);
        [bytes, data.to_vec()].concat()
    }

    fn log(entries: &[Vec<u8>]) -> WriteLog {
        let count = u64::try_from(entries.len()).unwrap();
        let mut bytes = [MAGIC, 1, count].map(u64::to_le_bytes).concat();
        bytes.extend(512_u32.to_le_bytes());
        bytes.resize(SECTOR, 0);
        let bytes = [bytes, entries.concat()].concat();
        WriteLog { entries: super::entries(&bytes).unwrap() }
    }

    #[test]
    fn what_was_flushed_is_there_and_the_rest_by_chance() {
        let data = [[1; SECTOR], [2; SECTOR]].concat();
        let log = log(&[entry(7, 0, &data), entry(0, FLUSH, &[]), entry(20, 0, &data)]);
        let kept = |after| (0..64).map(move |seed| (after, seed));
        let sectors = |(after, seed)| sectors(&log, after, seed).into_keys().collect::<Vec<_>>();
        assert!(kept(1).any(|cut| sectors(cut) == [8]), "a write is torn");
        assert!(kept(2).all(|cut| sectors(cut) == [7, 8]));
        assert!(kept(3).all(|cut| sectors(cut).starts_with(&[7, 8])));
        assert!(
            kept(3).any(|cut| sectors(cut) == [7, 8, 21]),
            "nothing after the flush is certain"
        );
    }

    #[test]
    fn a_durable_write_is_there_and_the_last_one_counts() {
        let log = log(&[entry(7, 0, &[1; SECTOR]), entry(7, DURABLE, &[2; SECTOR])]);
        assert!((0..64).all(|seed| sectors(&log, 2, seed)[&7] == [2; SECTOR]));
        assert_eq!(log.touching(|sector| sector == 7), Some((0, 1)));
        assert_eq!(log.touching(|sector| sector == 8), None);
    }

    #[test]
    fn a_torn_sector_is_torn_between_words_and_only_where_it_was_not_flushed() {
        let log =
            log(&[entry(3, 0, &[1; SECTOR]), entry(0, FLUSH, &[]), entry(7, 0, &[2; SECTOR])]);
        for seed in 0..64 {
            let pieces = log.survives(Cut { after: 3, seed }, |_| Grain::Word);
            let (flushed, words) = pieces.split_at(SECTOR / 8);
            assert!(flushed.iter().all(|(place, bytes)| place / 512 == 3 && *bytes == [1; 8]));
            assert!(!words.is_empty() && words.len() < SECTOR / 8, "{} words", words.len());
            assert!(words.iter().all(|(place, bytes)| place / 512 == 7 && *bytes == [2; 8]));
        }
    }

    #[test]
    fn a_block_is_there_or_not() {
        let log = log(&[entry(0, FLUSH, &[]), entry(8, 0, &[3; 9 * SECTOR])]);
        let pieces = |seed| log.survives(Cut { after: 2, seed }, |_| Grain::Block);
        let lengths = |(place, bytes): (u64, &[u8])| (place / 512, bytes.len() / SECTOR);
        assert!((0..64).any(|seed| pieces(seed).is_empty()));
        assert!(
            (0..64).flat_map(pieces).map(lengths).all(|piece| [(8, 8), (16, 1)].contains(&piece))
        );
    }

    #[test]
    fn what_is_no_log_is_none() {
        assert!(entries(&[0; 4096]).is_none());
        assert!(entries(&[]).is_none());
    }
}

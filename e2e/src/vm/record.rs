//! What a boot wrote, and the disks that power cuts in it would have left.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use gptprio::SetId;

use super::case::Failure;
use super::console::Said;
use super::expect::{UP, ended, is_up, says};
use super::host::Host;
use super::write_log::{Chance, Cut, Grain, WriteLog};

/// How often one cut of the partition table is looked at, each time with other sectors lost.
const CHANCES: u64 = 8;

/// Sectors of both copies of the partition table, from the front and from the back.
const TABLE_SECTORS: u64 = 34;

/// What a boot wrote.
#[derive(Debug)]
pub(super) struct Record<'a> {
    host: &'a Host<'a>,
    log: WriteLog,
    /// The disk before.
    base: PathBuf,
    /// Its length in sectors.
    sectors: u64,
    /// The first sector of the state, which is the last partition.
    state: u64,
}

impl<'a> Record<'a> {
    /// Boots, takes a step, and keeps all that was written.
    pub(super) fn of(host: &'a Host<'a>, step: &str) -> Result<Self, Failure> {
        let disk = host.disk.path();
        let base = disk.with_extension("before");
        fs::copy(disk, &base).map_err(|cause| Failure::io("copy to", &base, &cause))?;
        let log = disk.with_extension("writes");
        let said = host.machine(&[step]).record(&log)?.run(&host.next_boot())?;
        says(&said, UP)?;
        ended(&said, step, 0)?;
        let length = fs::metadata(&base).map_err(|cause| Failure::io("read", &base, &cause))?.len();
        let (sectors, state) = (length / 512, host.disk.last_part()? / 512);
        Ok(Self { host, log: WriteLog::read(&log)?, base, sectors, state })
    }

    /// Writes and flushes.
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    /// After how many entries the table was written for the first time, and for the last.
    pub(super) fn table_writes(&self) -> Result<(usize, usize), Failure> {
        let writes = self.log.touching(|sector| self.is_of_table(sector));
        writes.ok_or_else(|| Failure::new("nothing was written to the table"))
    }

    /// Cuts the power. Sectors of the table are torn in themselves, and the sets between sectors. Of the state a block is there or not:
    /// a superblock of ext4 that is torn between its sectors needs the fsck that a host has and this guest does not.
    pub(super) fn cut(&self, cut: Cut) -> Result<(), Failure> {
        let files = (self.base.as_path(), self.host.disk.path());
        self.log.cut(files, cut, |sector| match sector {
            _ if self.is_of_table(sector) => Grain::Word,
            _ if sector >= self.state => Grain::Block,
            _ => Grain::Sector,
        })
    }

    /// Cuts the power, looks at the disk, and gives the set that boots next.
    pub(super) fn is_whole(&self, cut: Cut) -> Result<SetId, Failure> {
        self.cut(cut)?;
        self.host.is_whole().map_err(|why| Failure::new(&format!("{cut:?}: {why}")))
    }

    /// Cuts the power and boots what is left: the set that is to boot next comes up. Then it is said what it said, beside the set.
    pub(super) fn boots(&self, cut: Cut, steps: &[&str]) -> Result<(Said, SetId), Failure> {
        let next = self.is_whole(cut)?;
        let said = self.host.boot(steps)?;
        let version = if next == SetId::A { "1.0.0" } else { "1.1.0" };
        is_up(&said, next, version).map_err(|why| Failure::new(&format!("{cut:?}: {why}")))?;
        Ok((said, next))
    }

    /// Cuts at each write from the first to the table to the last, again and again; gives what would boot next.
    pub(super) fn cut_at_each_table_write(&self) -> Result<BTreeSet<SetId>, Failure> {
        let (first, last) = self.table_writes()?;
        let cuts =
            (first..=last + 2).flat_map(|after| (0..CHANCES).map(move |seed| Cut { after, seed }));
        cuts.map(|cut| self.is_whole(cut)).collect()
    }

    /// Boots what is left after the first write to the table, and after the last but one.
    pub(super) fn boots_something(&self) -> Result<(), Failure> {
        let (first, last) = self.table_writes()?;
        for (after, seed) in [(first + 1, 1), (last, 2)] {
            self.boots(Cut { after, seed }, &[])?;
        }
        Ok(())
    }

    fn is_of_table(&self, sector: u64) -> bool {
        sector < TABLE_SECTORS || sector >= self.sectors - TABLE_SECTORS
    }
}

/// So many cuts at random places of a range of entries.
pub(super) fn cuts(chance: &mut Chance, (from, to): (usize, usize), count: usize) -> Vec<Cut> {
    let mut place = || from + below(chance, to.saturating_sub(from));
    let places: Vec<usize> = (0..count).map(|_| place()).collect();
    places.into_iter().map(|after| Cut { after, seed: chance.next() }).collect()
}

/// A number below another one.
fn below(chance: &mut Chance, limit: usize) -> usize {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
    usize::try_from(chance.next() % limit).unwrap_or_default()
}

//! Losing power: the machine's process is killed at a point that shows on the console, or what it wrote is replayed up to some
//! point, without what was not flushed by then.
//!
//! Replaying is quick and booting is not: each case looks at many cuts from outside, and boots a few of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use gptprio::{SetId, choose};

use super::case::{Case, Failure, ensure};
use super::expect::{UP, bits, ended, is_up, says};
use super::host::Host;
use super::host_files::TRIES;
use super::release::Flavour;
use super::system::SystemBench;
use super::system_disk::SystemDisk;
use super::write_log::{Chance, WriteLog};

/// Cuts that are looked at over a whole log.
const CUTS: u64 = 40;

/// How often one cut of the partition table is looked at, each time with other sectors lost.
const CHANCES: u64 = 8;

/// Sectors of both copies of the partition table, from the front and from the back.
const TABLE_SECTORS: u64 = 34;

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "killed-during-install",
        holds: "a machine that is killed while it writes an update boots the old set, and updates as before",
        run: killed_during_install,
    },
    Case {
        name: "killed-before-flip",
        holds: "a machine that is killed before it makes an update boot next boots the old set, and updates as before",
        run: killed_before_flip,
    },
    Case {
        name: "power-cut-install",
        holds: "wherever power is lost during an update, without the writes that were not flushed: something whole boots",
        run: cut_install,
    },
    Case {
        name: "power-cut-flip",
        holds: "the same at each write of the step that makes an update boot next",
        run: cut_flip,
    },
    Case {
        name: "power-cut-selector",
        holds: "the same at each write of the selector, between its two copies of the table too",
        run: cut_selector,
    },
];

fn killed_during_install(bench: &SystemBench) -> Result<(), Failure> {
    killed(bench, "in all: fetch")
}

fn killed_before_flip(bench: &SystemBench) -> Result<(), Failure> {
    killed(bench, "read back and checked")
}

/// The machine ends when this is said during an update; what is left updates as if nothing had been.
fn killed(bench: &SystemBench, at: &str) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    host.boot_until(&["updog update"], &[at])?;
    updates(&host)
}

/// Set A runs and updates itself to 1.1.0 in set B.
fn updates(host: &Host<'_>) -> Result<(), Failure> {
    let said = host.boot(&["updog update"])?;
    is_up(&said, SetId::A, "1.0.0")?;
    ended(&said, "updog update", 0)?;
    is_up(&host.boot(&[])?, SetId::B, "1.1.0")
}

fn cut_install(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let record = Record::of(&host, "updog update")?;
    let mut chance = Chance(1);
    for seed in 0..CUTS {
        let after = below(&mut chance, record.log.len());
        record.cut(after, seed)?;
        record.is_whole(after, seed)?;
    }
    // One of the last cuts boots, and updates as if nothing had been.
    record.cut(record.log.len() * 2 / 3, CUTS)?;
    updates(&host)
}

fn cut_flip(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    ended(&host.boot(&["updog update-image"])?, "updog update-image", 0)?;
    let record = Record::of(&host, "updog update-apply")?;
    let next = record.cut_at_each_table_write()?;
    ensure(next == BTreeSet::from([Some(SetId::A), Some(SetId::B)]), || {
        format!("the cuts are not on both sides of the flip: {next:?}")
    })?;
    record.boots_something()
}

fn cut_selector(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, (bits(1, 0, true), bits(2, TRIES, false)))?;
    let record = Record::of(&host, "signpost status")?;
    record.cut_at_each_table_write()?;
    record.boots_something()
}

/// What a boot wrote.
struct Record<'a> {
    host: &'a Host<'a>,
    log: WriteLog,
    /// The disk before.
    base: PathBuf,
    /// Its length in sectors.
    sectors: u64,
}

impl<'a> Record<'a> {
    /// Boots, takes a step, and keeps all that was written.
    fn of(host: &'a Host<'a>, step: &str) -> Result<Self, Failure> {
        let disk = host.disk.path();
        let base = disk.with_extension("before");
        fs::copy(disk, &base).map_err(|cause| Failure::io("copy to", &base, &cause))?;
        let log = disk.with_extension("writes");
        let said = host.machine(&[step]).record(&log)?.run(&host.next_boot())?;
        says(&said, UP)?;
        ended(&said, step, 0)?;
        let length = fs::metadata(&base).map_err(|cause| Failure::io("read", &base, &cause))?.len();
        Ok(Self { host, log: WriteLog::read(&log)?, base, sectors: length / 512 })
    }

    /// Cuts the power after so many writes.
    fn cut(&self, after: usize, seed: u64) -> Result<(), Failure> {
        self.log.cut((&self.base, self.host.disk.path()), after, seed)
    }

    /// Cuts at each write from the first to the table to the last, again and again; gives what would boot next.
    fn cut_at_each_table_write(&self) -> Result<BTreeSet<Option<SetId>>, Failure> {
        let table = |sector| sector < TABLE_SECTORS || sector >= self.sectors - TABLE_SECTORS;
        let (first, last) = self
            .log
            .touching(table)
            .ok_or_else(|| Failure::new("nothing was written to the table"))?;
        let mut next = BTreeSet::new();
        for after in first..=last + 2 {
            for seed in 0..CHANCES {
                self.cut(after, seed)?;
                next.insert(self.is_whole(after, seed)?);
            }
        }
        Ok(next)
    }

    /// The disk has a table, the set that boots next holds all of its release, and so does the other if it can boot at all.
    fn is_whole(&self, after: usize, seed: u64) -> Result<Option<SetId>, Failure> {
        let disk: &SystemDisk = &self.host.disk;
        let cut =
            |why: String| Failure::new(&format!("cut after write {after}, seed {seed}: {why}"));
        let sets = disk.sets().map_err(|failure| cut(failure.to_string()))?;
        let next = choose(&sets).map(|choice| choice.set);
        ensure(next.is_some(), || cut(format!("nothing boots: {sets:?}")).to_string())?;
        for (set, version) in [(SetId::A, "1.0.0"), (SetId::B, "1.1.0")] {
            let can_boot = sets.bits(set).is_some_and(|bits| bits.is_bootable());
            let release = self.host.release(version, Flavour::Good)?;
            ensure(!can_boot || disk.holds(set, &release)?, || {
                cut(format!("set {set} can boot and is not whole: {sets:?}")).to_string()
            })?;
        }
        Ok(next)
    }

    /// Boots what is left after the first write to the table, and after the last but one.
    fn boots_something(&self) -> Result<(), Failure> {
        let table = |sector| sector < TABLE_SECTORS || sector >= self.sectors - TABLE_SECTORS;
        let (first, last) = self.log.touching(table).unwrap_or_default();
        for (after, seed) in [(first + 1, 1), (last, 2)] {
            self.cut(after, seed)?;
            let next = self.is_whole(after, seed)?.unwrap_or(SetId::A);
            let version = if next == SetId::A { "1.0.0" } else { "1.1.0" };
            is_up(&self.host.boot(&[])?, next, version)?;
        }
        Ok(())
    }
}

/// A number below another one.
fn below(chance: &mut Chance, limit: usize) -> usize {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
    usize::try_from(chance.next() % limit).unwrap_or_default()
}

//! Losing power: the machine's process is killed at a point that shows on the console, or what it wrote is replayed up to some
//! point, without what was not flushed by then.
//!
//! Replaying is quick and booting is not: each case looks at many cuts from outside, and boots a few of them.

use std::collections::BTreeSet;

use gptprio::SetId;

use super::case::{Case, Failure, ensure};
use super::expect::{bits, ended, has_ended, is_up};
use super::host::Host;
use super::host_files::TRIES;
use super::record::{Record, cuts};
use super::release::Flavour;
use super::system::SystemBench;
use super::write_log::{Chance, Cut};

/// Cuts that are looked at over a whole log.
const CUTS: usize = 40;

/// Cuts that are booted: while the set is written, from its record to the flip, and behind that; and of the new set's first boot.
const BOOTS: [usize; 3] = [4, 7, 2];
const HEALTH_BOOTS: usize = 4;

/// What is written to the disk right before the set is marked valid: its record.
const RECORD: usize = 24;

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
    Case {
        name: "power-cut-boots",
        holds: "what is left by cuts all over an update boots whole each time, and goes on with the update to its end",
        run: cut_boots,
    },
    Case {
        name: "power-cut-health",
        holds: "so does what is left by cuts of an update's first boot, until after it was marked good",
        run: cut_health,
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
    for cut in cuts(&mut Chance(1), (0, record.len()), CUTS) {
        record.is_whole(cut)?;
    }
    // One of the last cuts boots, and updates as if nothing had been.
    record.cut(Cut { after: record.len() * 2 / 3, seed: 40 })?;
    updates(&host)
}

fn cut_flip(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    ended(&host.boot(&["updog update-image"])?, "updog update-image", 0)?;
    let record = Record::of(&host, "updog update-apply")?;
    let next = record.cut_at_each_table_write()?;
    ensure(next == BTreeSet::from([SetId::A, SetId::B]), || {
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

fn cut_boots(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let record = Record::of(&host, "updog update")?;
    let (first, last) = record.table_writes()?;
    let ranges = [(0, first), (first.saturating_sub(RECORD), last + 2), (last, record.len())];
    let mut chance = Chance(2);
    let all =
        ranges.into_iter().zip(BOOTS).flat_map(|(range, count)| cuts(&mut chance, range, count));
    for (number, cut) in all.enumerate() {
        let (said, next) = record.boots(cut, &["updog update"])?;
        // In the old set the update is made, or was ready already.
        ensure(has_ended(&said, "updog update", &[0, 3]), || format!("{cut:?}:\n{said}"))?;
        if next == SetId::A && number % 2 == 0 {
            is_up(&host.boot(&[])?, SetId::B, "1.1.0")?;
        }
    }
    Ok(())
}

fn cut_health(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let said = host.boot(&["updog update"])?;
    ended(&said, "updog update", 0)?;
    let record = Record::of(&host, "updog health")?;
    let (first, last) = record.table_writes()?;
    let mut chance = Chance(3);
    let early = cuts(&mut chance, (0, record.len()), HEALTH_BOOTS / 2);
    let marks = cuts(&mut chance, (first, last + 2), HEALTH_BOOTS / 2);
    for cut in early.into_iter().chain(marks) {
        let (said, next) = record.boots(cut, &["updog health"])?;
        ensure(next == SetId::B, || format!("{cut:?}: set {next} boots"))?;
        ended(&said, "updog health", 0)?;
    }
    Ok(())
}

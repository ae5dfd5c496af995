//! A disk that fails while the machine runs, a state folder that cannot be written, and a program that is killed: something whole
//! boots, and the same command finishes the work.
//!
//! A virtio disk says of any failure "Input/output error". Want of room is that of the filesystem with the state, which the guest fills.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gptprio::SetId;
use signpost::Side;

use super::case::{Case, Failure, ensure};
use super::console::Said;
use super::expect::{are, bits, came_up, ended, ended_in_turn, has_ended, is_up, says};
use super::failing::{Failing, Fault, Request};
use super::host::Host;
use super::host_files::TRIES;
use super::release::Flavour;
use super::system::SystemBench;

const UPDATE: &str = "updog update";
const IMAGE: &str = "updog update-image";
const APPLY: &str = "updog update-apply";
const HEALTH: &str = "updog health";

/// A block of the payload that lies well within the root image.
const BLOCK: usize = 256;

/// Programs that are killed, and how often. Each run is for the other release than the one before it, so that there is always something
/// to write.
const KILLS: [&str; 2] =
    ["kill 60 updog update-image --image 1.1.0|1.2.0", "kill 60 updog update --image 1.1.0|1.2.0"];

/// How many of these runs have to be killed before they end.
const KILLED: u64 = 60;

/// More than four times what they take on a quiet machine.
const KILL_PATIENCE: Duration = Duration::from_secs(1800);

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "no-space",
        holds: "an update without room for its state fails and says so; with room the same commands finish, and a good boot needs none",
        run: no_space,
    },
    Case {
        name: "state-read-only",
        holds: "so does one whose state cannot be written",
        run: state_read_only,
    },
    Case {
        name: "write-error-in-set",
        holds: "one that cannot write a block fails, the set cannot boot, and on a disk that is well the same command finishes",
        run: write_error_in_set,
    },
    Case {
        name: "write-error-passes",
        holds: "one whose write fails once fails, and the same command in the same boot finishes",
        run: write_error_passes,
    },
    Case {
        name: "read-error-in-set",
        holds: "one that cannot read a block back fails, and the set cannot boot",
        run: read_error_in_set,
    },
    Case {
        name: "table-write-error",
        holds: "whichever copy of the table cannot be written: one that is whole boots, and the next run makes both good",
        run: table_write_error,
    },
    Case {
        name: "table-write-error-passes",
        holds: "a table whose write fails once is not taken for written by the next run in the same boot",
        run: table_write_error_passes,
    },
    Case {
        name: "flush-error",
        holds: "a flip that cannot be flushed fails, and is made by the next run",
        run: flush_error,
    },
    Case {
        name: "selector-cannot-write",
        holds: "on a disk that cannot be written a good set starts with a warning in the place of one that has to prove itself",
        run: selector_cannot_write,
    },
    Case {
        name: "health-cannot-mark",
        holds: "a new set that cannot be marked good says so and stays up, and is marked good on a disk that is well",
        run: health_cannot_mark,
    },
    Case {
        name: "dead-after-flip",
        holds: "a disk that dies right before the flip, or right after it, and loses power: the old set boots, or the new one",
        run: dead_after_flip,
    },
    Case {
        name: "killed-again-and-again",
        holds: "an update of which 120 runs are killed, at any moment, lets no half of it boot, and is made in the end",
        run: killed_again_and_again,
    },
];

fn no_space(bench: &SystemBench) -> Result<(), Failure> {
    state_fails(bench, ["fill", "free"], "No space left on device")
}

fn state_read_only(bench: &SystemBench) -> Result<(), Failure> {
    state_fails(bench, ["read-only", "read-write"], "Read-only file system")
}

/// The state cannot be written after one step, and can be after the other: while an update is written, made to boot next, and marked good.
fn state_fails(bench: &SystemBench, [bad, good]: [&str; 2], says_so: &str) -> Result<(), Failure> {
    let host = updatable(bench)?;
    let said = host.boot(&[bad, UPDATE, good, IMAGE, bad, APPLY, good, APPLY])?;
    says(&said, says_so)?;
    ended_in_turn(&said, UPDATE, &[1])?;
    ended_in_turn(&said, IMAGE, &[0])?;
    ended_in_turn(&said, APPLY, &[1, 0])?;
    ensure(host.is_whole()? == SetId::B, || "set B does not boot next".to_owned())?;
    // The ledger of boots is of use, and no condition.
    let said = host.boot(&[bad, HEALTH])?;
    is_up(&said, SetId::B, "1.1.0")?;
    ended(&said, HEALTH, 0)
}

fn write_error_in_set(bench: &SystemBench) -> Result<(), Failure> {
    fails_in_set(bench, Request::Write)
}

fn read_error_in_set(bench: &SystemBench) -> Result<(), Failure> {
    fails_in_set(bench, Request::Read)
}

/// The update fails as long as requests for a block of its set do.
fn fails_in_set(bench: &SystemBench, request: Request) -> Result<(), Failure> {
    let host = updatable(bench)?;
    let failing = Failing::new(&[Fault::at(request, sector_in_set(&host)?)]);
    let said = host.boot_failing(failing, &[UPDATE, UPDATE])?;
    is_up(&said, SetId::A, "1.0.0")?;
    says(&said, "Input/output error")?;
    ended_in_turn(&said, UPDATE, &[1, 1])?;
    cannot_boot(&host, SetId::B)?;
    finishes(&host, UPDATE)
}

fn write_error_passes(bench: &SystemBench) -> Result<(), Failure> {
    let host = updatable(bench)?;
    let failing = Failing::new(&[Fault::at(Request::Write, sector_in_set(&host)?).once()]);
    let said = host.boot_failing(failing, &[UPDATE, UPDATE])?;
    ended_in_turn(&said, UPDATE, &[1, 0])?;
    boots_new(&host)
}

fn table_write_error(bench: &SystemBench) -> Result<(), Failure> {
    let host = prepared(bench)?;
    let base = host.disk.path().with_extension("prepared");
    copy(host.disk.path(), &base)?;
    for side in [Side::Primary, Side::Backup] {
        copy(&base, host.disk.path())?;
        let fault = Fault::at(Request::Write, header(&host, side)?);
        let said = host.boot_failing(Failing::new(&[fault]), &[APPLY])?;
        ended(&said, APPLY, 1)?;
        says(&said, &format!("cannot write the {side} copy of the partition table"))?;
        host.is_whole()?;
        finishes(&host, APPLY)?;
    }
    Ok(())
}

fn table_write_error_passes(bench: &SystemBench) -> Result<(), Failure> {
    let host = prepared(bench)?;
    let fault = Fault::at(Request::Write, header(&host, Side::Primary)?).once();
    let said = host.boot_failing(Failing::new(&[fault]), &[APPLY, APPLY, "signpost status"])?;
    ended_in_turn(&said, APPLY, &[1, 0])?;
    boots_new(&host)
}

fn flush_error(bench: &SystemBench) -> Result<(), Failure> {
    let host = prepared(bench)?;
    // The table is all that this step writes.
    let step = "signpost upgrade-to-inactive";
    let failing = || Failing::new(&[Fault::every(Request::Flush)]);
    let all = failing().from(&format!("guest: step {step}")).until(&format!("{step} ended with"));
    let said = host.boot_failing(all, &[step, "signpost status"])?;
    ended(&said, step, 1)?;
    says(&said, "copy of the partition table")?;
    host.is_whole()?;
    let all = failing().from(&format!("guest: step {APPLY}"));
    ended(&host.boot_failing(all, &[APPLY])?, APPLY, 1)?;
    finishes(&host, APPLY)
}

fn selector_cannot_write(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    let (a, b) = (bits(1, TRIES, true), bits(2, TRIES, false));
    host.install("1.1.0", Flavour::Good, (a, b))?;
    let said = host.boot_failing(Failing::new(&[Fault::every(Request::Write)]), &[])?;
    says(&said, "waystone: set B did not start: its start cannot be counted")?;
    says(&said, "waystone: warning: this start is not counted")?;
    came_up(&said, SetId::A, "1.0.0")?;
    are(host.disk.sets()?, a, b)?;
    boots_new(&host)
}

fn health_cannot_mark(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, (bits(1, 0, true), bits(2, TRIES, false)))?;
    let sectors = [header(&host, Side::Primary)?, header(&host, Side::Backup)?];
    let faults = sectors.map(|sector| Fault::at(Request::Write, sector));
    let failing = Failing::new(&faults).from(&format!("guest: step {HEALTH}"));
    let said = host.boot_failing(failing, &[HEALTH, "updog status"])?;
    is_up(&said, SetId::B, "1.1.0")?;
    ended(&said, HEALTH, 1)?;
    says(&said, "copy of the partition table")?;
    are(host.disk.sets()?, bits(1, 0, true), bits(2, TRIES - 1, false))?;
    ended(&host.boot(&[HEALTH])?, HEALTH, 0)?;
    are(host.disk.sets()?, bits(1, 0, true), bits(2, TRIES, true))?;
    boots_new(&host)
}

fn dead_after_flip(bench: &SystemBench) -> Result<(), Failure> {
    let host = prepared(bench)?;
    let dead = [Request::Read, Request::Write, Request::Flush].map(Fault::every);
    let dies = |line: &str| -> Result<Said, Failure> {
        let machine = host.machine(&[APPLY, IMAGE]).failing(Failing::new(&dead).from(line));
        machine.boot(&host.next_boot(), &["guest: verdict"])
    };
    // The set was checked again, and is to boot next.
    dies("guest: ! check: ")?;
    ensure(host.is_whole()? == SetId::A, || "set A does not boot next".to_owned())?;
    dies("in set B boots next")?;
    boots_new(&host)
}

fn killed_again_and_again(bench: &SystemBench) -> Result<(), Failure> {
    let releases = [("1.1.0", Flavour::Good), ("1.2.0", Flavour::Good)];
    let host = Host::with_releases(bench, &releases)?;
    let last = "updog update --image 1.1.0";
    // Health takes the watchdog over: all this takes longer than that waits.
    let steps = [&[HEALTH], &KILLS[..], &[last]].concat();
    let said = host.machine(&steps).patience(KILL_PATIENCE).run(&host.next_boot())?;
    is_up(&said, SetId::A, "1.0.0")?;
    ensure(kills(&said) >= KILLED, || format!("{} runs were killed:\n{said}", kills(&said)))?;
    ensure(has_ended(&said, last, &[0, 3]), || format!("the update does not end:\n{said}"))?;
    boots_new(&host)
}

/// How many runs were killed.
fn kills(said: &Said) -> u64 {
    let number = |line: &str| -> Option<u64> {
        line.split_once("guest: killed ")?.1.split_once(' ')?.0.parse().ok()
    };
    said.0.iter().filter_map(|(_, line)| number(line)).sum()
}

/// A host that may take 1.1.0.
fn updatable(bench: &SystemBench) -> Result<Host<'_>, Failure> {
    Host::with_releases(bench, &[("1.1.0", Flavour::Good)])
}

/// One that has it in set B, and boots set A next.
fn prepared(bench: &SystemBench) -> Result<Host<'_>, Failure> {
    let host = updatable(bench)?;
    ended(&host.boot(&[IMAGE])?, IMAGE, 0)?;
    Ok(host)
}

/// On a disk that is well, a command comes to its end in either set, and the new one boots from a table with two good copies.
fn finishes(host: &Host<'_>, step: &str) -> Result<(), Failure> {
    let said = host.boot(&[step])?;
    ensure(has_ended(&said, step, &[0, 3]), || format!("{step} does not end:\n{said}"))?;
    boots_new(host)
}

fn boots_new(host: &Host<'_>) -> Result<(), Failure> {
    ensure(host.is_whole()? == SetId::B, || "set B does not boot next".to_owned())?;
    is_up(&host.boot(&[])?, SetId::B, "1.1.0")?;
    ensure(host.disk.is_table_whole()?, || "a copy of the table is not good".to_owned())
}

fn cannot_boot(host: &Host<'_>, set: SetId) -> Result<(), Failure> {
    let bits = host.disk.sets()?.bits(set);
    let can = bits.is_some_and(|bits| bits.is_bootable());
    ensure(!can, || format!("set {set} can boot: {bits:?}"))
}

/// A sector of set B that an update writes.
fn sector_in_set(host: &Host<'_>) -> Result<u64, Failure> {
    let [a, b] = SetId::ALL.map(|set| host.disk.parts(set).map(|parts| parts.root.start));
    Ok((host.disk.payload(SetId::A, BLOCK)? - a? + b?) / 512)
}

/// The sector with the header of a copy of the table.
fn header(host: &Host<'_>, side: Side) -> Result<u64, Failure> {
    match side {
        Side::Primary => Ok(1),
        Side::Backup => Ok(host.disk.length()? / 512 - 1),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(|cause| Failure::io("copy to", to, &cause))
}

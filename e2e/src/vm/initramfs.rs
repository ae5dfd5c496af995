//! The cases of the initial RAM filesystem, with Debian's kernel and a tiny root filesystem.

use std::fs;
use std::time::Duration;

use gptprio::{BootBits, Priority, SetId, Sets, Tries};

use super::case::{Case, Failure, ensure};
use super::console::Said;
use super::host::PATIENCE;
use super::machine::{Bus, Machine};
use super::system::SystemBench;
use super::system_disk::SystemDisk;

/// What the guest says last.
const UP: &str = "guest: verdict: up";

/// What the kernel says when a block does not verify.
const CORRUPTED: &str = "Kernel panic - not syncing: dm-verity device corrupted";

/// What the kernel says when it restarts after a panic.
const RESTARTS: &str = "Rebooting in 1 seconds..";

/// What the kernel says when its first program has ended, and keeps for the next start.
const ENDED: &str = "Kernel panic - not syncing: Attempted to kill init!";

/// Every case.
pub const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "root",
        holds: "the root of set A is verified, mounted read-only and started",
        run: root,
    },
    Case { name: "root-b", holds: "the same with set B, while set A holds nothing", run: root_b },
    Case { name: "root-nvme", holds: "the same on NVMe", run: root_nvme },
    Case {
        name: "root-by-backup",
        holds: "a bad primary partition table does not matter, to us or to the kernel",
        run: by_backup,
    },
    Case {
        name: "root-bit",
        holds: "a flipped bit in a file ends the machine when the file is read, and it restarts",
        run: root_bit,
    },
    Case {
        name: "superblock-bit",
        holds: "a flipped bit in the filesystem's first block never gets as far as a mount",
        run: superblock_bit,
    },
    Case { name: "tree-bit", holds: "so does one in a leaf of the hash tree", run: tree_bit },
    Case {
        name: "tree-top-bit",
        holds: "one in the top of the hash tree is told before anything is mounted",
        run: tree_top_bit,
    },
    Case {
        name: "restarts-without-panic-time",
        holds: "a machine restarts after corruption, even if its kernel was not told to",
        run: without_panic_time,
    },
    Case {
        name: "other-root-hash",
        holds: "an image that is not the one of the command line never runs, and both hashes are told",
        run: other_root_hash,
    },
    Case {
        name: "empty-set",
        holds: "a set without an image is named, and restarts",
        run: empty_set,
    },
    Case {
        name: "no-set-named",
        holds: "a machine that nobody told which set was started says so, and restarts",
        run: no_set_named,
    },
    Case {
        name: "no-disk",
        holds: "a machine whose disk does not come says what it saw, and restarts",
        run: no_disk,
    },
    Case {
        name: "watchdog",
        holds: "a machine that is to be up in a few seconds and is not restarts, without a watchdog of its own",
        run: watchdog,
    },
    Case {
        name: "two-disks",
        holds: "with a copy of its disk attached, a machine does not guess",
        run: two_disks,
    },
    Case {
        name: "no-first-program",
        holds: "a root without its first program is told, and restarts",
        run: no_first_program,
    },
    Case {
        name: "chain",
        holds: "firmware, selector, kernel image and root: the set that was chosen runs, and knows it",
        run: chain,
    },
    Case {
        name: "chain-bit",
        holds: "an update with a flipped bit spends its try and gives way to the old set",
        run: chain_bit,
    },
];

fn root(bench: &SystemBench) -> Result<(), Failure> {
    let said = start(bench, &bench.disk()?, "waystone.set=A -- one two")?;
    is_up(&said, SetId::A, "vda4")?;
    says(&said, "guest: version 1.0.0")?;
    says(&said, "guest: root ro erofs /dev/dm-0")?;
    says(&said, "guest: arguments one two")?;
    says(&said, "guest: read 2097152 bytes")
}

fn root_b(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    bench.fill(&disk, SetId::B)?;
    let a = disk.parts(SetId::A)?;
    [a.boot, a.root, a.hash].into_iter().try_for_each(|part| disk.clear(part))?;
    is_up(&start(bench, &disk, "waystone.set=B")?, SetId::B, "vda9")
}

fn root_nvme(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    let said = machine(bench, &disk, "waystone.set=A")?.bus(Bus::Nvme).run("1")?;
    is_up(&said, SetId::A, "nvme0n1p4")
}

fn by_backup(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    disk.flip(512 + 20)?;
    let said = start(bench, &disk, "waystone.set=A")?;
    is_up(&said, SetId::A, "vda4")?;
    says(&said, "Primary GPT is invalid, using alternate GPT")
}

fn root_bit(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    disk.flip(disk.payload(SetId::A, 400)? + 1000)?;
    let said = start(bench, &disk, "waystone.set=A")?;
    says(&said, "guest: version 1.0.0")?;
    is_stopped(&said)
}

fn superblock_bit(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    disk.flip(disk.parts(SetId::A)?.root.start + 1024 + 100)?;
    never_ran(&start(bench, &disk, "waystone.set=A")?)
}

fn tree_bit(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    // The second block of the tree is the first leaf, and that of the filesystem's first block: with so few blocks there are two levels.
    disk.flip(disk.parts(SetId::A)?.hash.start + 2 * 4096)?;
    never_ran(&start(bench, &disk, "waystone.set=A")?)
}

fn tree_top_bit(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    disk.flip(disk.parts(SetId::A)?.hash.start + 4096)?;
    let said = start(bench, &disk, "waystone.set=A")?;
    let hash = bench.system.root_hash()?;
    restarts(&said, "no disk has the image: vda: its set A has root hash ")?;
    restarts(&said, &format!(", and {hash} is to be booted"))
}

fn without_panic_time(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    disk.flip(disk.payload(SetId::A, 400)? + 1000)?;
    let line = bench.system.command_line("waystone.set=A")?.replace("panic=1 ", "");
    let said = bench.machine(disk.path(), &line)?.run("1")?;
    is_stopped(&said)
}

fn other_root_hash(bench: &SystemBench) -> Result<(), Failure> {
    let hash = bench.system.root_hash()?;
    let other: String = hash.chars().rev().collect();
    let line = bench.system.command_line("waystone.set=A")?.replace(&hash, &other);
    let said = bench.machine(bench.disk()?.path(), &line)?.run("1")?;
    restarts(&said, &format!("vda: its set A has root hash {hash}, and {other} is to be booted"))
}

fn empty_set(bench: &SystemBench) -> Result<(), Failure> {
    let said = start(bench, &bench.disk()?, "waystone.set=B")?;
    restarts(&said, "vda: the hash partition of its set B cannot be used: there is no dm-verity")
}

fn no_set_named(bench: &SystemBench) -> Result<(), Failure> {
    let said = start(bench, &bench.disk()?, "")?;
    restarts(&said, "neither the boot selector nor waystone.set= says which set was started")
}

fn no_disk(bench: &SystemBench) -> Result<(), Failure> {
    let blank = bench.folder.join("blank.img");
    fs::write(&blank, vec![0; 1 << 20]).map_err(|cause| Failure::io("write", &blank, &cause))?;
    let line = bench.system.command_line("waystone.set=A")?;
    let machine = bench.machine(&blank, &line)?.patience(Duration::from_secs(180));
    let said = machine.run("1")?;
    restarts(&said, "no disk has the image: vda: no valid partition table")?;
    let waited = said.when("cannot boot").unwrap_or_default();
    ensure(waited > Duration::from_secs(30), || format!("it gave up after {waited:?}"))
}

fn watchdog(bench: &SystemBench) -> Result<(), Failure> {
    // It would wait for its disk longer than the watchdog waits for it.
    let blank = bench.folder.join("blank.img");
    fs::write(&blank, vec![0; 1 << 20]).map_err(|cause| Failure::io("write", &blank, &cause))?;
    let line = bench.system.command_line("waystone.set=A")?;
    let line = line.replace("waystone.watchdog=300", "waystone.watchdog=5");
    let said = bench.machine(&blank, &line)?.run("1")?;
    says(&said, "waystone: the watchdog waits for 5 s")?;
    says(&said, "Kernel panic - not syncing: Software Watchdog Timer expired")?;
    ensure(!said.has("cannot boot"), || format!("it gave up before the watchdog:\n{said}"))
}

fn two_disks(bench: &SystemBench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    let copy = bench.folder.join("copy.img");
    fs::copy(disk.path(), &copy).map_err(|cause| Failure::io("write", &copy, &cause))?;
    let drive = format!("if=none,id=copy,format=raw,file={}", copy.display());
    let machine = machine(bench, &disk, "waystone.set=A")?;
    let said =
        machine.with(&["-drive", &drive, "-device", "virtio-blk-pci,drive=copy"]).run("1")?;
    restarts(&said, "more than one disk has the image: vda, vdb")
}

fn no_first_program(bench: &SystemBench) -> Result<(), Failure> {
    let said = start(bench, &bench.disk()?, "waystone.set=A init=/sbin/nothing")?;
    restarts(&said, "cannot start /sbin/nothing: No such file or directory")
}

fn chain(bench: &SystemBench) -> Result<(), Failure> {
    bench.needs_selector()?;
    let disk = bench.disk()?;
    let said = firmware(bench, &disk).run("1")?;
    says(&said, "waystone: starting set A")?;
    is_up(&said, SetId::A, "vda4")?;
    says(&said, "guest: told that set A was started")
}

fn chain_bit(bench: &SystemBench) -> Result<(), Failure> {
    bench.needs_selector()?;
    let disk = bench.disk()?;
    bench.fill(&disk, SetId::B)?;
    let bits = |priority, tries, successful| BootBits {
        priority: Priority::new(priority).unwrap_or(Priority::MAX),
        tries: Tries::new(tries).unwrap_or(Tries::MAX),
        successful,
        spent: false,
    };
    disk.store(Sets { a: bits(1, 3, true), b: Some(bits(2, 1, false)) })?;
    disk.flip(disk.payload(SetId::B, 400)? + 1000)?;
    let said = firmware(bench, &disk).run("1")?;
    says(&said, "waystone: starting set B")?;
    is_stopped(&said)?;
    let said = firmware(bench, &disk).run("2")?;
    says(&said, "waystone: starting set A")?;
    is_up(&said, SetId::A, "vda4")?;
    let (found, expected) =
        (disk.sets()?, Sets { a: bits(1, 2, true), b: Some(bits(2, 0, false)) });
    ensure(found == expected, || format!("the bits are {found:?} instead of {expected:?}"))
}

/// A machine with firmware, and memory enough for it to hold a whole boot image twice.
fn firmware(bench: &SystemBench, disk: &SystemDisk) -> Machine {
    Machine::new(&bench.folder, disk.path()).with(&["-m", "512"]).patience(PATIENCE)
}

/// A machine with this disk, whose kernel is told more than the boot image says.
fn machine(bench: &SystemBench, disk: &SystemDisk, extra: &str) -> Result<Machine, Failure> {
    bench.machine(disk.path(), &bench.system.command_line(extra)?)
}

/// Runs such a machine until it ends by itself.
fn start(bench: &SystemBench, disk: &SystemDisk, extra: &str) -> Result<Said, Failure> {
    machine(bench, disk, extra)?.run("1")
}

/// The guest runs from the right set.
fn is_up(said: &Said, set: SetId, root: &str) -> Result<(), Failure> {
    says(said, &format!("waystone: set {set}: root is {root} (erofs), verified with "))?;
    says(said, UP)
}

/// A block did not verify: the machine restarts, and the guest got no further.
fn is_stopped(said: &Said) -> Result<(), Failure> {
    says(said, CORRUPTED)?;
    says(said, RESTARTS)?;
    ensure(!said.has("guest: verdict"), || format!("the guest gave a verdict:\n{said}"))
}

/// The same, before the guest was started.
fn never_ran(said: &Said) -> Result<(), Failure> {
    is_stopped(said)?;
    ensure(!said.has("guest:"), || format!("the guest ran:\n{said}"))
}

/// The program says why it cannot boot, and restarts the machine.
fn restarts(said: &Said, why: &str) -> Result<(), Failure> {
    says(said, "waystone: cannot boot: ")?;
    says(said, why)?;
    says(said, ENDED)?;
    says(said, RESTARTS)?;
    ensure(!said.has("guest:"), || format!("the guest ran:\n{said}"))
}

fn says(said: &Said, text: &str) -> Result<(), Failure> {
    ensure(said.has(text), || format!("nobody said {text:?}:\n{said}"))
}

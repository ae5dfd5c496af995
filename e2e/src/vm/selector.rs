//! The cases of the selector, with stand-ins for kernels.

use gptprio::{BootBits, Priority, SetId, Sets, Tries, start};
use signpost::Side;

use super::case::{Bench, Case, Failure, ensure};
use super::console::Said;
use super::disk::{Content, TestDisk};
use super::kernel::StandIn;
use super::machine::{Bus, Machine};

/// What a stand-in says last.
const DONE: &str = "announce: done";

/// What the selector says last when nothing started.
const NOTHING: &str = "waystone: nothing can be started";

/// What the selector says first.
const CHOICE: &str = "waystone: starting set";

/// Every case.
pub const CASES: &[Case] = &[
    Case {
        name: "boots-a",
        holds: "a good set A boots, and the table is not touched",
        run: boots_a,
    },
    Case {
        name: "boots-b",
        holds: "an update in set B boots, its try is spent in both copies before",
        run: boots_b,
    },
    Case {
        name: "other-disks",
        holds: "the same on NVMe, on SATA, and on a disk with blocks of 4096 bytes",
        run: other_disks,
    },
    Case {
        name: "trailing-bytes",
        holds: "what lies behind the image in its partition does not matter",
        run: trailing_bytes,
    },
    Case {
        name: "unloadable",
        holds: "a set that firmware cannot load is followed by the other in the same boot",
        run: unloadable,
    },
    Case {
        name: "cut-image",
        holds: "a cut image, and one with a flipped bit, never run",
        run: cut_image,
    },
    Case {
        name: "empty-partition",
        holds: "an empty boot partition is followed by the other set in the same boot",
        run: empty_partition,
    },
    Case {
        name: "gives-up",
        holds: "an image that returns an error is followed by the other set in the same boot",
        run: gives_up,
    },
    Case {
        name: "bad-table",
        holds: "a bad primary and a bad backup table are repaired",
        run: bad_table,
    },
    Case {
        name: "stale-table",
        holds: "a backup table that a cut write left behind is made the same, and the primary counts",
        run: stale_table,
    },
    Case {
        name: "read-only",
        holds: "on a disk that cannot be written an unproven set does not start, a proven one does",
        run: read_only,
    },
    Case {
        name: "nothing-bootable",
        holds: "when no set is bootable by its bits, the one that was good boots",
        run: nothing_bootable,
    },
    Case {
        name: "both-bad",
        holds: "when both images are bad, it says so and goes back to the firmware",
        run: both_bad,
    },
    Case {
        name: "breaks-later",
        holds: "a good set that breaks gives way after its tries",
        run: breaks_later,
    },
    Case {
        name: "agrees",
        holds: "for a sample of bits, what boots and what is left is what the shared rule says",
        run: agrees,
    },
];

fn boots_a(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 0, true), BootBits::CLEAR)?;
    let before = disk.table_bytes()?;
    let said = boot(bench, &disk, "1", DONE)?;
    ran(&said, SetId::A)?;
    ensure(disk.table_bytes()? == before, || "the table was written".to_owned())
}

fn boots_b(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 3, true), bits(2, 2, false))?;
    let said = boot(bench, &disk, "1", DONE)?;
    ran(&said, SetId::B)?;
    says(&said, "announce: tries=1")?;
    says(&said, "announce: rule=chosen")?;
    left(&disk, bits(1, 3, true), bits(2, 1, false))
}

fn other_disks(bench: &Bench) -> Result<(), Failure> {
    let kinds = [("nvme", Bus::Nvme, 512), ("sata", Bus::Sata, 512), ("4096", Bus::Virtio, 4096)];
    for (name, bus, block_size) in kinds {
        let disk = bench.disk_of(block_size)?;
        fill(bench, &disk, bits(1, 3, true), bits(2, 2, false))?;
        let machine = machine(bench, &disk).bus(bus).blocks(block_size);
        let said = machine.boot(name, &[DONE, NOTHING])?;
        ran(&said, SetId::B)?;
        left(&disk, bits(1, 3, true), bits(2, 1, false))?;
    }
    Ok(())
}

fn trailing_bytes(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 0, true), BootBits::CLEAR)?;
    let image = stand_in(bench).restarts("image-A")?;
    disk.set(SetId::A, bits(1, 0, true), &Content::Followed(image))?;
    ran(&boot(bench, &disk, "1", DONE)?, SetId::A)
}

fn unloadable(bench: &Bench) -> Result<(), Failure> {
    let mut other_machine = stand_in(bench).restarts("image-B")?;
    let headers = usize::from(other_machine[0x3C]) + usize::from(other_machine[0x3D]) * 256;
    other_machine[headers + 4..headers + 6].copy_from_slice(&0xAA64_u16.to_le_bytes());
    // The machine is in the first words of the checksum; without one it reaches the firmware.
    other_machine[headers + 88..headers + 92].fill(0);
    falls_back(bench, &Content::Image(other_machine), "the firmware refuses")?;
    falls_back(bench, &Content::Image(vec![0xA5; 5000]), "no EFI program")
}

fn cut_image(bench: &Bench) -> Result<(), Failure> {
    let image = stand_in(bench).restarts("image-B")?;
    let cut = image[..image.len() / 2].to_vec();
    falls_back(bench, &Content::Image(cut), "checksum")?;
    let mut flipped = image;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    falls_back(bench, &Content::Image(flipped), "checksum")
}

fn empty_partition(bench: &Bench) -> Result<(), Failure> {
    falls_back(bench, &Content::Empty, "it is empty")
}

fn gives_up(bench: &Bench) -> Result<(), Failure> {
    let image = stand_in(bench).gives_up("image-B")?;
    falls_back(bench, &Content::Image(image), "gave up")
}

fn bad_table(bench: &Bench) -> Result<(), Failure> {
    // Some firmware, OVMF among it, repairs a bad copy before it starts anything. A stale one is left to the selector.
    for (name, side) in [("primary", Side::Primary), ("backup", Side::Backup)] {
        let disk = two_sets(bench, bits(1, 0, true), BootBits::CLEAR)?;
        disk.damage(side)?;
        ensure(!disk.is_whole()?, || "the damage does not show".to_owned())?;
        ran(&boot(bench, &disk, name, DONE)?, SetId::A)?;
        left(&disk, bits(1, 0, true), BootBits::CLEAR)?;
    }
    Ok(())
}

fn stale_table(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 0, true), bits(2, 2, false))?;
    disk.with_stale_backup(Sets { a: bits(1, 0, true), b: Some(BootBits::CLEAR) })?;
    ensure(!disk.is_whole()?, || "the damage does not show".to_owned())?;
    let said = boot(bench, &disk, "1", DONE)?;
    ran(&said, SetId::A)?;
    says(&said, "waystone: repaired the partition table")?;
    says(&said, "announce: table=repaired")?;
    left(&disk, bits(1, 0, true), BootBits::CLEAR)
}

fn read_only(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 0, true), bits(2, 2, false))?;
    let said = machine(bench, &disk).read_only().boot("1", &[DONE, NOTHING])?;
    ran(&said, SetId::A)?;
    says(&said, "set B did not start: its start cannot be counted")?;
    left(&disk, bits(1, 0, true), bits(2, 2, false))
}

fn nothing_bootable(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 0, false), bits(0, 0, true))?;
    let said = boot(bench, &disk, "1", DONE)?;
    ran(&said, SetId::B)?;
    says(&said, "waystone: no set is bootable")?;
    says(&said, "announce: rule=last-resort")?;
    left(&disk, bits(1, 0, false), bits(0, 0, true))
}

fn both_bad(bench: &Bench) -> Result<(), Failure> {
    let disk = bench.disk()?;
    disk.set(SetId::A, bits(1, 0, true), &Content::Empty)?;
    disk.set(SetId::B, bits(2, 2, false), &Content::Image(vec![0xA5; 5000]))?;
    let said = boot(bench, &disk, "1", NOTHING)?;
    says(&said, "set A did not start")?;
    says(&said, "set B did not start")?;
    ensure(!said.has("announce:"), || "an image ran".to_owned())
}

fn breaks_later(bench: &Bench) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 3, true), bits(2, 2, true))?;
    for (name, set) in [("1", SetId::B), ("2", SetId::B), ("3", SetId::A)] {
        ran(&boot(bench, &disk, name, DONE)?, set)?;
    }
    left(&disk, bits(1, 2, true), BootBits { spent: true, ..bits(2, 0, true) })
}

fn agrees(bench: &Bench) -> Result<(), Failure> {
    let sample = [
        (bits(15, 0, true), bits(15, 15, false)),
        (bits(1, 1, true), BootBits { spent: true, ..bits(2, 0, true) }),
        (bits(3, 0, false), bits(1, 4, true)),
        (
            BootBits { spent: true, ..bits(2, 0, true) },
            BootBits { spent: true, ..bits(1, 0, true) },
        ),
    ];
    for (index, (a, b)) in sample.into_iter().enumerate() {
        let disk = two_sets(bench, a, b)?;
        let sets = Sets { a, b: Some(b) };
        let (choice, after) = start(&sets).ok_or_else(|| Failure::new("nothing is bootable"))?;
        ran(&boot(bench, &disk, &index.to_string(), DONE)?, choice.set)?;
        let found = disk.sets()?;
        ensure(found == after, || format!("{sets:?} became {found:?} instead of {after:?}"))?;
    }
    Ok(())
}

/// Set B, an update with two tries, does not start; A does, in the same boot, and knows why.
fn falls_back(bench: &Bench, content: &Content, why: &str) -> Result<(), Failure> {
    let disk = two_sets(bench, bits(1, 3, true), BootBits::CLEAR)?;
    disk.set(SetId::B, bits(2, 2, false), content)?;
    let said = boot(bench, &disk, "1", DONE)?;
    ran(&said, SetId::A)?;
    says(&said, why)?;
    says(&said, "announce: rule=fallback")?;
    says(&said, "announce: failed=B ")?;
    left(&disk, bits(1, 2, true), bits(2, 1, false))
}

/// A disk with both sets, each with a stand-in that is named after it.
fn two_sets(bench: &Bench, a: BootBits, b: BootBits) -> Result<TestDisk, Failure> {
    let disk = bench.disk()?;
    fill(bench, &disk, a, b)?;
    Ok(disk)
}

fn fill(bench: &Bench, disk: &TestDisk, a: BootBits, b: BootBits) -> Result<(), Failure> {
    for (set, bits) in [(SetId::A, a), (SetId::B, b)] {
        let image = stand_in(bench).restarts(&format!("image-{set}"))?;
        disk.set(set, bits, &Content::Image(image))?;
    }
    Ok(())
}

fn stand_in(bench: &Bench) -> StandIn<'_> {
    StandIn(&bench.stand_in)
}

fn machine(bench: &Bench, disk: &TestDisk) -> Machine {
    Machine::new(&bench.folder, disk.path()).blocks(disk.block_size())
}

/// Boots until the guest says this.
fn boot(bench: &Bench, disk: &TestDisk, name: &str, until: &str) -> Result<Said, Failure> {
    machine(bench, disk).boot(name, &[until, NOTHING, DONE])
}

/// The image of a set ran, and was told that it is of this set.
fn ran(said: &Said, set: SetId) -> Result<(), Failure> {
    says(said, CHOICE)?;
    says(said, &format!("announce: image image-{set} set {set}"))
}

fn says(said: &Said, text: &str) -> Result<(), Failure> {
    ensure(said.has(text), || format!("nobody said {text:?}:\n{said}"))
}

/// Both copies of the table are good and say this.
fn left(disk: &TestDisk, a: BootBits, b: BootBits) -> Result<(), Failure> {
    ensure(disk.is_whole()?, || "a copy of the table is not good".to_owned())?;
    let (found, expected) = (disk.sets()?, Sets { a, b: Some(b) });
    ensure(found == expected, || format!("the bits are {found:?} instead of {expected:?}"))
}

fn bits(priority: u8, tries: u8, successful: bool) -> BootBits {
    BootBits {
        priority: Priority::new(priority).unwrap_or(Priority::MAX),
        tries: Tries::new(tries).unwrap_or(Tries::MAX),
        successful,
        spent: false,
    }
}

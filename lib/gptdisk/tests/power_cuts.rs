//! Power fails at every moment of a write: whatever part of the blocks in flight arrived, one whole copy is there.
//!
//! Between two flushes a disk may write its blocks in any order, and tear the one that it is at. All subsets of the
//! blocks that change are tried, and of each subset one block torn at every eighth byte.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::{Broken, Memory, Op, changed, disk};
use gptdisk::{BlockSize, Condition, Loaded, Side, Table};

/// A block that is in flight: where it goes, what was there, what is to be there.
struct Flight {
    offset: usize,
    old: Vec<u8>,
    new: Vec<u8>,
}

/// A recorded write, and the disk as it was before it.
struct Cuts {
    before: Memory,
    log: Vec<Op>,
}

impl Cuts {
    /// Calls `check` with every state that the disk may be in when power fails.
    fn each(&self, mut check: impl FnMut(&mut Memory)) {
        let mut disk = self.before.clone();
        for window in self.log.split(|op| matches!(op, Op::Flush)) {
            let blocks = in_flight(&disk, window);
            assert!(blocks.len() <= 12, "all subsets are tried, so there may not be many");
            for subset in 0..1_u32 << blocks.len() {
                each_torn(&mut disk, &blocks, subset, &mut check);
            }
            blocks.iter().for_each(|block| put(&mut disk, block.offset, &block.new));
        }
    }
}

/// One subset of the blocks in flight, whole, and with each of them torn. Leaves the disk as it was.
fn each_torn(
    disk: &mut Memory,
    blocks: &[Flight],
    subset: u32,
    check: &mut impl FnMut(&mut Memory),
) {
    let arrived: Vec<_> =
        (0..).zip(blocks).filter(|(n, _)| subset & (1 << n) != 0).map(|(_, block)| block).collect();
    arrived.iter().for_each(|block| put(disk, block.offset, &block.new));
    check(disk);
    for Flight { offset, old, new } in &arrived {
        for torn in (8..old.len()).step_by(8) {
            if new[..torn] == old[..torn] || new[torn..] == old[torn..] {
                continue; // the same as not arrived, or as whole
            }
            put(disk, offset + torn, &old[torn..]);
            check(disk);
            put(disk, *offset, new);
        }
    }
    arrived.iter().for_each(|block| put(disk, block.offset, &block.old));
}

/// The blocks that a window of writes changes.
fn in_flight(disk: &Memory, window: &[Op]) -> Vec<Flight> {
    let block = disk.size.buffer_len();
    let mut blocks = Vec::new();
    for op in window {
        let Op::Write { offset, data } = op else { continue };
        for (offset, new) in (*offset..).step_by(block).zip(data.chunks(block)) {
            let old = disk.bytes[offset..offset + block].to_vec();
            if old != new {
                blocks.push(Flight { offset, old, new: new.to_vec() });
            }
        }
    }
    blocks
}

fn put(disk: &mut Memory, offset: usize, data: &[u8]) {
    disk.bytes[offset..offset + data.len()].copy_from_slice(data);
}

/// The disk with one byte of a copy damaged; `None` for a whole disk.
fn damaged(size: BlockSize, damage: Option<(Side, bool)>) -> Memory {
    let mut disk = disk(size);
    if let Some((side, header)) = damage {
        let blocks = disk.bytes.len() / size.buffer_len();
        let block = match (side, header) {
            (Side::Primary, true) => 1,
            (Side::Primary, false) => 2,
            (Side::Backup, true) => blocks - 1,
            (Side::Backup, false) => blocks - 1 - 16_384 / size.buffer_len(),
        };
        disk.bytes[block * size.buffer_len() + 17] ^= 1;
    }
    disk
}

const DAMAGES: [Option<(Side, bool)>; 5] = [
    None,
    Some((Side::Primary, true)),
    Some((Side::Primary, false)),
    Some((Side::Backup, true)),
    Some((Side::Backup, false)),
];

/// Writes a changed table to a disk and gives the cuts of that, with the old and the new table.
fn cuts_of_a_change(mut disk: Memory) -> (Cuts, Table, Table) {
    disk.log.clear();
    let before = disk.clone();
    let mut loaded = disk.load();
    let old = loaded.table().clone();
    let new = changed(&old);
    *loaded.table_mut() = new.clone();
    loaded.write(&mut disk).unwrap();
    (Cuts { before, log: disk.log }, old, new)
}

/// What a disk says, if it says anything.
fn said(disk: &mut Memory) -> Option<Table> {
    Loaded::read(disk).ok().map(|loaded| loaded.table().clone())
}

/// How many of the states that a cut may leave have no valid copy.
fn lost(cuts: &Cuts) -> u32 {
    let mut lost = 0;
    cuts.each(|disk| lost += u32::from(said(disk).is_none()));
    lost
}

#[test]
fn every_cut_leaves_the_old_or_the_new_table() {
    let mut states = 0;
    for size in BlockSize::ALL {
        for damage in DAMAGES {
            let (cuts, old, new) = cuts_of_a_change(damaged(size, damage));
            cuts.each(|disk| {
                let table = said(disk);
                assert!(table.as_ref() == Some(&old) || table.as_ref() == Some(&new), "{damage:?}");
                states += 1;
            });
        }
    }
    assert!(states > 2000, "only {states} states were tried");
}

#[test]
fn a_cut_is_repaired_by_the_next_write_and_that_may_be_cut_as_well() {
    for size in BlockSize::ALL {
        let (cuts, old, new) = cuts_of_a_change(disk(size));
        let mut number = 0;
        cuts.each(|disk| {
            number += 1;
            if number % 17 != 0 {
                return; // the square of all would take minutes
            }
            let (again, found, next) = cuts_of_a_change(disk.clone());
            assert!(found == old || found == new);
            again.each(|disk| {
                let table = said(disk).unwrap();
                assert!(table == found || table == next);
            });
        });
    }
}

#[test]
fn once_written_the_new_table_is_in_both_copies() {
    for size in BlockSize::ALL {
        for damage in DAMAGES {
            let mut disk = damaged(size, damage);
            let mut loaded = disk.load();
            let new = changed(loaded.table());
            *loaded.table_mut() = new.clone();
            loaded.write(&mut disk).unwrap();
            assert!(loaded.is_whole());
            let again = disk.load();
            assert!(again.is_whole(), "{damage:?}");
            assert_eq!(again.table(), &new);
            assert_eq!(again, loaded);
        }
    }
}

#[test]
fn a_repair_gives_back_the_bytes_of_a_whole_disk() {
    for size in BlockSize::ALL {
        for damage in DAMAGES {
            let mut disk = damaged(size, damage);
            disk.load().write(&mut disk).unwrap();
            assert!(disk.bytes == common::disk(size).bytes, "{damage:?}");
        }
    }
}

#[test]
fn nothing_but_the_two_copies_is_touched() {
    for size in BlockSize::ALL {
        let mut disk = disk(size);
        let before = disk.bytes.clone();
        let mut loaded = disk.load();
        *loaded.table_mut() = changed(loaded.table());
        loaded.write(&mut disk).unwrap();
        let tables = 2 * size.buffer_len() + 16_384;
        let end = before.len() - 16_384 - size.buffer_len();
        assert!(before[tables..end] == disk.bytes[tables..end]);
        assert!(before[..size.buffer_len()] == disk.bytes[..size.buffer_len()], "the MBR is kept");
    }
}

/// The test of the test: with no flush between the copies, cuts are found that lose the table.
#[test]
fn without_the_flush_a_cut_loses_both_copies() {
    let (mut cuts, ..) = cuts_of_a_change(disk(BlockSize::B512));
    cuts.log.retain(|op| matches!(op, Op::Write { .. }));
    assert!(lost(&cuts) > 0);
}

/// The test of the test: with the only valid copy written first, cuts are found that lose the table.
#[test]
fn with_the_other_order_a_cut_loses_the_only_copy() {
    let bad_primary = damaged(BlockSize::B512, Some((Side::Primary, true)));
    let (mut cuts, ..) = cuts_of_a_change(bad_primary);
    let flush = cuts.log.iter().position(|op| matches!(op, Op::Flush)).unwrap();
    cuts.log.rotate_left(flush + 1);
    assert!(lost(&cuts) > 0);
}

#[test]
fn a_disk_that_fails_at_any_step_keeps_a_whole_copy_and_the_call_can_be_repeated() {
    for size in BlockSize::ALL {
        for damage in DAMAGES {
            for works_for in 0..6 {
                let mut disk = damaged(size, damage);
                let mut loaded = disk.load();
                let old = loaded.table().clone();
                let new = changed(&old);
                *loaded.table_mut() = new.clone();
                disk.works_for = works_for;
                let error = loaded.write(&mut disk).unwrap_err();
                assert!(error.to_string().ends_with(&Broken.to_string()), "{error}");
                let found = disk.load().table().clone();
                assert!(found == old || found == new, "{damage:?}, {works_for}");
                assert!(!loaded.is_whole());

                disk.works_for = usize::MAX;
                loaded.write(&mut disk).unwrap();
                assert_eq!(disk.load().table(), &new);
                assert!(disk.load().is_whole());
            }
        }
    }
}

#[test]
fn a_failed_write_goes_on_from_the_copy_that_is_whole() {
    let mut disk = disk(BlockSize::B512);
    let mut loaded = disk.load();
    *loaded.table_mut() = changed(loaded.table());
    disk.works_for = 4; // backup entries, header, flush, primary entries; then the primary header fails
    loaded.write(&mut disk).unwrap_err();
    assert_eq!(loaded.condition(Side::Primary), &Condition::Stale);
    disk.works_for = usize::MAX;
    disk.log.clear();
    loaded.write(&mut disk).unwrap();
    let Some(Op::Write { offset, .. }) = disk.log.first() else { panic!("nothing was written") };
    assert_eq!(*offset, 1024, "the torn primary copy is written first");
}

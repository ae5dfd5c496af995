//! Which copy counts, and what is said of the other.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::{Broken, LENGTH, Memory, disk, sign_header, two_sets};
use gptdisk::{BlockIo, BlockSize, Condition, Defect, EntryDefect, Fault, Loaded, ReadError, Side};

/// The block of each header on the disks here, and the first block of the entries.
fn places(disk: &Memory, side: Side) -> (u64, u64) {
    let entries = 16_384 / disk.size.bytes();
    match side {
        Side::Primary => (1, 2),
        Side::Backup => (disk.block_count() - 1, disk.block_count() - 1 - entries),
    }
}

const SIDES: [Side; 2] = [Side::Primary, Side::Backup];

/// Every pair of block size and side.
fn everywhere(mut check: impl FnMut(Memory, Side)) {
    for size in BlockSize::ALL {
        for side in SIDES {
            check(disk(size), side);
        }
    }
}

/// What reading says of one copy after `change` was made to its header and the header was signed again.
fn defect(side: Side, change: impl Fn(&mut [u8])) -> Defect {
    let mut disk = disk(BlockSize::B512);
    let at = disk.at(places(&disk, side).0);
    let header = &mut disk.bytes[at..at + 512];
    change(header);
    sign_header(header);
    match disk.load().condition(side) {
        Condition::Bad(Fault::Invalid(defect)) => defect.clone(),
        other => panic!("the {side} copy should be bad and is {other}"),
    }
}

fn put(offset: usize, value: &[u8]) -> impl Fn(&mut [u8]) {
    move |header: &mut [u8]| header[offset..offset + value.len()].copy_from_slice(value)
}

#[test]
fn a_whole_table_is_whole() {
    for size in BlockSize::ALL {
        let loaded = disk(size).load();
        assert!(loaded.is_whole() && loaded.table().backup_is_last());
        assert_eq!(loaded.table(), two_sets(size, LENGTH).table());
    }
}

#[test]
fn one_copy_with_a_bad_header_leaves_the_other() {
    everywhere(|mut disk, side| {
        let expected = disk.load().table().clone();
        let at = disk.at(places(&disk, side).0);
        disk.bytes[at + 60] ^= 1;
        let loaded = disk.load();
        assert_eq!(loaded.authority(), side.other());
        assert_eq!(loaded.condition(side.other()), &Condition::Good);
        let Condition::Bad(Fault::Invalid(Defect::HeaderChecksum { .. })) = loaded.condition(side)
        else {
            panic!("{}", loaded.condition(side));
        };
        assert_eq!(loaded.table(), &expected);
    });
}

#[test]
fn one_copy_with_bad_entries_leaves_the_other() {
    everywhere(|mut disk, side| {
        let expected = disk.load().table().clone();
        let at = disk.at(places(&disk, side).1);
        disk.bytes[at + 16_383] ^= 1;
        let loaded = disk.load();
        assert_eq!(loaded.authority(), side.other());
        let Condition::Bad(Fault::Invalid(Defect::EntriesChecksum { .. })) = loaded.condition(side)
        else {
            panic!("{}", loaded.condition(side));
        };
        assert_eq!(loaded.table(), &expected);
    });
}

#[test]
fn a_copy_that_cannot_be_read_counts_as_bad() {
    everywhere(|mut disk, side| {
        let (header, entries) = places(&disk, side);
        for block in [header, entries] {
            disk.unreadable = vec![block];
            let loaded = disk.load();
            assert_eq!(loaded.condition(side), &Condition::Bad(Fault::Unreadable(Broken)));
            assert_eq!(loaded.authority(), side.other());
        }
    });
}

#[test]
fn when_both_are_bad_each_is_told() {
    let mut disk = disk(BlockSize::B512);
    disk.unreadable = vec![1];
    let at = disk.at(places(&disk, Side::Backup).0);
    disk.bytes[at..at + 8].fill(0);
    let error = Loaded::read(&mut disk).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no valid partition table: in the primary copy it cannot be read: the disk is broken; in the backup \
         copy there is no table header in block 24575"
    );
    assert!(disk.log.is_empty());
}

#[test]
fn an_empty_disk_has_no_table() {
    for size in BlockSize::ALL {
        for blocks in [0, 1, 2, 3, 100] {
            let mut disk = Memory::zeroed(size, blocks * size.buffer_len());
            let error = Loaded::read(&mut disk).unwrap_err();
            assert_eq!(
                matches!(error, ReadError::Size { .. }),
                blocks < 3,
                "{blocks} blocks: {error}"
            );
        }
    }
}

#[test]
fn of_two_valid_copies_that_differ_the_primary_counts() {
    for size in BlockSize::ALL {
        let (mut old, mut new) = (disk(size), disk(size));
        let mut loaded = new.load();
        *loaded.table_mut() = common::changed(loaded.table());
        loaded.write(&mut new).unwrap();
        let half = old.bytes.len() / 2;
        old.bytes[half..].copy_from_slice(&new.bytes[half..]);
        let cut = old.load();
        assert_eq!(cut.table(), disk(size).load().table());
        assert_eq!(cut.condition(Side::Primary), &Condition::Good);
        assert_eq!(cut.condition(Side::Backup), &Condition::Stale);
    }
}

#[test]
fn a_primary_copy_with_bad_entries_still_tells_where_the_backup_is() {
    let mut disk = disk(BlockSize::B512);
    disk.bytes.extend(vec![0; 1 << 20]); // the disk has grown
    assert!(disk.load().is_whole() && !disk.load().table().backup_is_last());
    let at = disk.at(2);
    disk.bytes[at] ^= 1;
    assert_eq!(disk.load().authority(), Side::Backup);
}

#[test]
fn a_disk_that_shrank_is_refused_by_name() {
    let mut disk = disk(BlockSize::B512);
    disk.bytes.truncate(LENGTH - 512);
    let ReadError::NoValidCopy { primary, .. } = Loaded::read(&mut disk).unwrap_err() else {
        panic!("no copy is valid");
    };
    assert_eq!(primary, Fault::Invalid(Defect::DiskTooSmall { blocks: 24_575, stated: 24_575 }));
}

#[test]
fn every_field_of_a_header_is_checked() {
    use Side::{Backup, Primary};
    let large = u64::MAX.to_le_bytes();
    let cases: [(Side, usize, &[u8], Defect); 21] = [
        (Primary, 0, b"EFI PARK", Defect::Signature(1)),
        (Primary, 8, &0x0002_0000_u32.to_le_bytes(), Defect::Revision(0x0002_0000)),
        (Primary, 12, &91_u32.to_le_bytes(), Defect::HeaderSize(91)),
        (Primary, 12, &513_u32.to_le_bytes(), Defect::HeaderSize(513)),
        (Backup, 12, &u32::MAX.to_le_bytes(), Defect::HeaderSize(u32::MAX)),
        (Primary, 24, &2_u64.to_le_bytes(), Defect::Misplaced { found: 1, stated: 2 }),
        (Backup, 24, &1_u64.to_le_bytes(), Defect::Misplaced { found: 24_575, stated: 1 }),
        (Primary, 32, &1_u64.to_le_bytes(), Defect::Alternate(1)),
        (Primary, 32, &large, Defect::DiskTooSmall { blocks: 24_576, stated: u64::MAX }),
        (Backup, 32, &2_u64.to_le_bytes(), Defect::Alternate(2)),
        (Primary, 40, &1_u64.to_le_bytes(), Defect::UsableRange { first: 1, last: 24_542 }),
        (
            Primary,
            40,
            &24_543_u64.to_le_bytes(),
            Defect::UsableRange { first: 24_543, last: 24_542 },
        ),
        (Primary, 48, &24_575_u64.to_le_bytes(), Defect::UsableRange { first: 34, last: 24_575 }),
        (Backup, 48, &large, Defect::DiskTooSmall { blocks: 24_576, stated: u64::MAX }),
        (Primary, 72, &1_u64.to_le_bytes(), Defect::EntriesPlace { first: 1, last: 32 }),
        (Primary, 72, &3_u64.to_le_bytes(), Defect::EntriesPlace { first: 3, last: 34 }),
        (Backup, 72, &large, Defect::EntriesPlace { first: u64::MAX, last: u64::MAX }),
        (Primary, 80, &0_u32.to_le_bytes(), Defect::EntryCount(0)),
        (Backup, 80, &u32::MAX.to_le_bytes(), Defect::EntryCount(u32::MAX)),
        (Primary, 84, &132_u32.to_le_bytes(), Defect::EntrySize(132)),
        (Backup, 84, &0x8000_0000_u32.to_le_bytes(), Defect::EntrySize(0x8000_0000)),
    ];
    for (side, offset, value, expected) in cases {
        assert_eq!(defect(side, put(offset, value)), expected);
    }
}

/// Reads a disk whose primary entries were changed and signed again, and whose backup copy is gone.
fn with_entries(change: impl Fn(&mut [u8])) -> Fault<Broken> {
    let mut disk = disk(BlockSize::B512);
    let entries = &mut disk.bytes[1024..1024 + 16_384];
    change(entries);
    let checksum = crc32fast::hash(entries);
    let header = &mut disk.bytes[512..1024];
    header[88..92].copy_from_slice(&checksum.to_le_bytes());
    sign_header(header);
    let length = disk.bytes.len();
    disk.bytes[length - 512..].fill(0);
    match Loaded::read(&mut disk) {
        Err(ReadError::NoValidCopy { primary, .. }) => primary,
        other => panic!("the entries should be refused: {other:?}"),
    }
}

fn partition(index: u32, problem: EntryDefect) -> Fault<Broken> {
    Fault::Invalid(Defect::Partition { index, problem })
}

#[test]
fn partitions_lie_in_the_usable_blocks_and_apart() {
    let place = |entry: usize, first: u64, last: u64| {
        move |entries: &mut [u8]| {
            let at = entry * 128;
            entries[at + 32..at + 40].copy_from_slice(&first.to_le_bytes());
            entries[at + 40..at + 48].copy_from_slice(&last.to_le_bytes());
        }
    };
    let (first, last) = (9000, 8999);
    assert_eq!(
        with_entries(place(0, first, last)),
        partition(1, EntryDefect::Reversed { first, last })
    );
    let (first, last) = (33, 100);
    assert_eq!(
        with_entries(place(1, first, last)),
        partition(2, EntryDefect::Outside { first, last })
    );
    let (first, last) = (22_000, 24_543);
    assert_eq!(
        with_entries(place(7, first, last)),
        partition(8, EntryDefect::Outside { first, last })
    );
    let (first, last) = (0, u64::MAX);
    assert_eq!(
        with_entries(place(7, first, last)),
        partition(8, EntryDefect::Outside { first, last })
    );
    assert_eq!(with_entries(place(0, 2048, 4096)), partition(2, EntryDefect::Overlaps(1)));
    assert_eq!(with_entries(place(2, 2100, 2101)), partition(3, EntryDefect::Overlaps(1)));
}

#[test]
fn large_but_allowed_entries_are_read() {
    // 256 entries of 256 bytes: 64 KiB, which pushes the first usable block out.
    let mut disk = disk(BlockSize::B512);
    let mut entries = vec![0; 256 * 256];
    for (slot, old) in
        entries.chunks_exact_mut(256).zip(disk.bytes[1024..1024 + 1024].chunks_exact(128))
    {
        slot[..128].copy_from_slice(old);
    }
    disk.bytes[1024..1024 + entries.len()].copy_from_slice(&entries);
    let header = &mut disk.bytes[512..1024];
    header[40..48].copy_from_slice(&200_u64.to_le_bytes());
    header[80..84].copy_from_slice(&256_u32.to_le_bytes());
    header[84..88].copy_from_slice(&256_u32.to_le_bytes());
    header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
    sign_header(header);
    let mut loaded = disk.load();
    assert_eq!(loaded.authority(), Side::Primary);
    assert_eq!(loaded.table().partitions().count(), 8);
    // The backup copy now needs more room than lies before its header.
    assert_eq!(
        loaded.write(&mut disk).unwrap_err().to_string(),
        "there is no room for the backup copy of the partition table"
    );
    assert!(disk.log.is_empty());
}

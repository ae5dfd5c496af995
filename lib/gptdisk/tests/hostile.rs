//! Damaged and hostile tables: no panic, no large allocation, and what is accepted is possible.

#![allow(clippy::unwrap_used)]

mod common;

use common::{LENGTH, Memory, disk, sign_header};
use gptdisk::{BlockIo, BlockSize, Layout, Loaded, MAX_ENTRIES_BYTES, PartType};
use proptest::prelude::*;
use proptest::sample::select;

/// Numbers at which something is likely to go wrong.
fn nasty() -> impl Strategy<Value = u64> {
    prop_oneof![
        select(vec![
            0,
            1,
            2,
            33,
            34,
            127,
            128,
            4096,
            1 << 20,
            24_542,
            24_543,
            24_574,
            24_575,
            24_576
        ]),
        select(vec![
            u64::MAX,
            u64::MAX - 1,
            1 << 63,
            (1 << 63) - 1,
            1 << 32,
            u64::from(u32::MAX),
            1 << 55
        ]),
        any::<u64>(),
        0_u64..30_000,
    ]
}

/// A change of the bytes of a disk.
#[derive(Clone, Debug)]
enum Change {
    /// A field of a header, signed again afterwards.
    Header { backup: bool, offset: usize, wide: bool, value: u64 },
    /// A field of an entry, with all checksums made right again afterwards.
    Entry { backup: bool, slot: usize, offset: usize, value: u64 },
    /// A type of ours put on a partition, with all checksums made right again.
    Kind { backup: bool, slot: usize, kind: PartType },
    /// A byte anywhere near the tables.
    Byte { from_end: bool, offset: usize, value: u8 },
    /// The disk cut or grown.
    Length(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let field = (any::<bool>(), (0_usize..24).prop_map(|field| field * 4), any::<bool>(), nasty());
    let entry = (any::<bool>(), 0_usize..128, (0_usize..16).prop_map(|field| field * 8), nasty());
    prop_oneof![
        field.prop_map(|(backup, offset, wide, value)| Change::Header {
            backup,
            offset,
            wide,
            value
        }),
        entry.prop_map(|(backup, slot, offset, value)| Change::Entry {
            backup,
            slot,
            offset,
            value
        }),
        (any::<bool>(), 0_usize..16, select(PartType::ALL.to_vec()))
            .prop_map(|(backup, slot, kind)| Change::Kind { backup, slot, kind }),
        (any::<bool>(), 0_usize..20_000, any::<u8>())
            .prop_map(|(from_end, offset, value)| Change::Byte { from_end, offset, value }),
        (0_usize..2 * LENGTH).prop_map(Change::Length),
    ]
}

/// The offsets of a header and of its entries on an untouched disk.
fn places(size: BlockSize, backup: bool) -> (usize, usize) {
    let block = size.buffer_len();
    if backup { (LENGTH - block, LENGTH - block - 16_384) } else { (block, 2 * block) }
}

fn apply(disk: &mut Memory, change: &Change) {
    let size = disk.size;
    match *change {
        Change::Header { backup, offset, wide, value } => {
            let (at, _) = places(size, backup);
            let length = if wide && offset + 8 <= 92 { 8 } else { 4 };
            if let Some(header) = disk.bytes.get_mut(at..at + size.buffer_len()) {
                header[offset..offset + length].copy_from_slice(&value.to_le_bytes()[..length]);
                sign_header(header);
            }
        }
        Change::Entry { backup, slot, offset, value } => {
            edit(disk, backup, slot * 128 + offset, &value.to_le_bytes());
        }
        Change::Kind { backup, slot, kind } => {
            edit(disk, backup, slot * 128, &kind.guid().to_disk())
        }
        Change::Byte { from_end, offset, value } => {
            let length = disk.bytes.len();
            let place = if from_end { length.saturating_sub(offset + 1) } else { offset };
            if let Some(byte) = disk.bytes.get_mut(place) {
                *byte = value;
            }
        }
        Change::Length(length) => {
            disk.bytes.resize(length / size.buffer_len() * size.buffer_len(), 0)
        }
    }
}

/// Changes bytes of the entries and makes the checksums right.
fn edit(disk: &mut Memory, backup: bool, offset: usize, value: &[u8]) {
    let (header, entries) = places(disk.size, backup);
    if disk.bytes.len() < LENGTH {
        return;
    }
    disk.bytes[entries + offset..entries + offset + value.len()].copy_from_slice(value);
    let checksum = crc32fast::hash(&disk.bytes[entries..entries + 16_384]);
    let header = &mut disk.bytes[header..header + disk.size.buffer_len()];
    header[88..92].copy_from_slice(&checksum.to_le_bytes());
    sign_header(header);
}

/// Whatever was accepted is possible, and can be written and read again.
fn check(disk: &mut Memory) -> Result<(), TestCaseError> {
    let result = Loaded::read(disk);
    let bound = usize::try_from(MAX_ENTRIES_BYTES).unwrap() + disk.size.buffer_len();
    prop_assert!(disk.largest_read <= bound, "read {} bytes at once", disk.largest_read);
    let Ok(mut loaded) = result else { return Ok(()) };

    let count = disk.block_count();
    let mut ranges: Vec<_> =
        loaded.table().partitions().map(|(_, entry)| (entry.first, entry.last)).collect();
    ranges.sort_unstable();
    prop_assert!(ranges.iter().all(|(first, last)| first <= last && *last < count));
    prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
    if let Ok(layout) = Layout::of(loaded.table()) {
        let length = u64::try_from(disk.bytes.len()).unwrap();
        let private = layout.private.into_iter().chain(layout.data);
        let sets = gptprio::SetId::ALL.into_iter().filter_map(|set| layout.set(set));
        for part in sets.flat_map(|set| set.parts().map(|(_, part)| part)).chain(private) {
            prop_assert!(part.start.checked_add(part.length).is_some_and(|end| end <= length));
        }
    }
    let said = loaded.table().clone();
    if loaded.write(disk).is_ok() {
        let again = Loaded::read(disk).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(again.is_whole());
        prop_assert_eq!(again.table(), &said);
    } else {
        prop_assert!(disk.log.is_empty(), "a write that is refused writes nothing");
    }
    Ok(())
}

fn pristine(large: bool) -> Memory {
    disk(if large { BlockSize::B4096 } else { BlockSize::B512 })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_tables_are_refused_or_possible(large in any::<bool>(), changes in prop::collection::vec(change(), 1..6)) {
        let mut disk = pristine(large);
        for change in &changes {
            apply(&mut disk, change);
        }
        check(&mut disk)?;
    }

    #[test]
    fn noise_with_a_signed_header_is_refused_or_possible(
        large in any::<bool>(),
        noise in prop::collection::vec(any::<u8>(), 92),
        blocks in 3_usize..400,
    ) {
        let size = if large { BlockSize::B4096 } else { BlockSize::B512 };
        let mut disk = Memory::zeroed(size, blocks * size.buffer_len());
        let header = &mut disk.bytes[size.buffer_len()..2 * size.buffer_len()];
        header[..92].copy_from_slice(&noise);
        header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5C\0\0\0");
        header[24..32].copy_from_slice(&1_u64.to_le_bytes());
        sign_header(header);
        check(&mut disk)?;
    }
}

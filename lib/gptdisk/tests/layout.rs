//! Missing and doubled partitions.

#![allow(clippy::unwrap_used)]

mod common;

use common::{LENGTH, part, two_sets};
use gptdisk::{BlockSize, CreateError, Guid, Layout, LayoutError, NewPart, NewTable, PartType};
use gptprio::SetId;

use PartType::{Boot, Data, EfiBackup, EfiSystem, Hash, Private, Reserved, Root};

fn empty() -> NewTable {
    let length = u64::try_from(LENGTH).unwrap();
    NewTable::new(BlockSize::B512, length, Guid::from_disk([1; 16])).unwrap()
}

/// The layout of a disk with these partitions.
fn layout(kinds: &[PartType]) -> Result<Layout, LayoutError> {
    let mut table = empty();
    for (number, kind) in (1..).zip(kinds) {
        table.add(&NewPart { length: Some(512), ..part(*kind, number) }).unwrap();
    }
    Layout::of(table.table())
}

#[test]
fn the_nth_partition_of_a_type_belongs_to_the_nth_set() {
    let layout =
        layout(&[Root, Private, Boot, Boot, Hash, EfiBackup, Root, Hash, Reserved]).unwrap();
    let (a, b) = (layout.set(SetId::A).unwrap(), layout.set(SetId::B).unwrap());
    assert_eq!((a.boot.index, a.root.index, a.hash.index), (3, 1, 5));
    assert_eq!((b.boot.index, b.root.index, b.hash.index), (4, 7, 8));
    assert_eq!((a.reserved.map(|part| part.index), b.reserved), (Some(9), None));
    assert_eq!((a.efi, b.efi.map(|part| part.index)), (None, Some(6)));
}

#[test]
fn a_disk_of_one_set_is_legal() {
    let layout = layout(&[EfiSystem, Boot, Root, Hash, Data]).unwrap();
    assert!(layout.set(SetId::A).is_some() && layout.set(SetId::B).is_none());
    assert_eq!(layout.private, None);
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(layout(&[]), Err(LayoutError::NoSets));
    assert_eq!(layout(&[Private, Data, EfiSystem]), Err(LayoutError::NoSets));
    let missing = |set, part| Err(LayoutError::Missing { set, part });
    assert_eq!(layout(&[Boot, Root]), missing(SetId::A, Hash));
    assert_eq!(layout(&[Root, Hash]), missing(SetId::A, Boot));
    assert_eq!(layout(&[Boot, Root, Hash, Boot, Hash]), missing(SetId::B, Root));
    assert_eq!(layout(&[Boot, Root, Hash, Root]), missing(SetId::B, Boot));
}

#[test]
fn what_is_doubled_is_named() {
    let doubled = |part, count, most| Err(LayoutError::Doubled { part, count, most });
    let sets = [Boot, Root, Hash, Boot, Root, Hash, Private];
    let with = |part| layout(&[&sets[..], &[part]].concat());
    assert_eq!(with(Boot), doubled(Boot, 3, 2));
    assert_eq!(with(Hash), doubled(Hash, 3, 2));
    assert_eq!(with(Private), doubled(Private, 2, 1));
    assert!(with(Data).is_ok() && with(EfiSystem).is_ok());
}

#[test]
fn attributes_are_set_on_partitions_that_exist_only() {
    let mut table = two_sets(BlockSize::B512, LENGTH).table().clone();
    let before = table.clone();
    for index in [0, 9, 128, 129, u32::MAX] {
        assert!(!table.set_attributes(index, 1), "{index}");
        assert_eq!(table.partition(index), None);
    }
    assert_eq!(table, before);
    assert!(table.set_attributes(8, 1));
    assert_eq!(table.partition(8).unwrap().attributes, 1);
}

#[test]
fn a_new_table_refuses_what_does_not_fit() {
    let mut table = empty();
    let of = |length| NewPart { length: Some(length), ..part(Root, 1) };
    let (index, left) = (1, (12 << 20) - (1 << 20) - 33 * 512);
    let needed = left + 1;
    assert_eq!(table.add(&of(needed)), Err(CreateError::NoRoom { index, needed, left }));
    let needed = u64::MAX;
    assert_eq!(table.add(&of(needed)), Err(CreateError::NoRoom { index, needed, left }));
    assert_eq!(table.add(&of(0)), Err(CreateError::Empty(1)));
    let long = NewPart { name: "x".repeat(37), ..of(1) };
    assert_eq!(table.add(&long), Err(CreateError::Name(1)));
    assert_eq!(table, empty(), "a refused partition leaves no trace");
    assert_eq!(table.add(&of(left)).map(|range| range.length), Ok(left));
    let nothing = NewPart { length: None, ..of(1) };
    assert!(matches!(table.add(&nothing), Err(CreateError::NoRoom { index: 2, .. })));
}

#[test]
fn a_disk_too_small_for_a_table_is_refused() {
    for size in BlockSize::ALL {
        for length in [0, 512, 16_384, 34_000, u64::MAX] {
            let new = NewTable::new(size, length, Guid::from_disk([1; 16]));
            assert_eq!(new, Err(CreateError::Size(length)));
        }
    }
}

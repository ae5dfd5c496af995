//! The library on disks that sgdisk made.

#![allow(clippy::unwrap_used)]

mod common;

use cli::{Classify, Kind};
use common::{BOOT_A, BOOT_B, Image, PRIVATE, assert_verifies, sgdisk_is_there};
use signpost::{Access, Disk, Error, SetId, Stored, Tries};

#[test]
fn the_layout_is_that_of_the_table() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let disk = Disk::open(&image.path, Access::Read).unwrap();
    let indices = |set| {
        let layout = disk.layout().set(set).unwrap();
        layout.parts().map(|(name, part)| (name, part.index)).collect::<Vec<_>>()
    };
    let names = ["efi", "boot", "root", "hash", "reserved"];
    assert_eq!(indices(SetId::A), names.into_iter().zip(2..).collect::<Vec<_>>());
    assert_eq!(indices(SetId::B), names.into_iter().zip(7..).collect::<Vec<_>>());
    let root = disk.layout().set(SetId::B).unwrap().root;
    assert_eq!((root.start % (1 << 20), root.length), (0, 8 << 20));
    assert_eq!(disk.layout().private.map(|part| part.index), Some(PRIVATE));
}

#[test]
fn an_update_ends_in_the_bits_that_the_format_says() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let mut disk = Disk::open(&image.path, Access::Write).unwrap();
    let state = disk.state(SetId::A);
    let prepared = state.clear_inactive().unwrap().mark_inactive_valid(Tries::ONE).unwrap();
    assert_eq!(disk.store(&prepared).unwrap(), Stored::Written);
    let flipped = disk.state(SetId::A).upgrade_to_inactive().unwrap();
    disk.store(&flipped).unwrap();
    disk.store(&disk.state(SetId::A).mark_successful_boot().unwrap()).unwrap();
    drop(disk);
    assert_eq!(image.attributes(BOOT_A), 1 << 48 | 1 << 56);
    assert_eq!(image.attributes(BOOT_B), 2 << 48 | 1 << 52);
    assert_eq!(image.attributes(PRIVATE), 1 << 57);
    assert_verifies(&image.path);
}

#[test]
fn bits_that_are_not_ours_survive() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    image.set_bits(BOOT_B, &[0, 2, 47, 57, 60, 63]);
    let before = image.attributes(BOOT_B);
    let mut disk = Disk::open(&image.path, Access::Write).unwrap();
    let marked = disk.state(SetId::A).mark_inactive_valid(Tries::MAX).unwrap();
    disk.store(&marked).unwrap();
    assert_eq!(image.attributes(BOOT_B), before | 15 << 52);
}

#[test]
fn storing_what_is_there_writes_nothing() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let mut disk = Disk::open(&image.path, Access::Write).unwrap();
    let before = (image.bytes(), std::fs::metadata(&image.path).unwrap().modified().unwrap());
    assert_eq!(disk.store(&disk.state(SetId::A)).unwrap(), Stored::Unchanged);
    let after = (image.bytes(), std::fs::metadata(&image.path).unwrap().modified().unwrap());
    assert!(before == after);
}

#[test]
fn a_second_writer_is_told_to_try_again_and_readers_are_not_kept_out() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let first = Disk::open(&image.path, Access::Write).unwrap();
    let error = Disk::open(&image.path, Access::Write).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Temporary);
    assert!(error.to_string().contains("disk.img"));
    Disk::open(&image.path, Access::Read).unwrap();
    drop(first);
    Disk::open(&image.path, Access::Write).unwrap();
}

#[test]
fn a_disk_opened_for_reading_is_not_changed() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let mut disk = Disk::open(&image.path, Access::Read).unwrap();
    let state = disk.state(SetId::A).mark_successful_boot().unwrap();
    let error = disk.store(&state).unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
}

#[test]
fn a_state_for_a_disk_with_other_sets_is_not_stored() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let mut disk = Disk::open(&image.path, Access::Write).unwrap();
    let mut state = disk.state(SetId::A);
    state.sets.b = None;
    let before = image.bytes();
    assert!(matches!(disk.store(&state).unwrap_err(), Error::OtherSets { set: SetId::B, .. }));
    assert!(before == image.bytes());
}

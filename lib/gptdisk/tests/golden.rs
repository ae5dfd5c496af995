//! Tables made by other tools are read, and ours pass theirs.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::Cursor;
use std::process::Command;

use common::{LENGTH, Memory, changed, disk, two_sets};
use gptdisk::{BlockSize, Layout, PartRange, PartType, Side};
use gptprio::{BootBits, EVER_SUCCEEDED, SetId};

/// What `golden/make.sh` kept of the disk that sgdisk made.
const GOLDEN: &[u8] = include_bytes!("golden/sgdisk.bin");

/// The whole disk.
fn golden() -> Memory {
    let mut disk = Memory::zeroed(BlockSize::B512, 48 << 20);
    let (start, backup_header) = GOLDEN.split_at(7 * 512);
    let entries = start[1024..].to_vec();
    let end = disk.bytes.len();
    disk.bytes[..start.len()].copy_from_slice(start);
    disk.bytes[end - 33 * 512..][..entries.len()].copy_from_slice(&entries);
    disk.bytes[end - 512..].copy_from_slice(backup_header);
    disk
}

#[test]
fn a_table_made_by_sgdisk_is_read_whole() {
    let loaded = golden().load();
    assert!(loaded.is_whole() && loaded.table().backup_is_last());
    let table = loaded.table();
    assert_eq!(table.disk().to_string(), "0d15c000-0000-4000-8000-0000000000d1");
    assert_eq!(table.partitions().count(), 13);
    let (_, boot) = table.partitions().nth(2).unwrap();
    assert_eq!(boot.name(), "BOTTLEROCKET-BOOT-A");
    assert_eq!(boot.id.to_string(), "0d15c000-0000-4000-8000-000000000003");
    assert_eq!((boot.first, boot.last), (8192, 16_383));
    assert_eq!(boot.attributes, 1 << 2 | 1 << 48 | 1 << 56);
}

#[test]
fn the_parts_of_a_bottlerocket_disk_are_told_apart() {
    let loaded = golden().load();
    let table = loaded.table();
    let layout = Layout::of(table).unwrap();
    let bits = |set| {
        let boot = layout.set(set).unwrap().boot;
        BootBits::from_attributes(table.partition(boot.index).unwrap().attributes)
    };
    let show = |bits: BootBits| (bits.priority.value(), bits.tries.value(), bits.successful);
    assert_eq!(show(bits(SetId::A)), (1, 0, true));
    assert_eq!(show(bits(SetId::B)), (2, 3, false));
    let private = layout.private.unwrap();
    assert_eq!(private.index, 12);
    assert_eq!(table.partition(12).unwrap().attributes, EVER_SUCCEEDED);
    let root = layout.set(SetId::B).unwrap().root;
    assert_eq!(root, PartRange { index: 9, start: 24 << 20, length: 8 << 20 });
    assert_eq!(layout.set(SetId::A).unwrap().efi.map(|part| part.index), Some(2));
    assert_eq!(layout.set(SetId::B).unwrap().efi.map(|part| part.index), Some(7));
    assert_eq!(layout.set_of(10), Some(SetId::B));
    assert_eq!(layout.set_of(12), None);
}

#[test]
fn writing_a_table_of_sgdisk_unchanged_gives_the_same_bytes() {
    let mut disk = golden();
    disk.load().write(&mut disk).unwrap();
    assert!(disk.bytes == golden().bytes);
}

/// Asserts that sgdisk finds no problem with a disk of 512-byte blocks; says loudly if it is not there to be asked.
fn assert_sgdisk_is_content(disk: &Memory) {
    if Command::new("sgdisk").arg("--version").output().is_err() {
        eprintln!(
            "!!! SKIPPED: sgdisk is not installed, so what we write was not checked (apt install gdisk)"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk.img");
    fs::write(&path, &disk.bytes).unwrap();
    let output = Command::new("sgdisk").arg("--verify").arg(&path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("No problems found"), "{text}");
}

#[test]
fn sgdisk_has_nothing_to_complain_about_in_a_new_table() {
    assert_sgdisk_is_content(&disk(BlockSize::B512));
}

#[test]
fn sgdisk_has_nothing_to_complain_about_after_a_change_and_a_repair() {
    let mut disk = golden();
    disk.bytes[600] ^= 1;
    let mut loaded = disk.load();
    assert_eq!(loaded.authority(), Side::Backup);
    let table = loaded.table_mut();
    for index in [3, 8] {
        let bits = BootBits { successful: true, ..BootBits::CLEAR };
        let attributes = table.partition(index).unwrap().attributes;
        assert!(table.set_attributes(index, bits.write_to(attributes)));
    }
    loaded.write(&mut disk).unwrap();
    assert_sgdisk_is_content(&disk);
}

#[test]
fn gptman_reads_what_we_write_with_either_block_size() {
    for size in BlockSize::ALL {
        let mut disk = disk(size);
        let mut loaded = disk.load();
        *loaded.table_mut() = changed(loaded.table());
        loaded.write(&mut disk).unwrap();
        for damaged in [None, Some(size.buffer_len())] {
            let mut bytes = disk.bytes.clone();
            if let Some(place) = damaged {
                bytes[place] ^= 1; // the primary header, so that gptman takes the backup
            }
            let gpt = gptman::GPT::read_from(&mut Cursor::new(bytes), size.bytes()).unwrap();
            for (index, entry) in loaded.table().partitions() {
                let theirs = &gpt[index];
                assert_eq!(theirs.partition_type_guid, entry.kind.to_disk());
                assert_eq!((theirs.starting_lba, theirs.ending_lba), (entry.first, entry.last));
                assert_eq!(theirs.attribute_bits, entry.attributes);
                assert_eq!(theirs.partition_name.as_str(), entry.name());
            }
        }
    }
}

#[test]
fn a_table_made_by_gptman_is_read_with_either_block_size() {
    for size in BlockSize::ALL {
        let mut disk = Memory::zeroed(size, LENGTH);
        let mut cursor = Cursor::new(&mut disk.bytes);
        let mut gpt = gptman::GPT::new_from(&mut cursor, size.bytes(), [7; 16]).unwrap();
        gpt.align = 8;
        let parts = [PartType::Boot, PartType::Root, PartType::Hash, PartType::Private];
        for (index, kind) in (1..).zip(parts) {
            let starting_lba = gpt.find_first_place(4).unwrap();
            gpt[index] = gptman::GPTPartitionEntry {
                partition_type_guid: kind.guid().to_disk(),
                unique_partition_guid: kind.guid().to_disk(),
                starting_lba,
                ending_lba: starting_lba + 3,
                attribute_bits: 5 << 48,
                partition_name: "theirs".into(),
            };
        }
        gpt.write_into(&mut cursor).unwrap();
        let loaded = disk.load();
        assert!(loaded.is_whole());
        let layout = Layout::of(loaded.table()).unwrap();
        assert_eq!(layout.set(SetId::A).unwrap().root.length, 4 * size.bytes());
        assert_eq!(layout.set(SetId::B), None);
    }
}

#[test]
fn partitions_of_a_new_table_start_at_mebibytes() {
    for size in BlockSize::ALL {
        let table = two_sets(size, LENGTH);
        let block = size.bytes();
        let starts: Vec<u64> =
            table.table().partitions().map(|(_, entry)| entry.first * block).collect();
        assert_eq!(starts, (1..=8).map(|n| n << 20).collect::<Vec<_>>());
        let (_, last) = table.table().partitions().last().unwrap();
        assert_eq!(last.last, table.table().usable().1, "data takes what is left");
    }
}

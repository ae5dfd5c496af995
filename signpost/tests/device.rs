//! The program on real block devices: loop devices, where the machine lets us have one.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{BOOT_A, BOOT_B, Image, PRIVATE, sgdisk, sgdisk_is_there};
use signpost::{Access, Disk, SetId, Stored};

/// A loop device, given back at the end.
struct Loop(PathBuf);

impl Loop {
    /// Attaches a file with blocks of this size; says loudly if the machine does not allow it.
    fn attach(file: &Path, block_size: &str) -> Option<Self> {
        let mut command = Command::new("losetup");
        command.args(["--find", "--show", "--sector-size", block_size]).arg(file);
        match command.output() {
            Ok(output) if output.status.success() => {
                Some(Self(String::from_utf8(output.stdout).unwrap().trim().into()))
            }
            _ => {
                eprintln!(
                    "!!! SKIPPED: no loop device to be had, so block devices were not tried (needs root)"
                );
                None
            }
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.0).status();
    }
}

fn try_on(device: &Path) {
    let mut disk = Disk::open(device, Access::Write).unwrap();
    let state = disk.state(SetId::A).mark_successful_boot().unwrap();
    assert_eq!(disk.store(&state).unwrap(), Stored::Written);
    let valid = disk.state(SetId::A).mark_inactive_valid(signpost::Tries::MAX).unwrap();
    disk.store(&valid).unwrap();
    let again = Disk::open(device, Access::Write).unwrap_err();
    assert!(matches!(again, signpost::Error::Locked { .. }), "{again}");
}

#[test]
fn a_device_with_blocks_of_512_bytes() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let Some(device) = Loop::attach(&image.path, "512") else { return };
    try_on(&device.0);
    drop(device);
    assert_eq!(image.attributes(BOOT_A), 1 << 48 | 1 << 56);
    assert_eq!(image.attributes(BOOT_B), 15 << 52);
    assert_eq!(image.attributes(PRIVATE), 1 << 57);
    common::assert_verifies(&image.path);
}

#[test]
fn a_device_with_blocks_of_4096_bytes() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::large_blocks();
    let Some(device) = Loop::attach(&image.path, "4096") else { return };
    try_on(&device.0);
    let text = sgdisk(&device.0, &["--verify".to_owned()]);
    assert!(text.contains("No problems found"), "{text}");
    let text = sgdisk(&device.0, &[format!("--info={BOOT_A}")]);
    assert!(text.contains("Attribute flags: 0101000000000000"), "{text}");
}

/// A page cache is ahead of its medium after a write that failed; here it is behind, which is the same to a reader.
#[test]
fn what_the_medium_says_counts_and_not_the_page_cache() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::factory();
    let Some(device) = Loop::attach(&image.path, "512") else { return };
    // As long as somebody has it open, as partitions that are mounted do, the pages stay.
    let held = File::open(&device.0).unwrap();
    let mut pages = vec![0; 1 << 20];
    for place in [0, common::LENGTH - (1 << 20)] {
        held.read_exact_at(&mut pages, place).unwrap();
    }
    let mut medium = Disk::open(&image.path, Access::Write).unwrap();
    let old = medium.sets();
    let state = medium.state(SetId::A).mark_inactive_valid(signpost::Tries::MAX).unwrap();
    assert_eq!(medium.store(&state).unwrap(), Stored::Written);
    assert_ne!(old, medium.sets());
    for access in [Access::Read, Access::Write] {
        let found = Disk::open(&device.0, access).unwrap();
        assert_eq!(found.sets(), medium.sets(), "{access:?}");
    }
}

//! Disks made of builds.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use world::{World, build, tool};

const DISK: [&str; 6] = ["disk", "--parts", "out", "--out", "disk.img", "--json"];

fn built() -> World {
    let world = World::new();
    world.build("rootfs.tar", "out");
    world
}

/// The bytes of a partition.
fn partition(disk: &Path, report: &serde_json::Value, label: &str) -> Vec<u8> {
    let partitions = report["partitions"].as_array().unwrap();
    let part = partitions.iter().find(|part| part["label"] == label).unwrap();
    let mut file = File::open(disk).unwrap();
    file.seek(SeekFrom::Start(part["start"].as_u64().unwrap())).unwrap();
    let mut bytes = Vec::new();
    file.take(part["length"].as_u64().unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn sgdisk_has_nothing_to_complain_about() {
    let world = built();
    world.done(&DISK);
    let disk = world.path("disk.img");
    let said = tool("sgdisk", "gdisk", &["--verify", disk.to_str().unwrap()]);
    assert!(said.contains("No problems found"), "{said}");
    let info = |number: &str| tool("sgdisk", "gdisk", &["-i", number, disk.to_str().unwrap()]);
    assert!(info("3").contains("Attribute flags: 0101000000000000"), "priority 1, successful");
    assert!(info("8").contains("Attribute flags: 0000000000000000"), "nothing");
    assert!(info("3").contains("6B636168-7420-6568-2070-6C616E657421"));
    assert!(info("7").contains("B39CE39C-0A00-B4AB-2D11-F18F8237A21C"));
}

#[test]
fn partitions_lie_in_the_order_of_the_format() {
    let world = built();
    let report: serde_json::Value = serde_json::from_str(&world.done(&DISK)).unwrap();
    let labels: Vec<&str> = report["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["label"].as_str().unwrap())
        .collect();
    let names = ["EFI", "BOOT", "ROOT", "HASH", "RESERVED"];
    let sets = ["A", "B"].map(|set| names.map(|name| format!("WAYSTONE-{name}-{set}"))).concat();
    let wanted = [
        &["WAYSTONE-FIRMWARE".to_owned()],
        &sets[..],
        &["PRIVATE", "DATA"].map(|name| format!("WAYSTONE-{name}")),
    ]
    .concat();
    assert_eq!(labels, wanted);
    let facts = world.done(&["inspect", "disk.img", "--json"]);
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    assert_eq!((&facts["kind"], &facts["sets"]), (&"disk".into(), &2.into()));
    assert_eq!((&facts["primary"], &facts["backup"]), (&"good".into(), &"good".into()));
}

#[test]
fn set_a_holds_the_images_and_set_b_nothing() {
    let world = built();
    let report: serde_json::Value = serde_json::from_str(&world.done(&DISK)).unwrap();
    let disk = world.path("disk.img");
    for name in ["boot", "root", "hash"] {
        let image = fs::read(world.path(&format!("out/{name}.img"))).unwrap();
        let label = format!("WAYSTONE-{}", name.to_uppercase());
        let a = partition(&disk, &report, &format!("{label}-A"));
        assert!(a.starts_with(&image) && a[image.len()..].iter().all(|byte| *byte == 0), "{name}");
        let b = partition(&disk, &report, &format!("{label}-B"));
        assert!(b.iter().all(|byte| *byte == 0), "{name}");
    }
}

#[test]
fn filesystems_of_the_disk_are_whole() {
    let world = built();
    fs::write(world.path("loader.efi"), b"MZ loader").unwrap();
    let report = world.done(&[&DISK[..], &["--efi-binary", "loader.efi"]].concat());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let part = world.path("part");
    for name in ["PRIVATE", "DATA"] {
        fs::write(&part, partition(&world.path("disk.img"), &report, &format!("WAYSTONE-{name}")))
            .unwrap();
        tool("e2fsck", "e2fsprogs", &["-f", "-n", part.to_str().unwrap()]);
    }
    for set in ["A", "B"] {
        fs::write(
            &part,
            partition(&world.path("disk.img"), &report, &format!("WAYSTONE-EFI-{set}")),
        )
        .unwrap();
        tool("fsck.vfat", "dosfstools", &["-n", part.to_str().unwrap()]);
        let listed = tool("mdir", "mtools", &["-/", "-b", "-i", part.to_str().unwrap(), "::"]);
        assert!(listed.contains("::/EFI/BOOT/BOOTX64.EFI"), "{listed}");
    }
}

#[test]
fn a_second_disk_has_the_same_bytes() {
    let world = built();
    world.done(&DISK);
    let first = fs::read(world.path("disk.img")).unwrap();
    world.done(&DISK);
    assert!(fs::read(world.path("disk.img")).unwrap() == first);
    let guid = "11111111-2222-4333-8444-555555555555";
    let report = world.done(&[&DISK[..], &["--disk-guid", guid]].concat());
    assert!(report.contains(guid));
    assert!(fs::read(world.path("disk.img")).unwrap() != first);
}

#[test]
fn a_disk_takes_no_more_room_than_what_is_in_it() {
    let world = built();
    world.done(&[&DISK[..], &["--leave-empty"]].concat());
    let metadata = world.path("disk.img").metadata().unwrap();
    assert!(metadata.len() > 100 << 20);
    assert!(metadata.blocks() * 512 < 8 << 20, "{} blocks", metadata.blocks());
}

#[test]
fn parts_that_are_not_those_of_the_report_are_refused() {
    for (name, what) in [("root.img", "digest"), ("hash.img", "digest"), ("boot.img", "bytes")] {
        let world = built();
        let path = world.path(&format!("out/{name}"));
        let mut bytes = fs::read(&path).unwrap();
        if what == "digest" {
            bytes[5000] ^= 1;
        } else {
            bytes.push(0);
        }
        fs::write(&path, bytes).unwrap();
        let said = world.fails(4, &DISK);
        assert!(said.contains(&format!("{name} is not the image of the build report")), "{said}");
        assert!(!world.path("disk.img").exists());
        assert_eq!(world.names(), ["image.toml", "out", "rootfs.tar"]);
    }
}

#[test]
fn a_truncated_part_is_refused() {
    let world = built();
    let path = world.path("out/root.img");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(world.fails(4, &DISK).contains("has 3"), "its length is told");
    fs::remove_file(&path).unwrap();
    assert!(world.fails(1, &DISK).contains("cannot read out/root.img"));
}

#[test]
fn hostile_reports_are_refused() {
    for (from, to, wanted) in [
        ("\"root.img\"", "\"../image.toml\"", "no file beside it"),
        ("\"format\": 1", "\"format\": 2", "format 2"),
        ("\"format\": 1", "\"colour\": 1", "not a valid build report"),
        ("\"root_bytes\": 25165824", "\"root_bytes\": 4096", "its partition 4096"),
        (
            "\"data_bytes\": 8388608",
            "\"data_bytes\": 18446744073709551615",
            "cannot lay out the disk",
        ),
    ] {
        let world = built();
        let path = world.path("out/build-report.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let said = world.fails(4, &DISK);
        assert!(said.contains(wanted), "{wanted}: {said}");
        assert!(!world.path("disk.img").exists());
    }
}

#[test]
fn a_disk_is_never_written_to_a_folder_or_device() {
    let world = built();
    fs::create_dir(world.path("folder")).unwrap();
    for out in ["folder", "/dev/null"] {
        let said = world.fails(4, &["disk", "--parts", "out", "--out", out]);
        assert!(said.contains("is not a regular file"), "{said}");
    }
    let other = World::new();
    other.done(&build("rootfs.tar", "out"));
    assert!(
        other.fails(1, &["disk", "--parts", "nothing", "--out", "x"]).contains("build-report.json")
    );
}

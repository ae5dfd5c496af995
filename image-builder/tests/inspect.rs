//! What inspect tells of each kind of file.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;

use serde_json::Value;
use world::World;

fn facts(world: &World, path: &str) -> Value {
    serde_json::from_str(&world.done(&["inspect", path, "--json"])).unwrap()
}

#[test]
fn files_of_a_build_are_told_by_their_content() {
    let world = World::new();
    let report = world.build("rootfs.tar", "out");
    let root_hash = &report["verity"]["root_hash"];
    let boot = facts(&world, "out/boot.img");
    assert_eq!((&boot["kind"], &boot["boot_image"]), (&"efi-program".into(), &true.into()));
    assert_eq!((&boot["version"], &boot["variant"]), (&"1.0.0".into(), &"test".into()));
    assert_eq!((&boot["root_hash"], &boot["trailing_bytes"]), (root_hash, &0.into()));
    assert_eq!(boot["command_line"], report["command_line"]);
    let hash = facts(&world, "out/hash.img");
    assert_eq!((&hash["kind"], &hash["root_hash"]), (&"hash-image".into(), root_hash));
    assert_eq!(hash["data_blocks"], report["verity"]["data_blocks"]);
    let root = facts(&world, "out/root.img");
    assert_eq!((&root["kind"], &root["filesystem"]), (&"filesystem".into(), &"erofs".into()));
    assert_eq!(root["length"], report["images"]["root"]["raw"]["length"]);
    let frame = facts(&world, "out/root.img.lz4");
    assert_eq!((&frame["kind"], &frame["content_checksum"]), (&"lz4-frame".into(), &false.into()));
    assert_eq!(frame["content_bytes"], report["images"]["root"]["raw"]["length"]);
    let build = facts(&world, "out");
    assert_eq!((&build["kind"], &build["report"]), (&"build".into(), &report));
    world.spec("filesystem = 'ext4'");
    let report = world.build("rootfs.tar", "out");
    let root = facts(&world, "out/root.img");
    assert_eq!((&root["filesystem"], &root["block_bytes"]), (&"ext4".into(), &4096.into()));
    assert_eq!(root["length"], report["images"]["root"]["raw"]["length"]);
    for path in ["out", "out/boot.img", "out/hash.img", "out/root.img", "out/root.img.lz4"] {
        assert!(world.done(&["inspect", path]).lines().count() > 1, "{path} as people read it");
    }
}

#[test]
fn what_lies_beyond_a_boot_image_is_told() {
    let world = World::new();
    world.build("rootfs.tar", "out");
    let mut bytes = fs::read(world.path("out/boot.img")).unwrap();
    bytes.extend([0; 77]);
    fs::write(world.path("longer"), bytes).unwrap();
    assert_eq!(facts(&world, "longer")["trailing_bytes"], 77);
}

#[test]
fn a_build_with_missing_files_is_told_as_such() {
    let world = World::new();
    world.build("rootfs.tar", "out");
    fs::remove_file(world.path("out/root.img")).unwrap();
    fs::write(world.path("out/hash.img"), "short").unwrap();
    let said = world.done(&["inspect", "out"]);
    assert!(said.contains("missing        root.img"), "{said}");
    assert!(said.contains("wrong length   hash.img: 5 bytes"), "{said}");
}

#[test]
fn one_bad_copy_of_a_table_is_told() {
    let world = World::new();
    world.build("rootfs.tar", "out");
    world.done(&["disk", "--parts", "out", "--out", "disk.img", "-q"]);
    let mut bytes = fs::read(world.path("disk.img")).unwrap();
    let last = bytes.len() - 512 + 40;
    bytes[last] ^= 1;
    fs::write(world.path("disk.img"), bytes).unwrap();
    let facts = facts(&world, "disk.img");
    assert_eq!(facts["primary"], "good");
    assert!(facts["backup"].as_str().unwrap().starts_with("bad: "), "{facts}");
}

#[test]
fn other_files_and_damaged_ones_are_errors_and_no_panics() {
    let world = World::new();
    world.build("rootfs.tar", "out");
    fs::write(world.path("empty"), "").unwrap();
    assert!(world.fails(1, &["inspect", "empty"]).contains("is none of"));
    assert!(world.fails(1, &["inspect", "image.toml"]).contains("is none of"));
    assert!(world.fails(1, &["inspect", "."]).contains("is none of"));
    assert!(world.fails(1, &["inspect", "nothing"]).contains("cannot read nothing"));
    for (name, keep, wanted) in [
        ("boot.img", 300, "begins like an EFI program"),
        ("boot.img", 100_000, "begins like an EFI program"),
        ("hash.img", 4096, "begins like a hash image"),
        ("hash.img", 100, "begins like a hash image"),
    ] {
        let bytes = fs::read(world.path(&format!("out/{name}"))).unwrap();
        fs::write(world.path("cut"), &bytes[..keep]).unwrap();
        let said = world.fails(1, &["inspect", "cut"]);
        assert!(said.contains(wanted), "{name} {keep}: {said}");
    }
}

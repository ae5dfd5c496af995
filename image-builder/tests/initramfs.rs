//! The initial RAM filesystem that the program puts together.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;

use image_builder::uki::Image;
use world::{Entry, World, build, usual};

const INITRAMFS: [&str; 7] =
    ["initramfs", "--spec", "image.toml", "--rootfs", "rootfs.tar", "--out", "initramfs.img"];

/// The first bytes of a static ELF program.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (bytes[16], bytes[18], bytes[20], bytes[32]) = (2, 62, 1, 64);
    (bytes[52], bytes[54], bytes[56], bytes[64]) = (64, 56, 1, 1);
    bytes
}

/// A root filesystem with modules of one kernel, and a spec with a made initial RAM filesystem.
fn world(table: &str) -> World {
    let world = World::new();
    let dep = "kernel/fs/efivarfs.ko:\nkernel/dm-verity.ko: kernel/dm-mod.ko\nkernel/dm-mod.ko:\n\
               kernel/fs/erofs.ko:\n";
    let folder = "./usr/lib/modules/6.1.0-test";
    let mut entries = usual();
    entries.push(Entry::symlink("./lib", "usr/lib"));
    entries.push(Entry::file(&format!("{folder}/modules.dep"), dep));
    for path in dep.lines().filter_map(|line| line.split(':').next()) {
        entries.push(Entry::file(&format!("{folder}/{path}"), path));
    }
    world.tar("rootfs.tar", &entries);
    fs::write(world.path("init"), program()).unwrap();
    let spec = fs::read_to_string(world.path("image.toml")).unwrap();
    let spec = spec.replace("initramfs = 'boot/initrd'", &format!("initramfs = {{ {table} }}"));
    fs::write(world.path("image.toml"), spec).unwrap();
    world
}

#[test]
fn the_boot_image_holds_the_same_as_the_command_makes() {
    let world = world("program = 'host:init'");
    world.build("rootfs.tar", "out");
    world.done(&INITRAMFS);
    let alone = fs::read(world.path("initramfs.img")).unwrap();
    let boot = fs::read(world.path("out/boot.img")).unwrap();
    let image = Image::parse(&boot).unwrap();
    assert!(image.section(".initrd", &boot).unwrap() == alone);
    world.done(&INITRAMFS);
    assert!(fs::read(world.path("initramfs.img")).unwrap() == alone, "the second time too");
}

#[test]
fn modules_come_in_the_order_in_which_they_load() {
    let world = world("program = 'host:init', compression = 'none'");
    world.done(&INITRAMFS);
    let text = fs::read(world.path("initramfs.img")).unwrap();
    let text = String::from_utf8_lossy(&text);
    let list =
        ["efivarfs", "dm_mod", "dm_verity", "erofs"].map(|name| format!("lib/modules/{name}.ko\n"));
    assert!(text.contains(&list.concat()), "the usual ones that this kernel has");
}

#[test]
fn a_module_that_the_kernel_lacks_is_named() {
    let world = world("program = 'host:init', modules = ['btrfs']");
    for arguments in [&build("rootfs.tar", "out")[..], &INITRAMFS] {
        let said = world.fails(2, arguments);
        assert!(said.contains("kernel 6.1.0-test has no module btrfs"), "{said}");
    }
    assert!(!world.names().contains(&"out".to_owned()), "nothing was built");
}

#[test]
fn a_program_that_is_linked_dynamically_is_refused() {
    let world = world("program = 'host:init'");
    let mut dynamic = program();
    dynamic[64] = 3; // PT_INTERP
    fs::write(world.path("init"), dynamic).unwrap();
    let said = world.fails(2, &INITRAMFS);
    assert!(said.contains("linked dynamically"), "{said}");
}

#[test]
fn without_any_modules_none_are_looked_for() {
    let world = world("program = 'host:init', usual_modules = false");
    world.tar("rootfs.tar", &usual());
    world.done(&INITRAMFS);
}

#[test]
fn a_spec_without_one_is_refused() {
    let world = World::new();
    let spec = fs::read_to_string(world.path("image.toml")).unwrap();
    fs::write(world.path("image.toml"), spec.replace("initramfs = 'boot/initrd'", "")).unwrap();
    assert!(world.fails(2, &INITRAMFS).contains("the spec has no 'initramfs'"));
}

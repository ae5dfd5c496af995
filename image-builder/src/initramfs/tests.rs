#![allow(clippy::unwrap_used)]
use super::*;
use crate::initramfs::modules::Module;
use crate::spec::{Arch, ModuleName};

const TIME: u32 = 1_700_000_000;

fn module(name: &str) -> Module {
    Module { name: ModuleName::new(name).unwrap(), bytes: name.as_bytes().to_vec() }
}

/// Where a text begins.
fn place(bytes: &[u8], text: &str) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text.as_bytes())
}

/// The first bytes of an ELF program of 64 bits, with one segment.
fn program(machine: u16, segment: u32) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 2;
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20] = 1;
    bytes[32] = 64;
    (bytes[52], bytes[54], bytes[56]) = (64, 56, 1);
    bytes[64..68].copy_from_slice(&segment.to_le_bytes());
    bytes
}

#[test]
fn archives_equal_those_of_gnu_cpio() {
    let mut archive = Archive::new(TIME);
    archive.folder("dev").unwrap();
    archive.folder("proc").unwrap();
    archive.character_device("dev/console", 0o600, 5, 1).unwrap();
    archive.file("init", 0o755, b"odd").unwrap();
    archive.file("empty", 0o644, b"").unwrap();
    let golden = include_bytes!("../../../fixtures/initramfs/golden.cpio");
    assert_eq!(archive.finish().unwrap(), golden);
}

#[test]
fn modules_are_listed_in_their_order() {
    let modules = [module("virtio"), module("dm_mod"), module("dm_verity")];
    let bytes = pack(b"program", &modules, TIME, Compression::None).unwrap();
    let list = "lib/modules/virtio.ko\nlib/modules/dm_mod.ko\nlib/modules/dm_verity.ko\n";
    assert!(place(&bytes, list).is_some());
    for path in list.lines() {
        assert!(place(&bytes, &format!("{path}\0")).is_some(), "{path}");
    }
}

#[test]
fn compression_changes_nothing_but_the_size() {
    let modules = [module("virtio")];
    let plain = pack(b"program", &modules, TIME, Compression::None).unwrap();
    let packed = pack(b"program", &modules, TIME, Compression::Zstd).unwrap();
    assert!(packed.len() < plain.len());
    assert_eq!(zstd::decode_all(packed.as_slice()).unwrap(), plain);
    assert_eq!(pack(b"program", &modules, TIME, Compression::Zstd).unwrap(), packed);
}

#[test]
fn a_program_that_needs_a_loader_is_refused() {
    let (load, interpreter) = (1, 3);
    assert!(program::check(&program(62, load), Arch::X86_64).is_ok());
    assert!(program::check(&program(183, load), Arch::Aarch64).is_ok());
    let check = |machine, segment| program::check(&program(machine, segment), Arch::X86_64);
    assert!(matches!(check(62, interpreter), Err(ProgramError::Dynamic)));
    assert!(matches!(check(183, load), Err(ProgramError::Machine { found: 183, .. })));
    for text in [&b"#!/bin/sh\n"[..], b""] {
        let refused = program::check(text, Arch::X86_64);
        assert!(matches!(refused, Err(ProgramError::NotElf(_))));
    }
}

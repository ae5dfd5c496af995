//! The boot image: what readers of PE files find in it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;

use image_builder::spec::Arch;
use image_builder::uki::{Image, Parts, PeError, UkiError, assemble};
use object::LittleEndian as LE;
use object::pe::ImageNtHeaders64;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};
use world::{STUB, World, tool};

fn stub() -> Vec<u8> {
    fs::read(STUB).expect("systemd's stub is missing: install the Debian package systemd-boot-efi")
}

/// Puts an image together; the stub stands for the kernel, since it is an EFI program too.
fn image(initramfs: Option<&[u8]>, command_line: &str) -> Vec<u8> {
    let stub = stub();
    assemble(&Parts {
        arch: Arch::X86_64,
        stub: &stub,
        os_release: "ID=test\n",
        command_line,
        kernel: &stub,
        initramfs,
        timestamp: 1_704_067_200,
    })
    .unwrap()
}

#[test]
fn every_section_is_read_back_by_object() {
    let initramfs = vec![0x77; 123_457];
    let bytes = image(Some(&initramfs), "ro quiet");
    let file = object::read::pe::PeFile64::parse(bytes.as_slice()).unwrap();
    let sections = file.section_table();
    let content = |name: &str| {
        let (_, section) = sections
            .iter()
            .enumerate()
            .find(|(_, section)| section.raw_name() == name.as_bytes())
            .unwrap();
        section.pe_data(bytes.as_slice()).unwrap()
    };
    assert_eq!(content(".osrel"), b"ID=test\n");
    assert_eq!(content(".cmdline"), b"ro quiet");
    assert!(content(".initrd") == initramfs);
    assert!(content(".linux") == stub());
    let old = Image::parse(&stub()).unwrap();
    for section in &old.sections {
        let [before, after] = [stub(), bytes.clone()].map(|bytes| {
            Image::parse(&bytes).unwrap().section(&section.name, &bytes).unwrap().to_vec()
        });
        assert!(before == after, "{} of the stub has changed", section.name);
    }
}

#[test]
fn new_sections_lie_apart_and_on_blocks() {
    let bytes = image(Some(&[1; 5000]), "ro");
    let image = Image::parse(&bytes).unwrap();
    let mut end_in_file = 0;
    let mut end_in_memory = 0;
    let old = Image::parse(&stub()).unwrap().sections.len();
    for (index, section) in image.sections.iter().enumerate() {
        assert!(section.offset >= end_in_file, "{section:?}");
        assert!(section.address >= end_in_memory, "{section:?}");
        end_in_file = section.offset + section.raw_length;
        end_in_memory = section.address + section.length;
        if index >= old {
            assert_eq!(
                (section.offset % 4096, section.raw_length % 4096, section.address % 4096),
                (0, 0, 0)
            );
        }
    }
    assert_eq!(u64::from(end_in_file), image.file_length());
    assert_eq!(
        bytes.len(),
        usize::try_from(end_in_file).unwrap(),
        "nothing lies beyond the last section"
    );
    assert_eq!(image.sections.last().unwrap().name, ".linux");
}

#[test]
fn headers_tell_the_truth() {
    let bytes = image(None, "ro");
    let mut offset =
        u64::from(object::pe::ImageDosHeader::parse(bytes.as_slice()).unwrap().nt_headers_offset());
    let (headers, _) = ImageNtHeaders64::parse(bytes.as_slice(), &mut offset).unwrap();
    let (file, optional) = (headers.file_header(), headers.optional_header());
    let last = Image::parse(&bytes).unwrap().sections.pop().unwrap();
    let memory = (last.address + last.length).next_multiple_of(optional.section_alignment());
    assert_eq!(optional.size_of_image(), memory.next_multiple_of(4096));
    assert_eq!(file.time_date_stamp.get(LE), 1_704_067_200);
    assert_eq!((file.pointer_to_symbol_table.get(LE), file.number_of_symbols.get(LE)), (0, 0));

    // The checksum by its definition: one's complement sum of 16-bit words, itself as zero, and the length.
    let place = usize::try_from(offset).unwrap(); // the section headers
    let start = place - usize::from(file.size_of_optional_header.get(LE)) + 64;
    let mut sum = 0_u64;
    for (index, word) in bytes.chunks(2).enumerate() {
        if (index * 2).wrapping_sub(start) >= 4 {
            sum += u64::from(word[0]) + (u64::from(*word.get(1).unwrap_or(&0)) << 8);
        }
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    assert_eq!(u64::from(optional.check_sum()), sum + u64::try_from(bytes.len()).unwrap());
}

#[test]
fn binutils_read_the_same_sections() {
    let world = World::new();
    let path = world.path("boot.efi");
    fs::write(&path, image(Some(&[1; 5000]), "ro quiet")).unwrap();
    let listed = tool("objdump", "binutils", &["-h", path.to_str().unwrap()]);
    for name in [".text", ".sdmagic", ".osrel", ".cmdline", ".initrd", ".linux"] {
        assert!(listed.contains(name), "{name} is missing in {listed}");
    }
    for (name, wanted) in
        [(".cmdline", b"ro quiet".to_vec()), (".initrd", vec![1; 5000]), (".linux", stub())]
    {
        let (out, copy) = (world.path("section"), world.path("copy"));
        let dump = format!("{name}={}", out.display());
        let arguments = ["--dump-section", &dump, path.to_str().unwrap(), copy.to_str().unwrap()];
        tool("objcopy", "binutils", &arguments);
        assert!(fs::read(out).unwrap() == wanted, "{name} differs");
    }
}

#[test]
fn an_unchanged_kernel_keeps_its_blocks() {
    let [old, new] = [image(Some(&[1; 5000]), "ro"), image(Some(&[2; 90_000]), &"x".repeat(1900))];
    let blocks: std::collections::HashSet<&[u8]> = old.chunks(4096).collect();
    let parsed = Image::parse(&new).unwrap();
    let kernel = parsed.section(".linux", &new).unwrap();
    for block in kernel.chunks_exact(4096) {
        assert!(blocks.contains(block));
    }
}

#[test]
fn a_signed_stub_is_refused() {
    let mut signed = stub();
    let start = usize::from(u16::from_le_bytes([signed[0x3c], signed[0x3d]]));
    let security = start + 24 + 112 + 4 * 8;
    signed[security..security + 8].copy_from_slice(&[0, 0, 2, 0, 8, 0, 0, 0]); // place and size
    let kernel = stub();
    let parts = Parts {
        arch: Arch::X86_64,
        stub: &signed,
        os_release: "",
        command_line: "",
        kernel: &kernel,
        initramfs: None,
        timestamp: 0,
    };
    assert!(matches!(assemble(&parts), Err(UkiError::Stub(PeError::Signed))));
}

#[test]
fn truncated_programs_are_refused_without_panic() {
    let whole = image(None, "ro");
    for keep in (0..whole.len()).step_by(997).chain([
        0,
        1,
        63,
        64,
        127,
        128,
        392,
        711,
        712,
        whole.len() - 1,
    ]) {
        assert!(Image::parse(&whole[..keep]).is_err(), "{keep} bytes");
    }
}

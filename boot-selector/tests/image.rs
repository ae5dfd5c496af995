//! Where an image ends, whatever its headers say.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::process::Command;

use boot_selector::{ImageDefect, check_image};
use common::{CHECKSUM, IMAGE_BYTES, RUNS, image, with_checksum};
use proptest::prelude::*;

/// The length of an image without symbols, or with the bytes behind the headers at hand.
fn image_length(bytes: &[u8], limit: u64) -> Result<u64, ImageDefect> {
    boot_selector::image_length(bytes, limit, |place| {
        assert!(place + 4 <= limit, "{place} is too near to {limit}");
        let place = usize::try_from(place).unwrap();
        Ok(bytes.get(place..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; 4]))
    })
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

#[test]
fn an_image_ends_with_its_last_section() {
    let mut bytes = image(RUNS);
    bytes.resize(4096, 0xBB);
    assert_eq!(image_length(&bytes, 1 << 20), Ok(1536));
}

#[test]
fn certificates_behind_the_sections_belong_to_it() {
    let mut bytes = image(RUNS);
    put(&mut bytes, 0x98 + 144, &1536_u32.to_le_bytes());
    put(&mut bytes, 0x98 + 148, &264_u32.to_le_bytes());
    assert_eq!(image_length(&bytes, 1 << 20), Ok(1800));
    put(&mut bytes, 0x98 + 108, &4_u32.to_le_bytes());
    assert_eq!(image_length(&bytes, 1 << 20), Ok(1536), "the fifth directory does not exist");
}

#[test]
fn symbols_and_their_names_belong_to_it() {
    let mut bytes = image(RUNS);
    bytes.resize(4096, 0);
    put(&mut bytes, 0x84 + 8, &1536_u32.to_le_bytes());
    put(&mut bytes, 0x84 + 12, &10_u32.to_le_bytes());
    put(&mut bytes, 1536 + 180, &33_u32.to_le_bytes());
    assert_eq!(image_length(&bytes, 1 << 20), Ok(1536 + 180 + 33));
    let length = 1536 + 180 + 4;
    assert_eq!(image_length(&bytes, 1700), Err(ImageDefect::TooLong { length, limit: 1700 }));
    put(&mut bytes, 1536 + 180, &0_u32.to_le_bytes());
    assert_eq!(image_length(&bytes, 1 << 20), Ok(length), "names are at least their length");
}

#[test]
fn an_image_longer_than_its_partition_is_refused() {
    let bytes = image(RUNS);
    assert_eq!(image_length(&bytes, 1536), Ok(1536));
    let refused = ImageDefect::TooLong { length: 1536, limit: 1535 };
    assert_eq!(image_length(&bytes, 1535), Err(refused));
}

#[test]
fn numbers_near_the_end_of_32_bits_do_not_wrap() {
    let mut bytes = image(RUNS);
    put(&mut bytes, 0x98 + 0xF0 + 16, &u32::MAX.to_le_bytes());
    put(&mut bytes, 0x98 + 0xF0 + 20, &u32::MAX.to_le_bytes());
    let length = 2 * u64::from(u32::MAX);
    assert_eq!(image_length(&bytes, 1 << 20), Err(ImageDefect::TooLong { length, limit: 1 << 20 }));
    assert_eq!(image_length(&bytes, u64::MAX), Ok(length));
}

#[test]
fn a_place_of_the_headers_beyond_the_end_is_no_program() {
    for start in [0_u32, 0xFFFF, 0xFFFF_FFE8, u32::MAX] {
        let mut bytes = image(RUNS);
        put(&mut bytes, 0x3C, &start.to_le_bytes());
        assert_eq!(image_length(&bytes, 1 << 20), Err(ImageDefect::NoProgram), "{start:#x}");
    }
}

#[test]
fn what_is_no_64_bit_program_is_refused_by_name() {
    assert_eq!(image_length(&[0; 4096], 4096), Err(ImageDefect::Empty));
    assert_eq!(image_length(&[], 0), Err(ImageDefect::Empty));
    assert_eq!(image_length(&[0xFF; 4096], 4096), Err(ImageDefect::NoProgram));
    assert_eq!(image_length(b"MZ", 4096), Err(ImageDefect::NoProgram));
    let mut bytes = image(RUNS);
    put(&mut bytes, 0x98, &0x010B_u16.to_le_bytes());
    assert_eq!(image_length(&bytes, 4096), Err(ImageDefect::Format(0x010B)));
    for count in [0, 97, u16::MAX] {
        let mut bytes = image(RUNS);
        put(&mut bytes, 0x86, &count.to_le_bytes());
        assert_eq!(image_length(&bytes, 4096), Err(ImageDefect::Sections(count)));
    }
    let mut bytes = image(RUNS);
    put(&mut bytes, 0x94, &u16::MAX.to_le_bytes());
    assert_eq!(image_length(&bytes, 4096), Err(ImageDefect::Headers));
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let good = image(RUNS);
    assert_eq!(check_image(&good), Ok(()));
    for bit in 0..IMAGE_BYTES * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let length = image_length(&bytes, 1 << 20);
        let whole = length == Ok(1536) && check_image(&bytes).is_ok();
        assert!(!whole, "bit {bit}");
    }
}

#[test]
fn an_image_that_was_cut_is_found() {
    let good = image(RUNS);
    for cut in [513, 1024, 1535] {
        let mut bytes = good.clone();
        bytes[cut..].fill(0);
        let found = check_image(&bytes);
        assert!(matches!(found, Err(ImageDefect::Checksum { .. })), "cut at {cut}");
    }
}

#[test]
fn an_image_without_a_checksum_is_not_compared() {
    let mut bytes = image(RUNS);
    put(&mut bytes, CHECKSUM, &[0; 4]);
    assert_eq!(check_image(&bytes), Ok(()));
}

#[test]
fn the_checksum_of_an_odd_length_counts_the_last_byte() {
    for length in [1537, 1538, 1539, 1541, 1543] {
        let mut bytes = image(RUNS);
        bytes.resize(length, 0xA7);
        assert_eq!(check_image(&with_checksum(bytes)), Ok(()), "{length} bytes");
    }
}

#[test]
fn what_sbsign_appends_belongs_to_the_image() {
    let stub = fs::read("/usr/lib/systemd/boot/efi/linuxx64.efi.stub");
    let stub = stub.expect("install the Debian package systemd-boot-efi");
    let signed = sign(&stub);
    assert!(signed.len() > stub.len());
    let mut partition = signed.clone();
    partition.resize(1 << 20, 0xBB);
    assert_eq!(image_length(&partition, 1 << 20), Ok(u64::try_from(signed.len()).unwrap()));
    assert_eq!(check_image(&signed), Ok(()), "sbsign writes the checksum anew");
    let mut damaged = signed;
    *damaged.last_mut().unwrap() ^= 1;
    assert!(check_image(&damaged).is_err(), "the checksum counts the signature");
}

/// Signs an image with a key that nobody knows.
fn sign(image: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("image"), image).unwrap();
    let run = |package: &str, line: &str| {
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let output = command.args(words).current_dir(folder.path()).output();
        let output = output.unwrap_or_else(|_| panic!("install the Debian package {package}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(
        "openssl",
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout key -out cert",
    );
    run("sbsigntool", "sbsign --key key --cert cert --output signed image");
    fs::read(folder.path().join("signed")).unwrap()
}

proptest! {
    #[test]
    fn hostile_headers_never_panic_and_never_leave_the_partition(
        changes in prop::collection::vec((0_usize..0x220, any::<u8>()), 0..24),
        limit in 0_u64..8192,
    ) {
        let mut bytes = image(RUNS);
        for (place, value) in changes {
            bytes[place] = value;
        }
        if let Ok(length) = image_length(&bytes, limit) {
            prop_assert!(length <= limit);
        }
        let _ = check_image(&bytes);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let _ = image_length(&bytes, 4096);
        let _ = check_image(&bytes);
    }
}

//! The EFI system partition: a FAT filesystem, the same bytes on every run.

use std::io::{self, Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// A filesystem of `length` bytes with `program`, if any, where firmware looks for it.
pub(super) fn image(
    length: u64,
    serial: u32,
    arch: &str,
    program: Option<&[u8]>,
) -> io::Result<Vec<u8>> {
    let sectors = u32::try_from(length / SECTOR).map_err(io::Error::other)?;
    let mut image = Cursor::new(vec![0; usize::try_from(length).map_err(io::Error::other)?]);
    let options = FormatVolumeOptions::new()
        .total_sectors(sectors)
        .volume_id(serial)
        .volume_label(*b"EFI        ");
    format_volume(&mut image, options)?;
    if let Some(program) = program {
        put(&mut image, arch, program)?;
    }
    Ok(image.into_inner())
}

fn put(image: &mut Cursor<Vec<u8>>, arch: &str, program: &[u8]) -> io::Result<()> {
    image.set_position(0);
    // Without a clock, fatfs gives every file the first day that FAT knows.
    let filesystem = FileSystem::new(image, FsOptions::new().update_accessed_date(false))?;
    let folder = filesystem.root_dir().create_dir("EFI")?.create_dir("BOOT")?;
    let name = if arch == "aarch64" { "BOOTAA64.EFI" } else { "BOOTX64.EFI" };
    let mut file = folder.create_file(name)?;
    file.write_all(program)?;
    file.flush()?;
    drop(file);
    drop(folder);
    filesystem.unmount()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::*;

    #[test]
    fn the_program_is_where_firmware_looks() {
        for length in [1 << 20, 5 << 20, 64 << 20] {
            let bytes = image(length, 7, "x86_64", Some(b"program")).unwrap();
            assert_eq!(bytes, image(length, 7, "x86_64", Some(b"program")).unwrap());
            let filesystem = FileSystem::new(Cursor::new(bytes), FsOptions::new()).unwrap();
            assert_eq!(filesystem.volume_id(), 7);
            let mut found = String::new();
            let mut file = filesystem.root_dir().open_file("EFI/BOOT/BOOTX64.EFI").unwrap();
            file.read_to_string(&mut found).unwrap();
            assert_eq!(found, "program");
        }
    }

    #[test]
    fn a_program_that_does_not_fit_is_an_error() {
        assert!(image(1 << 20, 7, "x86_64", Some(&[0; 2 << 20])).is_err());
    }
}

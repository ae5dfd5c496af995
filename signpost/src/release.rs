//! Which release lies in a set, as its kernel image says.

use std::fs::File;
use std::os::unix::fs::FileExt;

use gptdisk::PartRange;
use serde::Serialize;

use crate::pe::Image;

/// The section of a unified kernel image that holds the text of os-release.
const SECTION: [u8; 8] = *b".osrel\0\0";

/// More than any os-release is long, in bytes.
const MAX_LENGTH: usize = 64 << 10;

/// More than any version is long, in bytes.
const MAX_VALUE: usize = 64;

/// What a kernel image says of itself. It is not verified: it tells a person what is probably there, and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    /// `VERSION_ID` of os-release.
    pub version: String,
    /// `VARIANT_ID` of os-release, if it is there.
    pub variant: Option<String>,
}

impl Release {
    /// Reads the release of the unified kernel image at the start of a boot partition, if there is one.
    pub(crate) fn read(file: &File, boot: PartRange) -> Option<Self> {
        let read = |offset, into: &mut [u8]| {
            file.read_exact_at(into, boot.start.checked_add(offset)?).ok()
        };
        Self::of_section(Image { read, length: boot.length }.section(SECTION, MAX_LENGTH)?)
    }

    /// The release of a unified kernel image, if it names one.
    pub fn of_image(image: &[u8]) -> Option<Self> {
        let read = |offset, into: &mut [u8]| {
            let rest = image.get(usize::try_from(offset).ok()?..)?;
            into.copy_from_slice(rest.get(..into.len())?);
            Some(())
        };
        let length = u64::try_from(image.len()).ok()?;
        Self::of_section(Image { read, length }.section(SECTION, MAX_LENGTH)?)
    }

    fn of_section(text: Vec<u8>) -> Option<Self> {
        let text = String::from_utf8_lossy(&text);
        Some(Self { version: value(&text, "VERSION_ID")?, variant: value(&text, "VARIANT_ID") })
    }
}

/// The value of a field, the last one if it is there twice, as a shell would read it; `None` if it is not fit to be shown.
fn value(text: &str, name: &str) -> Option<String> {
    let lines = text.trim_end_matches('\0').lines();
    let mut assignments = lines.filter_map(|line| line.split_once('='));
    let (_, value) = assignments.rfind(|(field, _)| field.trim() == name)?;
    let value = value.trim().trim_matches(['"', '\'']);
    let fit = !value.is_empty()
        && value.len() <= MAX_VALUE
        && value.bytes().all(|byte| byte.is_ascii_graphic());
    fit.then(|| value.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    /// An image with one section before os-release, at the start of a partition of `length` bytes at byte 512 of a file.
    fn image(text: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3C] = 0x80;
        bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
        bytes[0x86] = 2; // sections
        bytes[0x94] = 16; // optional header
        let table = 0x80 + 24 + 16;
        bytes[table..table + 8].copy_from_slice(b".linux\0\0");
        let entry = table + 40;
        bytes[entry..entry + 8].copy_from_slice(&SECTION);
        let length = u32::try_from(text.len()).unwrap();
        bytes[entry + 8..entry + 12].copy_from_slice(&length.to_le_bytes());
        bytes[entry + 16..entry + 20].copy_from_slice(&512_u32.to_le_bytes());
        bytes[entry + 20..entry + 24].copy_from_slice(&512_u32.to_le_bytes());
        bytes[512..512 + text.len()].copy_from_slice(text);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Release> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0xFF; 512]).unwrap();
        file.write_all(bytes).unwrap();
        let length = u64::try_from(bytes.len()).unwrap();
        let release = Release::read(&file, PartRange { index: 1, start: 512, length });
        assert_eq!(release, Release::of_image(bytes));
        release
    }

    #[test]
    fn the_release_is_found() {
        let release = read(&image(b"ID=x\nVERSION_ID=\"1.2.3\"\nVARIANT_ID=demo\n")).unwrap();
        assert_eq!((release.version.as_str(), release.variant.as_deref()), ("1.2.3", Some("demo")));
    }

    #[test]
    fn other_content_of_the_partition_says_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0; 4096]), None);
        assert_eq!(read(b"MZ"), None);
        assert_eq!(read(&image(b"ID=x\n")), None);
    }

    #[test]
    fn a_version_that_would_upset_a_terminal_is_not_shown() {
        assert_eq!(read(&image(b"VERSION_ID=1.0\x1b[2J\n")), None);
        assert_eq!(read(&image(b"VERSION_ID=1 0\n")), None);
        assert_eq!(read(&image(b"VERSION_ID=\n")), None);
        assert_eq!(value(&format!("VERSION_ID={}", "1".repeat(65)), "VERSION_ID"), None);
    }

    #[test]
    fn every_prefix_and_every_extreme_byte_is_survived() {
        let whole = image(b"VERSION_ID=1.2.3\n");
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_none_or(|release| release.version == "1.2.3"));
        }
        for place in 0..300 {
            for byte in [0x00, 0x7F, 0x80, 0xFF] {
                let mut bytes = whole.clone();
                bytes[place] = byte;
                let _ = read(&bytes);
            }
        }
    }

    #[test]
    fn a_section_that_leaves_the_partition_says_nothing() {
        for field in [16, 20] {
            let mut bytes = image(b"VERSION_ID=1.2.3\n");
            let entry = 0x80 + 24 + 16 + 40;
            bytes[entry + field..entry + field + 4].copy_from_slice(&u32::MAX.to_le_bytes());
            bytes[entry + 8..entry + 12].copy_from_slice(&1024_u32.to_le_bytes());
            assert_eq!(read(&bytes), None);
        }
    }
}

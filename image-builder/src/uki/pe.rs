//! EFI programs as files: headers and sections of PE32+.
//!
//! Microsoft's "PE Format". Read with `object`, which checks every offset; what is used further is checked here.

use std::ops::Range;

use object::pe::ImageNtHeaders64;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};
use object::{LittleEndian as LE, pe};

/// Bytes of a section's header.
pub(super) const SECTION_HEADER: usize = 40;

/// Where the optional header of a program with 64-bit addresses has the place and the length of the certificates.
const CERTIFICATES_ENTRY: usize = 112 + 4 * 8;

/// What is known of an EFI program without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Machine type.
    pub machine: u16,
    /// Sections, in the order of their headers.
    pub sections: Vec<Section>,
    /// Where the COFF header begins.
    pub(super) coff: usize,
    /// Where the optional header begins.
    pub(super) optional: usize,
    /// Where the headers of sections begin.
    pub(super) section_headers: usize,
    /// Bytes that are set apart for all headers.
    pub(super) headers_size: u32,
    /// Sections lie at multiples of this in memory.
    pub(super) section_alignment: u32,
    /// Bytes of all sections with initialised data.
    pub(super) initialised: u32,
    /// Where the entry for its certificates lies in the headers, if they have one.
    pub(super) certificates_entry: Option<usize>,
    /// Where its certificates lie in the file and how long they are; they hold the signatures.
    pub(super) certificates: Option<(u32, u32)>,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Name, at most eight bytes.
    pub name: String,
    /// Where it lies in memory.
    pub address: u32,
    /// Its length in memory.
    pub length: u32,
    /// Where it lies in the file.
    pub offset: u32,
    /// Its length in the file; what is beyond `length` is padding.
    pub raw_length: u32,
}

/// Why a file is not used as an EFI program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeError {
    /// It is none.
    #[error("it is no PE32+ file: {0}")]
    NotPe(object::read::Error),
    /// A section ends after the file.
    #[error("its section {0} ends after the file does")]
    Truncated(String),
    /// A signature would not hold for the changed file.
    #[error("it is signed, and adding to it would break the signature")]
    Signed,
    /// The headers of further sections have no place.
    #[error("its headers have {room} bytes, and {needed} are needed for {sections} more sections")]
    NoRoom {
        /// Bytes set apart for headers.
        room: usize,
        /// Bytes needed.
        needed: usize,
        /// Sections to add.
        sections: usize,
    },
    /// It grows beyond what 32 bits can say.
    #[error("it would be larger than 4 GiB")]
    TooLarge,
}

impl Image {
    /// Reads the headers of an EFI program.
    ///
    /// # Errors
    ///
    /// Refuses what is no PE32+ file, and one whose sections end after the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PeError> {
        let dos = pe::ImageDosHeader::parse(bytes).map_err(PeError::NotPe)?;
        let start = u64::from(dos.nt_headers_offset());
        let mut end = start;
        let (headers, directories) =
            ImageNtHeaders64::parse(bytes, &mut end).map_err(PeError::NotPe)?;
        let sections = headers.sections(bytes, end).map_err(PeError::NotPe)?;
        let (file, optional) = (headers.file_header(), headers.optional_header());
        // The headers were read from memory, so their places fit.
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let entry = directories.get(pe::IMAGE_DIRECTORY_ENTRY_SECURITY);
        let certificates = entry.map(|entry| (entry.virtual_address.get(LE), entry.size.get(LE)));
        let image = Self {
            machine: file.machine.get(LE).0,
            sections: sections.iter().map(Section::of).collect(),
            coff: place(start) + 4,
            optional: place(start) + 4 + 20,
            section_headers: place(end),
            headers_size: optional.size_of_headers(),
            section_alignment: optional.section_alignment(),
            initialised: optional.size_of_initialized_data(),
            certificates_entry: entry.map(|_| place(start) + 4 + 20 + CERTIFICATES_ENTRY),
            certificates: certificates.filter(|(_, length)| *length != 0),
        };
        let outside = image.sections.iter().find(|section| section.raw(bytes).is_none());
        outside.map_or(Ok(()), |section| Err(PeError::Truncated(section.name.clone())))?;
        Ok(image)
    }

    /// The content of the first section of this name, in the file that the headers were read from.
    pub fn section<'a>(&self, name: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.sections.iter().find(|section| section.name == name)?.content(bytes)
    }

    /// Length of the file, by its headers: nothing that counts lies after it.
    pub fn file_length(&self) -> u64 {
        let ends = self
            .sections
            .iter()
            .map(|section| u64::from(section.offset) + u64::from(section.raw_length));
        let certificates =
            self.certificates.map(|(start, length)| u64::from(start) + u64::from(length));
        ends.chain(certificates).fold(u64::from(self.headers_size), u64::max)
    }

    /// Whether it is signed, by whomever.
    pub fn is_signed(&self) -> bool {
        self.certificates.is_some()
    }

    /// Its certificates, in the file that the headers were read from; `None` if they end after it.
    pub(crate) fn certificates<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.certificates.map_or(Some(&[]), |(start, length)| bytes.get(range(start, length)?))
    }

    /// The parts of the file that a signature covers, in the order in which it does: all but the checksum, the place of the
    /// certificates, and the certificates (Microsoft's "Windows Authenticode Portable Executable Signature Format").
    ///
    /// `None` if they overlap, or are not in the file.
    pub(crate) fn signed_parts<'a>(&self, bytes: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let (checksum, entry) = (self.optional + 64, self.certificates_entry?);
        let headers = usize::try_from(self.headers_size).ok()?;
        let mut parts = vec![
            bytes.get(..checksum)?,
            bytes.get(checksum + 4..entry)?,
            bytes.get(entry + 8..headers)?,
        ];
        let mut sections: Vec<&Section> = self.sections.iter().collect();
        sections.sort_by_key(|section| section.offset);
        for section in sections {
            parts.push(section.raw(bytes)?);
        }
        let covered: usize = parts.iter().map(|part| part.len()).sum::<usize>() + 4 + 8;
        let end = bytes.len().checked_sub(self.certificates(bytes)?.len())?;
        parts.push(bytes.get(covered..end)?);
        Some(parts)
    }
}

impl Section {
    fn of(header: &pe::ImageSectionHeader) -> Self {
        Self {
            name: String::from_utf8_lossy(header.raw_name()).into_owned(),
            address: header.virtual_address.get(LE),
            length: header.virtual_size.get(LE),
            offset: header.pointer_to_raw_data.get(LE),
            raw_length: header.size_of_raw_data.get(LE),
        }
    }

    fn raw<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(range(self.offset, self.raw_length)?)
    }

    /// Its content without padding.
    fn content<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(range(self.offset, self.length.min(self.raw_length))?)
    }
}

/// A range of a file.
pub(super) fn range(start: u32, length: u32) -> Option<Range<usize>> {
    let start = usize::try_from(start).ok()?;
    Some(start..start.checked_add(usize::try_from(length).ok()?)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_program_is_refused() {
        for bytes in [&b""[..], b"MZ", &[0; 4096]] {
            assert!(matches!(Image::parse(bytes), Err(PeError::NotPe(_))));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 64..600)) {
            bytes[..2].copy_from_slice(b"MZ");
            bytes[0x3c..0x40].copy_from_slice(&[0x40, 0, 0, 0]);
            if bytes.len() > 0x5a {
                bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
                bytes[0x58..0x5a].copy_from_slice(&[0x0b, 0x02]);
            }
            let _ = Image::parse(&bytes);
        }
    }
}

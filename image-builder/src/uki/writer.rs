//! Adding sections to an EFI program.
//!
//! ```text
//! 0        headers, with those of the new sections
//! …        sections of the stub, where they were
//! 4096 ×   new sections, each from a multiple of 4096 on, padded with zeros to one
//! ```
//!
//! A section whose content did not change thus consists of the same 4096-byte blocks from release to release. The file
//! ends with its last section; symbols, which only debuggers read, are left off.

use super::pe::{Image, PeError, SECTION_HEADER, range};

/// New sections lie at multiples of this, in the file and in memory.
const ALIGNMENT: u32 = 4096;

/// Initialised data that can be read.
const CHARACTERISTICS: u32 = 0x4000_0040;

/// Appends sections, in this order, to a stub.
pub(super) fn append(
    image: &Image,
    stub: &[u8],
    sections: &[(&str, &[u8])],
    timestamp: u32,
) -> Result<Vec<u8>, PeError> {
    if image.is_signed() {
        return Err(PeError::Signed);
    }
    check_room(image, sections.len())?;
    let mut writer = Writer::start(image, stub)?;
    for (name, content) in sections {
        writer.section(name, content)?;
    }
    writer.finish(image, timestamp)
}

/// Sees to it that the headers of more sections lie before the first section.
fn check_room(image: &Image, sections: usize) -> Result<(), PeError> {
    let first = image
        .sections
        .iter()
        .filter(|section| section.raw_length > 0)
        .map(|section| section.offset);
    let room = first.min().unwrap_or(image.headers_size).min(image.headers_size);
    let room = usize::try_from(room).map_err(|_| PeError::TooLarge)?;
    let needed = image.section_headers + (image.sections.len() + sections) * SECTION_HEADER;
    if needed <= room { Ok(()) } else { Err(PeError::NoRoom { room, needed, sections }) }
}

struct Writer {
    bytes: Vec<u8>,
    /// Where the header of the next section goes.
    next_header: usize,
    count: usize,
    /// Where the next section lies in memory.
    address: u32,
    /// Bytes of new sections.
    added: u32,
}

impl Writer {
    /// Headers and sections of the stub, padded to where the first new section begins.
    fn start(image: &Image, stub: &[u8]) -> Result<Self, PeError> {
        let mut bytes = vec![0; length(image.file_length())?];
        let mut keep = |offset, count| -> Option<()> {
            let range = range(offset, count)?;
            bytes.get_mut(range.clone())?.copy_from_slice(stub.get(range)?);
            Some(())
        };
        keep(0, image.headers_size).ok_or(PeError::TooLarge)?;
        for section in &image.sections {
            keep(section.offset, section.raw_length).ok_or(PeError::TooLarge)?;
        }
        pad(&mut bytes);
        let mut ends = image
            .sections
            .iter()
            .map(|section| section.address.checked_add(section.length.max(section.raw_length)));
        let address = ends.try_fold(image.headers_size, |end, next| next.map(|next| end.max(next)));
        Ok(Self {
            bytes,
            next_header: image.section_headers + image.sections.len() * SECTION_HEADER,
            count: image.sections.len(),
            address: address.and_then(|end| aligned(end, image)).ok_or(PeError::TooLarge)?,
            added: 0,
        })
    }

    fn section(&mut self, name: &str, content: &[u8]) -> Result<(), PeError> {
        let offset = number(self.bytes.len())?;
        let size = number(content.len())?;
        self.bytes.extend_from_slice(content);
        pad(&mut self.bytes);
        let raw_size = number(self.bytes.len())? - offset;
        let mut name_field = [0; 8];
        name_field[..name.len()].copy_from_slice(name.as_bytes());
        let mut header = name_field.to_vec();
        for field in [size, self.address, raw_size, offset, 0, 0, 0, CHARACTERISTICS] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        self.put(self.next_header, &header);
        self.next_header += SECTION_HEADER;
        self.count += 1;
        self.added = self.added.checked_add(raw_size).ok_or(PeError::TooLarge)?;
        self.address = self.address.checked_add(raw_size).ok_or(PeError::TooLarge)?;
        Ok(())
    }

    /// Writes what the headers say of the whole file.
    fn finish(mut self, image: &Image, timestamp: u32) -> Result<Vec<u8>, PeError> {
        let count = u16::try_from(self.count).map_err(|_| PeError::TooLarge)?;
        let initialised = image.initialised.checked_add(self.added).ok_or(PeError::TooLarge)?;
        let memory = aligned(self.address, image).ok_or(PeError::TooLarge)?;
        self.put(image.coff + 2, &count.to_le_bytes());
        self.put(image.coff + 4, &timestamp.to_le_bytes());
        self.put(image.coff + 8, &[0; 8]); // no symbols
        self.put(image.optional + 8, &initialised.to_le_bytes());
        self.put(image.optional + 56, &memory.to_le_bytes());
        self.put(image.optional + 64, &[0; 4]);
        let checksum = checksum(&self.bytes)?;
        self.put(image.optional + 64, &checksum.to_le_bytes());
        Ok(self.bytes)
    }

    fn put(&mut self, start: usize, value: &[u8]) {
        self.bytes[start..start + value.len()].copy_from_slice(value);
    }
}

/// The checksum of a file whose checksum field is zero: the sum of its 16-bit words with carry, and its length.
fn checksum(bytes: &[u8]) -> Result<u32, PeError> {
    let words = bytes
        .chunks(2)
        .map(|word| u64::from(u16::from_le_bytes([word[0], *word.get(1).unwrap_or(&0)])));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = u32::try_from(sum).map_err(|_| PeError::TooLarge)?;
    sum.checked_add(number(bytes.len())?).ok_or(PeError::TooLarge)
}

/// The next address for a section.
fn aligned(address: u32, image: &Image) -> Option<u32> {
    address.checked_next_multiple_of(ALIGNMENT.max(image.section_alignment))
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
}

fn number(length: usize) -> Result<u32, PeError> {
    u32::try_from(length).map_err(|_| PeError::TooLarge)
}

fn length(bytes: u64) -> Result<usize, PeError> {
    usize::try_from(bytes).map_err(|_| PeError::TooLarge)
}

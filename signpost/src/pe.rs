//! Just enough of the PE format to find a section of a kernel image (Microsoft PE Format, "COFF File Header" and "Section
//! Table").
//!
//! The bytes may be anything: a half-written partition is read as well. Every offset is checked against the partition, and
//! nothing longer than a few kilobytes is read.

/// More sections than any kernel image has.
const MAX_SECTIONS: u16 = 96;

/// Bytes of an entry of the section table.
const SECTION_ENTRY: usize = 40;

/// Where a DOS header says where the PE header is.
const PE_OFFSET: u64 = 0x3C;

/// Bytes of the PE signature and the COFF file header.
const COFF_HEADER: usize = 24;

/// An image that lies at the start of a partition, or by itself.
pub(crate) struct Image<R> {
    /// Fills a buffer from an offset; `None` if it cannot.
    pub(crate) read: R,
    /// How many bytes there are.
    pub(crate) length: u64,
}

impl<R: Fn(u64, &mut [u8]) -> Option<()>> Image<R> {
    /// The content of the section with this name, if there is one of at most `limit` bytes.
    pub(crate) fn section(&self, name: [u8; 8], limit: usize) -> Option<Vec<u8>> {
        if self.read(0, 2)? != *b"MZ" {
            return None;
        }
        let header = u64::from(number(&self.read(PE_OFFSET, 4)?)?);
        let coff = self.read(header, COFF_HEADER)?;
        let count = short(coff.get(6..8)?)?;
        let optional_header = u64::from(short(coff.get(20..22)?)?);
        if !coff.starts_with(b"PE\0\0") || count > MAX_SECTIONS {
            return None;
        }
        let table_offset = header.checked_add(24)?.checked_add(optional_header)?;
        let table = self.read(table_offset, usize::from(count) * SECTION_ENTRY)?;
        let entry = table.chunks_exact(SECTION_ENTRY).find(|entry| entry.starts_with(&name))?;
        self.content(entry, limit)
    }

    /// The bytes of a section that are both in the file and in memory: what is beyond the shorter is padding.
    fn content(&self, entry: &[u8], limit: usize) -> Option<Vec<u8>> {
        let in_memory = number(entry.get(8..12)?)?;
        let in_file = number(entry.get(16..20)?)?;
        let offset = number(entry.get(20..24)?)?;
        let length = usize::try_from(in_memory.min(in_file)).ok()?;
        if length > limit { None } else { self.read(u64::from(offset), length) }
    }

    /// A few bytes; `None` if they are not all there.
    fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let end = offset.checked_add(u64::try_from(length).ok()?)?;
        if end > self.length {
            return None;
        }
        let mut bytes = vec![0; length];
        (self.read)(offset, &mut bytes)?;
        Some(bytes)
    }
}

fn short(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

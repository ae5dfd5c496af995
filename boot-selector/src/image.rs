//! How long an EFI program is, by its own headers, and whether it is whole, by its own checksum.
//!
//! Microsoft's "PE Format". A kernel image lies raw at the start of a partition that is longer; bytes behind it would be part of
//! what the firmware compares with its signature. The image ends with the last of: its headers, its sections, its
//! certificates, its symbols. Everything else of it is left to the loader of the firmware.
//!
//! The checksum protects against accidents only (one flipped bit, a cut copy) and on every machine; against people there is
//! the signature, which the firmware checks where Secure Boot is on. Zero means that there is none.

use thiserror::Error;

/// What an image must have in front, at most: all that is read here lies in it, in bytes.
pub(crate) const HEADERS: u64 = 64 << 10;

/// More sections than any loader takes.
const MAX_SECTIONS: u16 = 96;

/// The optional header of a program with 64-bit addresses.
const PE32_PLUS: u16 = 0x020B;

/// Bytes of a symbol.
const SYMBOL: u64 = 18;

/// Bytes of a section's header.
const SECTION_HEADER: usize = 40;

/// Why the start of a partition is not taken for an EFI program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ImageDefect {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// There is something else.
    #[error("it holds no EFI program")]
    NoProgram,
    /// It has 32-bit addresses or a format that does not exist.
    #[error("its program has the unknown format {0:#06x}")]
    Format(u16),
    /// The headers are longer than those of any program.
    #[error("its program's headers are too long")]
    Headers,
    /// No loader takes that many sections, or none.
    #[error("its program has {0} sections")]
    Sections(u16),
    /// The bytes are not those that were written once.
    #[error("its program has the checksum {computed:#010x} and should have {stored:#010x}")]
    Checksum {
        /// What the headers say.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// The program does not fit into the partition.
    #[error("its program is {length} bytes long and the partition {limit}")]
    TooLong {
        /// What the headers say.
        length: u64,
        /// Bytes of the partition.
        limit: u64,
    },
}

/// The length in bytes of the EFI program that starts with `front`, which is at most `limit`.
///
/// `front` is the start of the partition, 64 KiB of it or all there is. `read` gives the four bytes at a place in the partition
/// that is at least four bytes before `limit`; it is asked only for a program with symbols, whose names end where only their
/// first four bytes say.
///
/// # Errors
///
/// Refuses what is no 64-bit EFI program that fits, and fails as `read` does.
pub fn image_length<E: From<ImageDefect>>(
    front: &[u8],
    limit: u64,
    read: impl FnOnce(u64) -> Result<[u8; 4], E>,
) -> Result<u64, E> {
    let program = Program::find(front)?;
    let end = program.headers_end().max(program.certificates_end());
    let mut length = program.sections_end()?.max(end);
    if let Some(names) = program.names() {
        within(names.saturating_add(4), limit)?;
        let names_length = u32::from_le_bytes(read(names)?).max(4);
        length = length.max(names + u64::from(names_length));
    }
    Ok(within(length, limit)?)
}

fn within(length: u64, limit: u64) -> Result<u64, ImageDefect> {
    if length > limit { Err(ImageDefect::TooLong { length, limit }) } else { Ok(length) }
}

/// Compares a whole program with its checksum, if it has one.
///
/// # Errors
///
/// Refuses a program whose bytes give another one.
pub fn check_image(program: &[u8]) -> Result<(), ImageDefect> {
    let place = Program::find(program)?.optional + 64;
    let Some(stored) = u32_at(program, place).filter(|stored| *stored != 0) else {
        return Ok(());
    };
    let (before, after) = program.split_at(place);
    // Every part but the last is a whole number of words, if the headers are where they should be.
    let sum = word_sum(before) + word_sum(after.get(4..).unwrap_or_default());
    let length = u32::try_from(program.len()).unwrap_or(u32::MAX);
    let computed = u32::from(fold(sum)).wrapping_add(length);
    let whole = stored == computed && place.is_multiple_of(2);
    if whole { Ok(()) } else { Err(ImageDefect::Checksum { stored, computed }) }
}

/// The sum of 16-bit words, not yet folded: 64 bits at a time give the same once folded, as 2^16 is 1 modulo 2^16 - 1.
fn word_sum(bytes: &[u8]) -> u128 {
    let (words, rest) = bytes.as_chunks();
    let sum: u128 = words.iter().map(|word| u128::from(u64::from_le_bytes(*word))).sum();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    sum + u128::from(u64::from_le_bytes(last))
}

/// Adds the carries back until 16 bits are left.
fn fold(mut sum: u128) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

/// The headers of a program; every offset counts from its start.
struct Program<'a> {
    front: &'a [u8],
    /// Where the file header begins, behind the four letters.
    file: usize,
    /// Where the optional header begins.
    optional: usize,
    optional_length: u16,
    sections: u16,
}

impl<'a> Program<'a> {
    fn find(front: &'a [u8]) -> Result<Self, ImageDefect> {
        if front.iter().all(|byte| *byte == 0) {
            return Err(ImageDefect::Empty);
        }
        let start = u32_at(front, 0x3C).and_then(|start| usize::try_from(start).ok());
        let start = start.filter(|_| front.starts_with(b"MZ")).ok_or(ImageDefect::NoProgram)?;
        if bytes_at(front, start) != Some(*b"PE\0\0") {
            return Err(ImageDefect::NoProgram);
        }
        let field = |offset| u16_at(front, start + offset).ok_or(ImageDefect::Headers);
        let (sections, optional_length, format) = (field(6)?, field(20)?, field(24)?);
        if format != PE32_PLUS {
            return Err(ImageDefect::Format(format));
        }
        if sections == 0 || sections > MAX_SECTIONS {
            return Err(ImageDefect::Sections(sections));
        }
        Ok(Self { front, file: start + 4, optional: start + 24, optional_length, sections })
    }

    /// The end of everything that belongs to the headers.
    fn headers_end(&self) -> u64 {
        self.directory_field(60, 64).into()
    }

    /// The end of the signatures; 0 if there are none. Their place counts in the file, not in memory.
    fn certificates_end(&self) -> u64 {
        let directories = self.directory_field(108, 112);
        let (start, length) = (self.directory_field(144, 152), self.directory_field(148, 152));
        if directories > 4 && length > 0 { u64::from(start) + u64::from(length) } else { 0 }
    }

    /// Where the names of the symbols begin, right behind the symbols; `None` if there are none.
    fn names(&self) -> Option<u64> {
        let field = |offset| u32_at(self.front, self.file + offset).filter(|value| *value != 0);
        let (start, count) = (field(8)?, field(12)?);
        Some(u64::from(start) + u64::from(count) * SYMBOL)
    }

    /// A field of the optional header, if that is at least `end` bytes long; else 0.
    fn directory_field(&self, offset: usize, end: u16) -> u32 {
        let there = self.optional_length >= end;
        if there { u32_at(self.front, self.optional + offset).unwrap_or(0) } else { 0 }
    }

    fn sections_end(&self) -> Result<u64, ImageDefect> {
        let start = self.optional + usize::from(self.optional_length);
        let mut end = 0;
        for section in 0..usize::from(self.sections) {
            let header = start + section * SECTION_HEADER;
            let field = |offset| u32_at(self.front, header + offset).ok_or(ImageDefect::Headers);
            let (length, place) = (u64::from(field(16)?), u64::from(field(20)?));
            if length > 0 {
                end = end.max(place + length);
            }
        }
        Ok(end)
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes_at(bytes, offset).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes_at(bytes, offset).map(u32::from_le_bytes)
}

fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

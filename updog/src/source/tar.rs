//! Where the members of a tar file lie (POSIX.1-2017, pax; ustar and GNU long names).
//!
//! Strict, since two programs must not see two different bundles in one file: plain files and folders only; no name that is
//! absolute, leads upwards or is there twice; no field that gives a member another length than its header does; and no header without the
//! mark of its format, whose further fields some programs read and others do not. The file
//! must have its end mark, so that one that was cut is told from one that is whole. Members that are of no use to
//! us are looked at all the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use ::tar::{EntryType, Header, PaxExtensions};
use thiserror::Error;
use verity::ReadAt;

/// A header, and what lengths are rounded up to, in bytes.
const BLOCK: u64 = 512;

/// Most members.
const MAX_MEMBERS: usize = 65_536;

/// Longest name, in bytes.
const MAX_NAME: usize = 512;

/// Longest member that describes the next one, in bytes.
const MAX_EXTENSION: u64 = 16 << 10;

/// Why a file is no tar file that we take.
#[derive(Debug, Error)]
pub enum TarError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    /// It has no end.
    #[error("it ends early, after {length} bytes")]
    Truncated {
        /// Its length in bytes.
        length: u64,
    },
    /// A header does not fit its own checksum, is of no format that we know, or a number in it is none.
    #[error("there is no tar header at byte {offset}")]
    Header {
        /// Where it should be.
        offset: u64,
    },
    /// A member is neither a plain file nor a folder.
    #[error("its member {name:?} is neither a plain file nor a folder")]
    Kind {
        /// Name of the member.
        name: String,
    },
    /// A name leads out of the bundle, or is too long.
    #[error("its member {name:?} has a name that is not taken")]
    Name {
        /// Name of the member.
        name: String,
    },
    /// A name is there twice.
    #[error("its member {name:?} is there twice")]
    Twice {
        /// Name of the member.
        name: String,
    },
    /// What describes a member is too long, or says what we do not take.
    #[error("what describes the member at byte {offset} is not taken: {problem}")]
    Extension {
        /// Where the description begins.
        offset: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// More members than a bundle has.
    #[error("it has more than {MAX_MEMBERS} members")]
    TooMany,
}

/// A plain file in a tar file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its first byte.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// The plain files of a tar file of `length` bytes, by name.
///
/// # Errors
///
/// Fails when it cannot be read, and refuses what could be read in two ways or ends early.
pub fn members<F: ReadAt + ?Sized>(
    file: &F,
    length: u64,
) -> Result<HashMap<String, Member>, TarError> {
    let mut walk = Walk { file, length, offset: 0, description: None, members: HashMap::new() };
    while walk.step()? {}
    Ok(walk.members)
}

/// Whether a name is a path that goes down, of parts that are there.
pub(super) fn is_plain(name: &str) -> bool {
    let strange = |part: &str| part.is_empty() || part == "." || part == "..";
    name.len() <= MAX_NAME && !name.contains(['\\', '\0']) && !name.split('/').any(strange)
}

/// What is said of a member before its own header.
struct Description {
    /// Its name, where its header is too short for it.
    name: Option<Vec<u8>>,
}

struct Walk<'a, F: ?Sized> {
    file: &'a F,
    /// Length of the file in bytes.
    length: u64,
    /// Where the next header is.
    offset: u64,
    /// What was said of the next member before its header.
    description: Option<Description>,
    members: HashMap<String, Member>,
}

impl<F: ReadAt + ?Sized> Walk<'_, F> {
    /// Takes one member; whether there may be more.
    fn step(&mut self) -> Result<bool, TarError> {
        let block = self.read(self.offset, BLOCK)?;
        if block.iter().all(|byte| *byte == 0) {
            return self.end();
        }
        let wrong = TarError::Header { offset: self.offset };
        let header = Header::from_byte_slice(&block);
        let known = header.as_ustar().is_some() || header.as_gnu().is_some();
        if !known || header.cksum().ok() != Some(checksum(&block)) {
            return Err(wrong);
        }
        let Ok(length) = header.entry_size() else { return Err(wrong) };
        let member = Member { start: self.offset + BLOCK, length };
        let padded = length.checked_next_multiple_of(BLOCK);
        let next = padded.and_then(|padded| member.start.checked_add(padded)).ok_or(wrong)?;
        if next > self.length {
            return Err(TarError::Truncated { length: self.length });
        }
        self.take(header, member)?;
        self.offset = next;
        Ok(true)
    }

    /// A block of zeros is the end, and there are two of them.
    fn end(&self) -> Result<bool, TarError> {
        let second = self.read(self.offset + BLOCK, BLOCK)?;
        if self.description.is_some() || second.iter().any(|byte| *byte != 0) {
            return Err(TarError::Header { offset: self.offset });
        }
        Ok(false)
    }

    fn take(&mut self, header: &Header, member: Member) -> Result<(), TarError> {
        match header.entry_type() {
            EntryType::GNULongName => {
                let mut name = self.extension(member)?;
                // One zero ends it; what has more is read in two ways, and is no name.
                let _ = name.pop_if(|byte| *byte == 0);
                self.describe(Some(name))
            }
            EntryType::XHeader => {
                let records = self.extension(member)?;
                let name = pax_name(&records).map_err(|problem| self.refused(problem))?;
                self.describe(name)
            }
            kind => {
                let name = self.description.take().and_then(|description| description.name);
                let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
                self.keep(kind, &name, member)
            }
        }
    }

    /// Notes what is said of the next member, which only one may say.
    fn describe(&mut self, name: Option<Vec<u8>>) -> Result<(), TarError> {
        match self.description.replace(Description { name }) {
            None => Ok(()),
            Some(_) => Err(self.refused("it is described twice")),
        }
    }

    /// What describes the next member.
    fn extension(&self, member: Member) -> Result<Vec<u8>, TarError> {
        if member.length > MAX_EXTENSION {
            return Err(self.refused(format_args!("it is longer than {MAX_EXTENSION} bytes")));
        }
        self.read(member.start, member.length)
    }

    fn refused(&self, problem: impl ToString) -> TarError {
        TarError::Extension { offset: self.offset, problem: problem.to_string() }
    }

    fn keep(&mut self, kind: EntryType, name: &[u8], member: Member) -> Result<(), TarError> {
        let shown = String::from_utf8_lossy(name).into_owned();
        let Ok(text) = str::from_utf8(name) else { return Err(TarError::Name { name: shown }) };
        let relative = text.strip_prefix("./").unwrap_or(text);
        let folder = kind == EntryType::Directory && member.length == 0;
        if folder && (is_plain(relative.trim_end_matches('/')) || matches!(relative, "" | ".")) {
            return Ok(());
        }
        if !folder && kind != EntryType::Regular {
            return Err(TarError::Kind { name: shown });
        }
        if !is_plain(relative) {
            return Err(TarError::Name { name: shown });
        }
        if self.members.len() == MAX_MEMBERS {
            return Err(TarError::TooMany);
        }
        match self.members.entry(relative.to_owned()) {
            Entry::Occupied(_) => Err(TarError::Twice { name: shown }),
            Entry::Vacant(place) => {
                place.insert(member);
                Ok(())
            }
        }
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, TarError> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length);
        let length = end.and(usize::try_from(length).ok());
        let mut bytes = vec![0; length.ok_or(TarError::Truncated { length: self.length })?];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// The sum of a header's bytes, its own field counted as spaces.
fn checksum(block: &[u8]) -> u32 {
    let field = 148..156;
    let byte = |(at, byte): (usize, &u8)| if field.contains(&at) { 32 } else { u32::from(*byte) };
    block.iter().enumerate().map(byte).sum()
}

/// The name that pax records give, if they do. What would make more of a member than its header says is refused.
fn pax_name(records: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut name = None;
    for record in PaxExtensions::new(records) {
        let record = record.map_err(|error| error.to_string())?;
        let key = record.key().map_err(|error| error.to_string())?;
        match key {
            "path" => name = Some(record.value_bytes().to_vec()),
            "size" | "linkpath" => return Err(format!("it gives a {key}")),
            key if key.starts_with("GNU.sparse") => return Err(format!("it gives a {key}")),
            _ => {}
        }
    }
    Ok(name)
}

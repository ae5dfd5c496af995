//! lz4 frames, by their headers (lz4's `doc/lz4_Frame_format.md`).

use serde::Serialize;

use super::Subject;
use crate::Error;

/// What an lz4 frame says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct FrameFacts {
    /// Bytes of the content, if the header says so.
    pub content_bytes: Option<u64>,
    /// Bytes of a block at most.
    pub block_bytes: u64,
    /// Whether a checksum of the content follows it.
    pub content_checksum: bool,
    /// Whether blocks can be read without those before them.
    pub independent_blocks: bool,
    /// Bytes of the file.
    pub length: u64,
}

pub(super) fn facts(subject: &Subject<'_>) -> Result<FrameFacts, Error> {
    let wrong = |why: &str| subject.damaged("an lz4 frame", why);
    let [flags, sizes] = [subject.start[4], subject.start[5]];
    if flags >> 6 != 1 {
        return Err(wrong("its version is not 1"));
    }
    let block_bytes = match sizes >> 4 & 7 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return Err(wrong("its block size is none that exists")),
    };
    let content = subject.start[6..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    Ok(FrameFacts {
        content_bytes: content.filter(|_| flags & 8 != 0),
        block_bytes,
        content_checksum: flags & 4 != 0,
        independent_blocks: flags & 0x20 != 0,
        length: subject.length,
    })
}

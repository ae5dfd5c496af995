//! Archives as open files that can be read anywhere: compressed ones are decompressed first.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::digest::copy;
use crate::error::{FileError, OnFile};

/// What an archive is compressed with, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Opens an archive; a compressed one is decompressed to a file without a name in `work`.
pub(super) fn open(path: &Path, work: &Path) -> Result<File, FileError> {
    let mut file = File::open(path).on("read", path)?;
    let mut start = Vec::new();
    (&file).take(4).read_to_end(&mut start).on("read", path)?;
    file.seek(SeekFrom::Start(0)).on("read", path)?;
    let compressed = BufReader::with_capacity(1 << 20, file);
    match Compression::of(&start) {
        Compression::None => Ok(compressed.into_inner()),
        Compression::Gzip => spool(MultiGzDecoder::new(compressed), path, work),
        Compression::Zstd => {
            let decoder = zstd::Decoder::with_buffer(compressed).on("decompress", path)?;
            spool(decoder, path, work)
        }
    }
}

fn spool(mut decoder: impl Read, path: &Path, work: &Path) -> Result<File, FileError> {
    let mut plain = tempfile::tempfile_in(work).on("write to", work)?;
    copy((&mut decoder, path), (&mut plain, work), &|_| ())?;
    plain.seek(SeekFrom::Start(0)).on("read", path)?;
    Ok(plain)
}

//! Images as they travel: one lz4 frame each.
//!
//! Blocks of 1 MiB that do not refer to each other, and the length of the content in the header. Any lz4 decoder reads them.
//!
//! No checksums, of the content or of blocks: who fetches a target compares the SHA-256 of all of it, and what was decoded with the release's
//! digests. Decoders would spend twice the time of the decoding itself on a sum that says less.

use std::fs::File;
use std::path::Path;

use lz4::liblz4::BlockChecksum;
use lz4::{BlockMode, BlockSize, ContentChecksum, EncoderBuilder};

use crate::digest::{Measured, Measuring, copy};
use crate::error::{FileError, OnFile};

/// Compresses a file, and measures both sides.
pub(crate) fn compress(
    raw: &Path,
    compressed: &Path,
    level: u32,
    progress: &dyn Fn(u64),
) -> Result<(Measured, Measured), FileError> {
    let mut from = File::open(raw).on("read", raw)?;
    let length = from.metadata().on("read", raw)?.len();
    let to = Measuring::new(File::create_new(compressed).on("create", compressed)?);
    let encoder = EncoderBuilder::new()
        .level(level)
        .block_size(BlockSize::Max1MB)
        .block_mode(BlockMode::Independent)
        .checksum(ContentChecksum::NoChecksum)
        .block_checksum(BlockChecksum::NoBlockChecksum)
        .content_size(length)
        .build(to)
        .on("write", compressed)?;
    let mut encoder = Measuring::new(encoder);
    copy((&mut from, raw), (&mut encoder, compressed), progress)?;
    let (encoder, raw_measured) = encoder.finish();
    let (to, finished) = encoder.finish();
    finished.on("write", compressed)?;
    Ok((raw_measured, to.finish().1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::io::Read;

    use super::*;
    use crate::digest::sha256_of;

    #[test]
    fn a_frame_is_read_back_and_both_sides_are_measured() {
        let folder = tempfile::tempdir().unwrap();
        let (raw, frame) = (folder.path().join("raw"), folder.path().join("frame"));
        for length in [0, 1, 5_000_000] {
            let content: Vec<u8> = (0..length).map(|index: u32| index.to_le_bytes()[1]).collect();
            fs::write(&raw, &content).unwrap();
            let _ = fs::remove_file(&frame);
            let (of_raw, of_frame) = compress(&raw, &frame, 1, &|_| ()).unwrap();
            assert_eq!(of_raw, sha256_of(&raw).unwrap());
            assert_eq!(of_frame, sha256_of(&frame).unwrap());
            let mut back = Vec::new();
            lz4::Decoder::new(File::open(&frame).unwrap()).unwrap().read_to_end(&mut back).unwrap();
            assert!(back == content);
        }
    }
}

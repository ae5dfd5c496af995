//! From the bytes of a target to the blocks of a partition, on a thread of its own.
//!
//! The stream is read to its end even when the compressed frame ends early, so that every byte of the target is
//! compared with what was signed, and bytes after the frame are refused. The comparing is done beside this, where
//! the bytes arrive.

use std::io::{self, BufReader, Read};

use bytes::{Buf, Bytes};
use manifest::Digest;
use ring::digest::{Context, SHA256};
use thiserror::Error;
use tokio::sync::mpsc::Receiver;

use super::writer::{Told, Writer};
use crate::install::Region;

/// Why a target did not become an image on the disk.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The target is not the one that was signed.
    #[error(transparent)]
    Target(#[from] trust::Error),
    /// The frame cannot be decoded.
    #[error("the compressed image cannot be decoded")]
    Frame(#[source] io::Error),
    /// The frame ends and the target does not.
    #[error("bytes follow the end of the compressed image")]
    TrailingBytes,
    /// The image is longer than it may be.
    #[error("the image is longer than {limit} bytes")]
    TooLong {
        /// What the release or the partition allows, in bytes.
        limit: u64,
    },
    /// The disk does not take it.
    #[error("cannot write to the partition")]
    Write(#[source] io::Error),
    /// There are too many threads on the host, or in the unit.
    #[error("cannot start one more thread")]
    Thread(#[source] io::Error),
}

/// What an image turned out to be, of a target that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the uncompressed image, if it was asked for.
    pub sha256: Option<Digest>,
}

/// The bytes of a target as they arrive, checked by then.
pub(super) struct Arriving {
    chunks: Receiver<Bytes>,
    current: Bytes,
}

impl Arriving {
    pub(super) fn new(chunks: Receiver<Bytes>) -> Self {
        Self { chunks, current: Bytes::new() }
    }

    /// Makes `current` non-empty unless the stream has ended.
    fn fill(&mut self) {
        while self.current.is_empty() {
            let Some(chunk) = self.chunks.blocking_recv() else { return };
            self.current = chunk;
        }
    }

    /// The first bytes of what is left: four, or all there are.
    fn magic(&mut self) -> Bytes {
        self.fill();
        while self.current.len() < 4 {
            let Some(chunk) = self.chunks.blocking_recv() else { break };
            self.current = [&self.current[..], &chunk[..]].concat().into();
        }
        self.current.slice(..self.current.len().min(4))
    }

    /// Takes what is left of the stream; tells whether there was anything.
    pub(super) fn drain(&mut self) -> bool {
        self.fill();
        let any = !self.current.is_empty();
        while self.chunks.blocking_recv().is_some() {}
        any
    }
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill();
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// The first bytes of a zstd frame.
const ZSTD: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// The most memory that a zstd frame may need to be decoded, as the power of two of its window: 8 MiB.
const WINDOW: u32 = 23;

/// A compressed image, by its first bytes: of zstd, in one frame or many, or else of lz4.
enum Frame {
    Lz4(lz4::Decoder<Arriving>),
    Zstd(zstd::Decoder<'static, BufReader<Arriving>>),
}

impl Frame {
    fn begin(mut arriving: Arriving) -> io::Result<Self> {
        if arriving.magic() != ZSTD[..] {
            return Ok(Self::Lz4(lz4::Decoder::new(arriving)?));
        }
        let mut decoder = zstd::Decoder::new(arriving)?;
        decoder.window_log_max(WINDOW)?;
        Ok(Self::Zstd(decoder))
    }

    /// What is left behind it, and whether it has come to its end.
    fn finish(self) -> (Arriving, io::Result<()>) {
        match self {
            Self::Lz4(decoder) => decoder.finish(),
            // It reads frames as long as there are any, and says itself when one is cut off.
            Self::Zstd(decoder) => (decoder.finish().into_inner(), Ok(())),
        }
    }
}

impl Read for Frame {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Lz4(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// How an image is decoded.
pub(super) struct Decoding<'a> {
    /// Where it goes.
    pub(super) region: &'a Region,
    /// The most bytes that it may have.
    pub(super) limit: u64,
    /// Whether the uncompressed bytes are hashed: not where the release's tree covers them anyway.
    pub(super) measure: bool,
    /// Told of each piece that was written.
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

impl Decoding<'_> {
    /// Decodes `chunks` into the region, and takes them to their end unless the disk fails.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`]. What was written by then is on a set that cannot boot.
    pub(super) fn run(&self, chunks: Receiver<Bytes>) -> Result<Measured, DecodeError> {
        let mut decoder = Frame::begin(Arriving::new(chunks)).map_err(DecodeError::Frame)?;
        let told = Told { written: self.progress, passed: &|_| () };
        let copied = Writer::run(self.region, told, |writer| self.copy(&mut decoder, writer));
        let (mut arriving, ended) = decoder.finish();
        let copied = copied.and_then(|image| ended.map_err(DecodeError::Frame).and(Ok(image)));
        match copied {
            // The rest is still looked at: whether the target is the signed one explains more.
            Err(error @ DecodeError::Frame(_)) => {
                arriving.drain();
                Err(error)
            }
            Ok(_) if arriving.drain() => Err(DecodeError::TrailingBytes),
            other => other,
        }
    }

    fn copy(&self, decoder: &mut Frame, writer: &mut Writer<'_>) -> Result<Measured, DecodeError> {
        let mut digest = self.measure.then(|| Context::new(&SHA256));
        let mut length: u64 = 0;
        loop {
            let mut buffer = writer.buffer()?;
            let filled = fill(decoder, &mut buffer).map_err(DecodeError::Frame)?;
            if filled == 0 {
                break;
            }
            if let Some(digest) = &mut digest {
                digest.update(&buffer[..filled]);
            }
            length = length.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            if length > self.limit {
                return Err(DecodeError::TooLong { limit: self.limit });
            }
            writer.write(buffer, filled)?;
        }
        Ok(Measured { length, sha256: digest.map(finish) })
    }
}

/// The digest of everything that `context` was given.
pub(super) fn finish(context: Context) -> Digest {
    let bytes = context.finish().as_ref().try_into();
    Digest::new(bytes.expect("SHA-256 has 32 bytes"))
}

/// Reads until the buffer is full or the stream ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

//! A thread that writes blocks while the next ones are being decoded.
//!
//! A few buffers go round between the two sides, so memory is bounded whatever the image's size:
//! [`BUFFERS`] × [`BUFFER`]. When all of them are back, everything handed over was written, and can be read again.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use verity::AlignedBuffer;

use super::decode::DecodeError;
use super::region::{BLOCK, Region};

/// Buffers that go round.
const BUFFERS: usize = 6;

/// Length of a buffer in bytes, a multiple of the block.
const BUFFER: usize = 1 << 20;

/// What the writing side is told, in the order of the image.
enum Part {
    /// A piece on its way to the disk.
    Piece { buffer: AlignedBuffer, length: usize, offset: u64 },
    /// So many bytes stay as they are.
    Gap(u64),
}

/// Who is told of what has become of the image, in its order.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    /// Of bytes that were written.
    pub(super) written: &'a (dyn Fn(u64) + Sync),
    /// Of bytes that were passed over.
    pub(super) passed: &'a (dyn Fn(u64) + Sync),
}

/// The decoding side: hands out empty buffers and takes full ones.
pub(super) struct Writer<'a> {
    full: Option<SyncSender<Part>>,
    empty: Receiver<AlignedBuffer>,
    /// Empty buffers that are back already.
    spare: Vec<AlignedBuffer>,
    outcome: Option<thread::ScopedJoinHandle<'a, io::Result<()>>>,
    offset: u64,
}

impl Writer<'_> {
    /// Runs `produce` beside a thread that writes to `region` what it hands over, and waits for both.
    ///
    /// # Errors
    ///
    /// The first error of either side; one of the disk goes before one of `produce`.
    pub(super) fn run<T, E: From<DecodeError>>(
        region: &Region,
        told: Told<'_>,
        produce: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        thread::scope(|scope| {
            let (full, pieces) = sync_channel(BUFFERS);
            let (give, empty) = channel();
            for _ in 0..BUFFERS {
                // The receiver is alive: it is in this frame.
                let _ = give.send(AlignedBuffer::new(BUFFER));
            }
            let write = move || write_all(region, &pieces, &give, told);
            let thread = thread::Builder::new().spawn_scoped(scope, write);
            let thread = thread.map_err(DecodeError::Thread)?;
            let (full, outcome, spare) = (Some(full), Some(thread), Vec::new());
            let mut writer = Writer { full, empty, spare, outcome, offset: 0 };
            let produced = produce(&mut writer);
            writer.finish()?;
            produced
        })
    }

    /// An empty buffer, once one is free.
    pub(super) fn buffer(&mut self) -> Result<AlignedBuffer, DecodeError> {
        match self.spare.pop() {
            Some(buffer) => Ok(buffer),
            None => self.empty.recv().map_err(|_| self.failure()),
        }
    }

    /// Takes back a buffer that nothing was put into.
    pub(super) fn give_back(&mut self, buffer: AlignedBuffer) {
        self.spare.push(buffer);
    }

    /// Waits until everything that was handed over is on the disk, or in its cache; every buffer must have been handed over.
    pub(super) fn catch_up(&mut self) -> Result<(), DecodeError> {
        while self.spare.len() < BUFFERS {
            let buffer = self.empty.recv().map_err(|_| self.failure())?;
            self.spare.push(buffer);
        }
        Ok(())
    }

    /// Hands over the first `length` bytes of `buffer`; the last block is filled up with zeros.
    pub(super) fn write(
        &mut self,
        mut buffer: AlignedBuffer,
        length: usize,
    ) -> Result<(), DecodeError> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let padded = length.next_multiple_of(block).min(buffer.len());
        buffer[length..padded].fill(0);
        let piece = Part::Piece { buffer, length: padded, offset: self.offset };
        self.offset = self.offset.saturating_add(u64::try_from(padded).unwrap_or(u64::MAX));
        self.send(piece)
    }

    /// Leaves the next `bytes` of the partition as they are, whole blocks.
    pub(super) fn pass(&mut self, bytes: u64) -> Result<(), DecodeError> {
        self.offset = self.offset.saturating_add(bytes);
        self.send(Part::Gap(bytes))
    }

    fn send(&mut self, part: Part) -> Result<(), DecodeError> {
        let sent = self.full.as_ref().map(|full| full.send(part));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(self.failure()) }
    }

    /// Waits for the writing side.
    fn finish(&mut self) -> Result<(), DecodeError> {
        self.full = None;
        let Some(thread) = self.outcome.take() else { return Ok(()) };
        let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        ended.map_err(DecodeError::Write)
    }

    /// Why the writing side has gone.
    fn failure(&mut self) -> DecodeError {
        let gone = || DecodeError::Write(io::Error::other("the writer stopped"));
        self.finish().err().unwrap_or_else(gone)
    }
}

fn write_all(
    region: &Region,
    parts: &Receiver<Part>,
    empty: &Sender<AlignedBuffer>,
    told: Told<'_>,
) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Piece { buffer, length, offset } => {
                region.write_all_at(&buffer[..length], offset)?;
                (told.written)(u64::try_from(length).unwrap_or(u64::MAX));
                // The other side may have stopped already.
                let _ = empty.send(buffer);
            }
            Part::Gap(bytes) => (told.passed)(bytes),
        }
    }
    Ok(())
}

//! Compressing frames on several threads, and writing them in order.
//!
//! Threads take *batches* of frames in rising order, read and compress them, and pass them on; the calling thread puts them in order and writes
//! them. Buffers circulate, and a thread takes one before it takes a batch, so that memory is bounded and the batch that is waited for
//! always has its buffer.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use zstd::zstd_safe::{CCtx, get_error_name};

use super::cut::Cut;
use super::{MakeError, Options, Source};
use crate::frame::{BLOCK_BYTES, most_bytes, raw_bytes};

/// Frames of a batch: at most 4 MiB of the image.
const BATCH: usize = 8;

/// Frames of a batch, compressed.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
}

/// The number of a batch and what became of it.
type Delivery = (usize, Result<Batch, MakeError>);

/// What the threads share.
struct Work<'a> {
    image: &'a Source<'a>,
    /// Frames of each batch, by their blocks, and its first block.
    batches: Vec<(&'a [Cut], u64)>,
    options: &'a Options,
    progress: &'a (dyn Fn(u64) + Sync),
    next: AtomicUsize,
}

/// Writes frames of so many blocks to `out`. Gives the compressed length of each.
pub(super) fn compress(
    image: &Source<'_>,
    cuts: &[Cut],
    options: &Options,
    out: &mut dyn Write,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<u32>, MakeError> {
    let next = AtomicUsize::new(0);
    let work = Work { image, batches: batches(cuts), options, progress, next };
    let (give_back, spare) = channel();
    let spare = Mutex::new(spare);
    let (deliver, delivered) = channel();
    for _ in 0..options.threads.get() * 2 {
        let _ = give_back.send(Batch::default()); // the receiver is in this function
    }
    thread::scope(|scope| {
        for _ in 0..options.threads.get() {
            let deliver = deliver.clone();
            scope.spawn(|| work.run(&spare, deliver));
        }
        drop(deliver);
        let outcome = in_order(out, &delivered, &give_back, work.batches.len());
        work.next.fetch_max(work.batches.len(), Ordering::Relaxed);
        drop(give_back); // a thread that waits for a buffer wakes up and ends
        outcome
    })
}

fn batches(cuts: &[Cut]) -> Vec<(&[Cut], u64)> {
    let mut first = 0;
    let batch = |cuts| {
        let begin = first;
        first += blocks(cuts);
        (cuts, begin)
    };
    cuts.chunks(BATCH).map(batch).collect()
}

fn blocks(cuts: &[Cut]) -> u64 {
    cuts.iter().map(|cut| u64::from(cut.blocks)).sum()
}

/// Writes `count` batches in order, and gives their buffers back.
fn in_order(
    out: &mut dyn Write,
    delivered: &Receiver<Delivery>,
    give_back: &Sender<Batch>,
    count: usize,
) -> Result<Vec<u32>, MakeError> {
    let (mut early, mut lengths) = (BTreeMap::new(), Vec::new());
    for number in 0..count {
        while !early.contains_key(&number) {
            let (number, outcome) = delivered.recv().expect("a thread ends when all is taken");
            early.insert(number, outcome);
        }
        let batch = early.remove(&number).expect("was waited for")?;
        out.write_all(&batch.bytes).map_err(MakeError::Write)?;
        lengths.extend_from_slice(&batch.lengths);
        let _ = give_back.send(batch); // nobody may be left to need it
    }
    Ok(lengths)
}

impl Work<'_> {
    /// One thread's work: batches, until there are none or nobody wants them.
    fn run(&self, spare: &Mutex<Receiver<Batch>>, deliver: Sender<Delivery>) {
        let mut context = Self::context();
        let mut raw = Vec::new();
        loop {
            let taken = spare.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(mut batch) = taken else { return };
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((cuts, first)) = self.batches.get(number) else { return };
            let outcome = match &mut context {
                Ok(context) => self.fill(cuts, *first, context, &mut raw, &mut batch),
                Err(reason) => Err(MakeError::Compress(reason)),
            };
            if deliver.send((number, outcome.map(|()| batch))).is_err() {
                return;
            }
        }
    }

    fn context() -> Result<CCtx<'static>, &'static str> {
        CCtx::try_create().ok_or("not enough memory")
    }

    /// Reads and compresses the frames of a batch.
    fn fill(
        &self,
        cuts: &[Cut],
        first: u64,
        context: &mut CCtx<'_>,
        raw: &mut Vec<u8>,
        batch: &mut Batch,
    ) -> Result<(), MakeError> {
        batch.bytes.clear();
        batch.lengths.clear();
        let offset = first * BLOCK_BYTES;
        let length = (blocks(cuts) * BLOCK_BYTES).min(self.image.length - offset);
        raw.resize(usize::try_from(length).expect("a batch is small"), 0);
        let read = self.image.data.read_exact_at(raw, offset);
        read.map_err(|source| MakeError::Read { offset, source })?;
        let mut rest = raw.as_slice();
        for cut in cuts {
            let blocks = u32::from(cut.blocks);
            let level = if cut.is_new { self.options.new_level } else { self.options.level };
            level.set(context).map_err(|code| MakeError::Compress(get_error_name(code)))?;
            let (frame, after) = rest.split_at(raw_bytes(blocks).min(rest.len()));
            batch.append(frame, blocks, context)?;
            rest = after;
        }
        (self.progress)(length);
        Ok(())
    }
}

impl Batch {
    /// Compresses a frame of so many blocks, the last of which may end early.
    fn append(&mut self, raw: &[u8], blocks: u32, context: &mut CCtx<'_>) -> Result<(), MakeError> {
        let start = self.bytes.len();
        self.bytes.resize(start + most_bytes(blocks), 0);
        let compressed = context.compress2(&mut self.bytes[start..], raw);
        let length = compressed.map_err(|code| MakeError::Compress(get_error_name(code)))?;
        self.bytes.truncate(start + length);
        self.lengths.push(u32::try_from(length).expect("a frame is small"));
        Ok(())
    }
}

//! Compressing the pieces on several threads.
//!
//! Threads take pieces in rising order and append what they made to the spool as they finish; where a piece lies there is kept
//! with it, and the pack has them in order.

use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use zstd::zstd_safe::{CCtx, compress_bound, get_error_name};

use super::cut::Cut;
use super::window::{Windows, read};
use super::{Images, Level, MakeError, Options};
use crate::limits::bytes_of;
use crate::{Piece, Sha256};

/// A compressed piece.
pub(crate) struct Spooled {
    pub(crate) piece: Piece,
    /// Where it lies in the spool.
    pub(crate) position: u64,
}

/// What the threads share.
struct Work<'a, S> {
    old: &'a Images<'a>,
    new: &'a Images<'a>,
    cuts: &'a [Cut],
    windows: &'a Windows,
    level: Level,
    progress: &'a (dyn Fn(u64, u64) + Sync),
    next: AtomicUsize,
    spool: Mutex<&'a mut S>,
    done: Mutex<Vec<Option<Spooled>>>,
}

/// Compresses all pieces into the spool.
pub(crate) fn compress<S: Write + Seek + Send>(
    old: &Images<'_>,
    new: &Images<'_>,
    cuts: &[Cut],
    windows: &Windows,
    options: &Options,
    spool: &mut S,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Spooled>, MakeError> {
    let work = Work {
        old,
        new,
        cuts,
        windows,
        level: options.level,
        progress,
        next: AtomicUsize::new(0),
        spool: Mutex::new(spool),
        done: Mutex::new(cuts.iter().map(|_| None).collect()),
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.workers()).map(|_| scope.spawn(|| work.run())).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    for outcome in outcomes {
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    }
    let done = work.done.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(done.into_iter().map(|spooled| spooled.expect("every piece was taken once")).collect())
}

impl Options {
    /// As many threads as memory allows.
    fn workers(&self) -> usize {
        let room = self.memory / self.level.thread_memory();
        self.threads.get().min(room).max(1)
    }
}

impl<S: Write + Seek> Work<'_, S> {
    /// One thread's work: pieces, until there are none or one fails.
    fn run(&self) -> Result<(), MakeError> {
        let mut buffers = Buffers::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(cut) = self.cuts.get(number) else { return Ok(()) };
            let outcome = self.compress(cut, &mut buffers);
            if outcome.is_err() {
                self.next.fetch_max(self.cuts.len(), Ordering::Relaxed);
            }
            let spooled = outcome?;
            self.done.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(spooled);
            (self.progress)(bytes(cut.blocks()), self.total());
        }
    }

    fn total(&self) -> u64 {
        self.cuts.iter().map(|cut| bytes(cut.blocks())).sum()
    }

    fn compress(&self, cut: &Cut, buffers: &mut Buffers) -> Result<Spooled, MakeError> {
        let Buffers { content, window, compressed } = buffers;
        read(self.new, "new", &cut.extents, content)?;
        let extents = self.windows.of(content, cut.middle);
        read(self.old, "old", &extents, window)?;
        frame(self.level, content, window, compressed).map_err(MakeError::Compress)?;
        let piece = Piece {
            blocks: cut.blocks(),
            compressed_len: u32::try_from(compressed.len()).expect("a piece is small"),
            compressed: Sha256::of(compressed),
            raw: Sha256::of(content),
            window: extents,
        };
        let position = self.append(compressed).map_err(MakeError::Write)?;
        Ok(Spooled { piece, position })
    }

    fn append(&self, bytes: &[u8]) -> std::io::Result<u64> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let position = spool.seek(SeekFrom::End(0))?;
        spool.write_all(bytes)?;
        Ok(position)
    }
}

/// A thread's memory.
#[derive(Default)]
struct Buffers {
    content: Vec<u8>,
    window: Vec<u8>,
    compressed: Vec<u8>,
}

/// Compresses `content` against `window` into `out`, which is replaced.
fn frame(
    level: Level,
    content: &[u8],
    window: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let mut context = CCtx::try_create().ok_or("not enough memory")?;
    level.set(&mut context).map_err(get_error_name)?;
    context.ref_prefix(window).map_err(get_error_name)?;
    out.clear();
    out.reserve(compress_bound(content.len()));
    context.compress2(out, content).map_err(get_error_name)?;
    Ok(())
}

fn bytes(blocks: u32) -> u64 {
    u64::try_from(bytes_of(blocks)).expect("a small number")
}

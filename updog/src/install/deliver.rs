//! Targets on their way from a mirror to whoever takes them, on a thread of its own.
//!
//! A whole image is hashed on the calling thread, where it arrives, while the other one makes something of it: what it makes counts
//! only together with [`Whole`]. Parts of targets are not compared here: whoever takes them knows what they must be.

use std::cell::Cell;
use std::ops::Range;
use std::thread;

use bytes::Bytes;
use cli::ByteCount;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{self, Receiver};
use trust::{Target, Whole};

use super::InstallError;
use crate::mirrors::{Mirrors, Setback};
use crate::source::{FetchError, Origin};

/// Where targets come from, and how much of them.
#[derive(Debug)]
pub struct Downloads<'a> {
    /// The mirrors of this run.
    pub mirrors: &'a Mirrors,
    /// Runs the network side on the calling thread.
    pub runtime: &'a Runtime,
    /// The most bytes that may be fetched, if there is such a limit.
    pub limit: Option<u64>,
    spent: Cell<u64>,
}

/// What became of a target.
pub(super) struct Delivered<T> {
    /// Whether all of it came.
    pub(super) fetched: Result<(), FetchError>,
    /// Whether what came is what was signed.
    pub(super) whole: Result<Whole, trust::Error>,
    /// What was made of it; an error if the thread panicked.
    pub(super) taken: thread::Result<T>,
}

/// What became of parts of targets.
pub(super) struct Made<T> {
    /// Whether all of them came; [`InstallError::Stopped`] if the taker went first.
    pub(super) fetched: Result<(), InstallError>,
    /// What was made of them; an error if the thread panicked.
    pub(super) taken: thread::Result<T>,
}

/// How parts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// By their ranges.
    Ranges,
    /// As whole targets, from a server that has no ranges.
    Whole,
}

/// Parts of a target.
pub(super) struct Part<'a> {
    pub(super) target: &'a Target,
    /// Rising; all of it for [`Manner::Whole`].
    pub(super) ranges: Vec<Range<u64>>,
}

impl Part<'_> {
    fn bytes(&self) -> u64 {
        let lengths = self.ranges.iter().map(|range| range.end.saturating_sub(range.start));
        lengths.fold(0, u64::saturating_add)
    }
}

impl<'a> Downloads<'a> {
    /// Downloads from these mirrors, `spent` bytes of the limit being planned for otherwise.
    pub fn new(mirrors: &'a Mirrors, runtime: &'a Runtime, limit: Option<u64>, spent: u64) -> Self {
        Self { mirrors, runtime, limit, spent: Cell::new(spent) }
    }

    /// Bytes that were fetched, and those that are planned for otherwise.
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Counts bytes that were fetched otherwise.
    pub fn add_spent(&self, bytes: u64) {
        self.arrived(bytes);
    }

    fn arrived(&self, bytes: u64) {
        self.spent.set(self.spent.get().saturating_add(bytes));
    }

    /// Whether so many bytes more may be fetched.
    ///
    /// # Errors
    ///
    /// Refuses more than the limit, and says how many they would be.
    pub fn check_limit(&self, bytes: u64) -> Result<(), InstallError> {
        let needed = self.spent.get().saturating_add(bytes);
        match self.limit {
            Some(limit) if needed > limit => {
                Err(InstallError::OverLimit { needed: ByteCount(needed), limit: ByteCount(limit) })
            }
            _ => Ok(()),
        }
    }

    /// Streams `target` from `mirror` to `take`, for which up to `ahead` pieces of a download may wait, of some hundred kilobytes at most.
    ///
    /// # Errors
    ///
    /// Fails when the mirror cannot be asked for it at all.
    pub(super) fn deliver<T: Send>(
        &self,
        mirror: &Origin,
        (target, ahead): (&Target, usize),
        take: impl FnOnce(Receiver<Bytes>) -> T + Send,
    ) -> Result<Delivered<T>, FetchError> {
        let delivery = mirror.target(target)?;
        let (sink, chunks) = mpsc::channel::<Bytes>(ahead);
        let mut checker = target.checker();
        let mut longer = None;
        let inspect = |piece: &[u8]| {
            self.arrived(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            longer = longer.take().or(checker.update(piece).err());
        };
        let (fetched, taken) = thread::scope(|scope| {
            let taker = thread::Builder::new().spawn_scoped(scope, || take(chunks));
            let taker = taker.map_err(FetchError::Thread)?;
            let fetched = self.runtime.block_on(delivery.stream(&sink, inspect));
            drop(sink);
            Ok::<_, FetchError>((fetched, taker.join()))
        })?;
        let whole = longer.map_or_else(|| checker.finish(), |longer| Err(longer.into()));
        Ok(Delivered { fetched, whole, taken })
    }

    /// Streams parts of targets, one behind the other, to `take`.
    ///
    /// # Errors
    ///
    /// Refuses more bytes than may be fetched.
    pub(super) fn deliver_parts<T: Send>(
        &self,
        mirror: &Origin,
        parts: &[Part<'_>],
        (manner, ahead): (Manner, usize),
        take: impl FnOnce(Receiver<Bytes>) -> T + Send,
    ) -> Result<Made<T>, InstallError> {
        self.check_limit(parts.iter().map(Part::bytes).fold(0, u64::saturating_add))?;
        let (sink, chunks) = mpsc::channel::<Bytes>(ahead);
        thread::scope(|scope| {
            let taker = thread::Builder::new().spawn_scoped(scope, || take(chunks));
            let taker = taker.map_err(|source| InstallError::FetchPart {
                target: parts.first().map(|part| part.target.name().to_owned()).unwrap_or_default(),
                source: FetchError::Thread(source),
            })?;
            let mut fetched = Ok(());
            for part in parts.iter().filter(|part| part.bytes() > 0) {
                fetched = self.part(mirror, part, manner, &sink);
                if fetched.is_err() {
                    break;
                }
            }
            drop(sink);
            Ok(Made { fetched, taken: taker.join() })
        })
    }

    fn part(
        &self,
        mirror: &Origin,
        part: &Part<'_>,
        manner: Manner,
        sink: &mpsc::Sender<Bytes>,
    ) -> Result<(), InstallError> {
        let name = || part.target.name().to_owned();
        let failed = |source: FetchError| match source {
            source if source.is_stopped() => InstallError::Stopped,
            source => InstallError::FetchPart { target: name(), source },
        };
        let delivery = mirror.target(part.target).map_err(failed)?;
        let arrived = |bytes| self.arrived(bytes);
        let sent = match manner {
            Manner::Ranges => self.runtime.block_on(delivery.ranges(&part.ranges, sink, arrived)),
            Manner::Whole => self.runtime.block_on(delivery.stream(sink, |piece| {
                arrived(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            })),
        };
        sent.map_err(failed)
    }

    /// A range of a target, in memory.
    ///
    /// # Errors
    ///
    /// Fails when it does not come.
    pub(super) fn range(
        &self,
        mirror: &Origin,
        target: &Target,
        range: Range<u64>,
    ) -> Result<Vec<u8>, InstallError> {
        let part = Part { target, ranges: vec![range] };
        let made = self.deliver_parts(mirror, &[part], (Manner::Ranges, 4), collect)?;
        made.fetched?;
        made.taken.map_err(|_| InstallError::Stopped)
    }

    /// A whole target in memory, as it was signed, from the first mirror that has it.
    ///
    /// # Errors
    ///
    /// Refuses one that is longer than `most` bytes or more than may be fetched, and fails when no mirror has it.
    pub(super) fn whole(&self, target: &Target, most: usize) -> Result<Vec<u8>, InstallError> {
        self.check_limit(target.length())?;
        if usize::try_from(target.length()).ok().is_none_or(|length| length > most) {
            let (target, length) = (target.name().to_owned(), ByteCount(target.length()));
            return Err(InstallError::LongPart { target, length });
        }
        self.mirrors.ask(|mirror| {
            let name = || target.name().to_owned();
            let failed =
                |source| Setback::Mirror(InstallError::FetchPart { target: name(), source });
            let delivered = self.deliver(mirror, (target, 4), collect).map_err(failed)?;
            delivered.fetched.map_err(failed)?;
            let other = |source| InstallError::Altered { target: name(), source };
            delivered.whole.map_err(|source| Setback::Mirror(other(source)))?;
            delivered.taken.map_err(|_| Setback::Host(InstallError::Stopped))
        })
    }
}

/// All of what arrives.
fn collect(mut chunks: Receiver<Bytes>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.blocking_recv() {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

//! A target on its way from a mirror to whoever takes it, on a thread of its own.
//!
//! The bytes are hashed on the calling thread, where they arrive, while the other one makes something of them: what it makes counts
//! only together with [`Whole`].

use std::thread;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{self, Receiver};
use trust::{Target, Whole};

use crate::mirrors::Mirrors;
use crate::source::{FetchError, Origin};

/// Where targets come from.
#[derive(Debug)]
pub struct Downloads<'a> {
    /// The mirrors of this run.
    pub mirrors: &'a Mirrors,
    /// Runs the network side on the calling thread.
    pub runtime: &'a Runtime,
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

impl Downloads<'_> {
    /// Streams `target` from `mirror` to `take`, for which up to `ahead` pieces of a download may wait, of some hundred kilobytes at most;
    /// `arrived` is told of the bytes that came.
    ///
    /// # Errors
    ///
    /// Fails when the mirror cannot be asked for it at all.
    pub(super) fn deliver<T: Send>(
        &self,
        mirror: &Origin,
        (target, ahead): (&Target, usize),
        arrived: &dyn Fn(u64),
        take: impl FnOnce(Receiver<Bytes>) -> T + Send,
    ) -> Result<Delivered<T>, FetchError> {
        let delivery = mirror.target(target)?;
        let (sink, chunks) = mpsc::channel::<Bytes>(ahead);
        let mut checker = target.checker();
        let mut longer = None;
        let inspect = |piece: &[u8]| {
            arrived(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            longer = longer.take().or(checker.update(piece).err());
        };
        let (fetched, taken) = thread::scope(|scope| {
            let taker = scope.spawn(|| take(chunks));
            let fetched = self.runtime.block_on(delivery.stream(&sink, inspect));
            drop(sink);
            (fetched, taker.join())
        });
        let whole = longer.map_or_else(|| checker.finish(), |longer| Err(longer.into()));
        Ok(Delivered { fetched, whole, taken })
    }
}

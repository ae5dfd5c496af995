//! Ranges of one target from a server, by a few requests at a time.
//!
//! Each request is for one range of a bounded length, whose bytes wait in memory until it is their turn: at most [`AT_ONCE`] times [`MOST`] bytes.
//! The requests go on while the receiver is busy, and share what is measured and what is remembered: the least rate holds for all of them
//! together, progress of one is progress of the download, and all bytes are of one state of the file. Several ranges in one request are
//! never asked for: many servers do not know them, and the answer has to be taken apart.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::select;
use tokio::sync::mpsc::Sender;

use super::HttpError;
use super::body::{Body, length, waited};
use super::fetch::Fetch;
use super::pace::Together;
use super::part::Part;
use super::patience::Patience;
use super::pieces::pieces;
use super::resume::Validator;
use crate::address::shown;

/// Requests that are under way, or whose bytes wait, at a time.
const AT_ONCE: usize = 4;

/// Most bytes that one request asks for.
const MOST: u64 = 1 << 20;

/// Most bytes that are sent on at a time.
const PIECE: usize = 256 << 10;

/// The ranges of one download.
pub(super) struct Parts<'a, F> {
    fetch: &'a Fetch,
    ranges: &'a [Range<u64>],
    pace: Together,
    patience: RefCell<Patience>,
    validator: RefCell<Option<Validator>>,
    arrived: RefCell<F>,
}

impl<'a, F: FnMut(u64)> Parts<'a, F> {
    /// The bytes of `ranges`, which rise within the length of `fetch`; `arrived` is told of bytes as they come.
    pub(super) fn new(fetch: &'a Fetch, ranges: &'a [Range<u64>], arrived: F) -> Self {
        let at_once = pieces(ranges, MOST).take(AT_ONCE).count();
        let bytes = ranges.iter().map(|range| range.end - range.start).sum();
        let patience = RefCell::new(Patience::new(&fetch.client, bytes, at_once));
        let (pace, arrived) = (fetch.client.pace(), RefCell::new(arrived));
        Self { fetch, ranges, pace, patience, validator: RefCell::default(), arrived }
    }

    /// Sends the bytes, in order and without gaps, into `sink`.
    ///
    /// # Errors
    ///
    /// As [`Fetch::stream`]; and at once where the server has no ranges, or sends others for good.
    pub(super) async fn send(&self, sink: &Sender<Bytes>) -> Result<(), HttpError> {
        let mut wanted = pieces(self.ranges, MOST);
        let mut under_way = FuturesOrdered::new();
        let mut waiting = VecDeque::new();
        loop {
            let free = AT_ONCE - under_way.len() - waiting.len();
            under_way.extend(wanted.by_ref().take(free).map(|range| self.piece(range)));
            select! {
                place = sink.reserve(), if !waiting.is_empty() => {
                    let stopped = |_| HttpError::Stopped { url: shown(&self.fetch.url) };
                    let place = place.map_err(stopped)?;
                    if let Some(bytes) = next(&mut waiting) {
                        place.send(bytes);
                    }
                }
                Some(piece) = under_way.next(), if !under_way.is_empty() => {
                    waiting.push_back(piece?);
                }
                else => return Ok(()),
            }
        }
    }

    /// The bytes of one range, asked for as often as it takes.
    async fn piece(&self, range: Range<u64>) -> Result<Bytes, HttpError> {
        let wanted = usize::try_from(range.end - range.start).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(wanted);
        while range.start + length(&bytes) < range.end {
            let Err(error) = self.attempt(&range, &mut bytes).await else { continue };
            if !error.is_mended_by_retry() {
                return Err(error);
            }
            let pause = self.patience.borrow_mut().pause();
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
        Ok(bytes.freeze())
    }

    /// One request for what of `range` is not in `bytes` yet, and its body.
    async fn attempt(&self, range: &Range<u64>, bytes: &mut BytesMut) -> Result<(), HttpError> {
        let rest = range.start + length(bytes)..range.end;
        let expected = rest.end - rest.start;
        let mut got = 0;
        let mut body = self.ask(rest).await?;
        while let Some(chunk) = body.chunk().await? {
            (self.arrived.borrow_mut())(length(&chunk));
            got += length(&chunk);
            if got > expected {
                return Err(HttpError::LongRange { url: shown(&self.fetch.url), expected });
            }
            self.patience.borrow_mut().received(length(&chunk));
            bytes.extend_from_slice(&chunk);
        }
        if got == expected {
            return Ok(());
        }
        Err(HttpError::ShortRange { url: shown(&self.fetch.url), got, expected })
    }

    /// The body of the answer for `range`, if it is that and nothing else.
    async fn ask(&self, range: Range<u64>) -> Result<Body, HttpError> {
        let Fetch { client, url, length: total } = self.fetch;
        if client.ranges().is_lacking() {
            return Err(HttpError::NoRanges { url: shown(url) });
        }
        let validator = self.validator.borrow().clone();
        let part = Part { url, total: *total, range, validator };
        let answer = client.get_part(url, &part.range, part.validator.as_ref());
        let response = waited(&self.pace, url, answer, |_| 0).await??;
        let now = part.check(&response).inspect_err(|error| {
            if matches!(error, HttpError::NoRanges { .. }) {
                client.ranges().lacks();
            }
        })?;
        self.keep_state(now)?;
        Ok(Body::new(response, url, self.pace.clone()).throttled(client.throttle()))
    }

    /// The first answer says which state of the file the others have to be of, also those that were asked for before it came.
    fn keep_state(&self, now: Option<Validator>) -> Result<(), HttpError> {
        let mut kept = self.validator.borrow_mut();
        if kept.as_ref().is_some_and(|then| !then.allows(now.as_ref())) {
            return Err(HttpError::Changed { url: shown(&self.fetch.url) });
        }
        *kept = kept.take().or(now);
        Ok(())
    }
}

/// The next bytes to be sent on.
fn next(waiting: &mut VecDeque<Bytes>) -> Option<Bytes> {
    let front = waiting.front_mut()?;
    if front.len() > PIECE {
        return Some(front.split_to(PIECE));
    }
    waiting.pop_front()
}

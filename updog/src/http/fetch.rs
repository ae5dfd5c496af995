//! The download of one target from a server into a channel, resumed where it broke off.

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use url::Url;

use super::body::{Body, length};
use super::client::Start;
use super::patience::Patience;
use super::resume::Received;
use super::{Client, HttpError};
use crate::address::shown;

/// One target at its address, with the length that the signed metadata gives it.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(super) client: Client,
    pub(super) url: Url,
    /// In bytes.
    pub(super) length: u64,
}

impl Fetch {
    /// A download of `length` bytes from `url`.
    pub(crate) fn new(client: &Client, url: Url, length: u64) -> Self {
        Self { client: client.clone(), url, length }
    }

    /// Sends the body, in order and without gaps, into `sink`; `inspect` sees each piece before.
    ///
    /// A body that breaks off is asked for again from the next byte; a server that sends it from the first byte again is
    /// read past what is there already, which has to be the same bytes.
    ///
    /// # Errors
    ///
    /// Fails when the retries are used up without real progress ([`Patience`]), on an answer that no retry mends, when
    /// the file has changed on the way, when more than the length comes, and when the receiver has gone.
    pub(crate) async fn stream(
        &self,
        sink: &Sender<Bytes>,
        mut inspect: impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        let mut received = Received::default();
        let mut patience = Patience::new(&self.client, self.length, 1);
        while received.length < self.length {
            let before = received.length;
            let attempt = self.attempt(&mut received, sink, &mut inspect);
            let Err(error) = attempt.await else { continue };
            if !error.is_mended_by_retry() {
                return Err(error);
            }
            patience.received(received.length - before);
            match patience.pause() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
        Ok(())
    }

    /// One request and its body; counts what was sent on in `received`.
    async fn attempt(
        &self,
        received: &mut Received,
        sink: &Sender<Bytes>,
        inspect: &mut impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        let (body, validator, start) =
            self.client.get_rest(&self.url, received, self.length).await?;
        let mut body = body.throttled(self.client.throttle());
        let mut rest = Bytes::new();
        if start == Start::Beginning {
            rest = self.skip(&mut body, received).await?;
            received.validator = validator;
        }
        let mut next = Some(rest);
        while let Some(fresh) = next {
            self.send(fresh, received, sink, inspect).await?;
            next = body.chunk().await?;
        }
        self.whole(received.length)
    }

    /// Reads past what was received already, compares it, and gives back what came behind it in the same piece.
    async fn skip(&self, body: &mut Body, received: &Received) -> Result<Bytes, HttpError> {
        let mut again = Received::default();
        while again.length < received.length {
            let Some(mut chunk) = body.chunk().await? else { return Err(self.short(again.length)) };
            let known = (received.length - again.length).min(length(&chunk));
            let fresh = chunk.split_off(usize::try_from(known).unwrap_or(chunk.len()));
            again.push(&chunk);
            if again.length == received.length {
                return self.same(&again, received).map(|()| fresh);
            }
        }
        Ok(Bytes::new())
    }

    fn same(&self, again: &Received, received: &Received) -> Result<(), HttpError> {
        if again.agrees(received) {
            return Ok(());
        }
        Err(HttpError::Changed { url: shown(&self.url) })
    }

    /// Sends on what is new, within the length.
    async fn send(
        &self,
        fresh: Bytes,
        received: &mut Received,
        sink: &Sender<Bytes>,
        inspect: &mut impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        if fresh.is_empty() {
            return Ok(());
        }
        if received.length.saturating_add(length(&fresh)) > self.length {
            return Err(HttpError::TooLong { url: shown(&self.url), limit: self.length });
        }
        inspect(&fresh);
        received.push(&fresh);
        sink.send(fresh).await.map_err(|_| HttpError::Stopped { url: shown(&self.url) })
    }

    fn whole(&self, got: u64) -> Result<(), HttpError> {
        if got == self.length { Ok(()) } else { Err(self.short(got)) }
    }

    fn short(&self, got: u64) -> HttpError {
        HttpError::Short { url: shown(&self.url), got, expected: self.length }
    }
}

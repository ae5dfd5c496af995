//! The download of one target into a channel, resumed where it broke off.

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use url::Url;

use super::body::{Body, length};
use super::client::Start;
use super::error::shown;
use super::resume::Received;
use super::{Client, HttpError};

/// Less new bytes than this do not count as progress: a server cannot have a host come back for ever.
const STEP: u64 = 64 << 10;

/// Nor do less than this share of the whole, so that the number of requests is bounded, too.
const STEPS: u64 = 1000;

/// One target at its address, with the length that the signed metadata gives it.
#[derive(Clone, Debug)]
pub struct Download {
    client: Client,
    url: Url,
    length: u64,
}

impl Download {
    /// A download of `length` bytes from `name` below `base`.
    ///
    /// # Errors
    ///
    /// Fails when `name` would lead to an address that is not below `base`.
    pub fn new(client: &Client, base: &Url, name: &str, length: u64) -> Result<Self, HttpError> {
        Ok(Self { client: client.clone(), url: below(base, name)?, length })
    }

    /// Sends the body, in order and without gaps, into `sink`; `inspect` sees each piece before.
    ///
    /// A body that breaks off is asked for again from the next byte; a server that sends it from the first byte again is
    /// read past what is there already, which has to be the same bytes.
    ///
    /// # Errors
    ///
    /// Fails when the retries are used up without real progress ([`STEP`], [`STEPS`]), on an answer that no retry mends, when
    /// the file has changed on the way, when more than the length comes, and when the receiver has gone.
    pub async fn stream(
        &self,
        sink: &Sender<Bytes>,
        mut inspect: impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        let step = STEP.max(self.length / STEPS);
        let mut received = Received::default();
        let (mut pauses, mut mark) = (self.client.pauses(), 0);
        while received.length < self.length {
            let attempt = self.attempt(&mut received, sink, &mut inspect);
            let Err(error) = attempt.await else { continue };
            if !error.is_mended_by_retry() {
                return Err(error);
            }
            if received.length - mark >= step {
                (pauses, mark) = (self.client.pauses(), received.length);
            }
            match pauses.next() {
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
        let (mut body, validator, start) =
            self.client.get_rest(&self.url, received, self.length).await?;
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

/// The address of `name` below `base`. Names come from signed metadata and are still not trusted to
/// stay below it.
pub(crate) fn below(base: &Url, name: &str) -> Result<Url, HttpError> {
    let refused = || HttpError::Name { name: name.to_owned(), base: shown(base) };
    let strange = |part: &str| part.is_empty() || part == "." || part == "..";
    if name.split('/').any(strange) || name.contains(['\\', '\0']) {
        return Err(refused());
    }
    let mut url = base.clone();
    let mut segments = url.path_segments_mut().map_err(|()| refused())?;
    segments.pop_if_empty().extend(name.split('/'));
    drop(segments);
    Ok(url)
}

/// The address of the one file `name` below `base`: slashes in it are no folders.
pub(crate) fn file_below(base: &Url, name: &str) -> Result<Url, HttpError> {
    let refused = || HttpError::Name { name: name.to_owned(), base: shown(base) };
    let mut url = base.clone();
    let path = format!("{}/{}", url.path().trim_end_matches('/'), trust::escape(name));
    if url.cannot_be_a_base() || matches!(name, "" | "." | "..") {
        return Err(refused());
    }
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_base() {
        let base = Url::parse("https://updates.example/targets/").unwrap();
        let good = below(&base, "0f.root image?.lz4").unwrap();
        assert_eq!(good.as_str(), "https://updates.example/targets/0f.root%20image%3F.lz4");
        for name in ["", ".", "../x", "a/../b", "a//b", "/etc/passwd", "a\\b", "a\0b"] {
            assert!(below(&base, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_role_name_is_one_segment_whatever_it_holds() {
        let base = Url::parse("https://updates.example/metadata/").unwrap();
        let shown = |name| file_below(&base, name).unwrap().to_string();
        assert_eq!(shown("1.root.json"), "https://updates.example/metadata/1.root.json");
        assert_eq!(
            shown("1.../x?#%.json"),
            "https://updates.example/metadata/1...%2Fx%3F%23%25.json"
        );
        assert!(file_below(&base, "").is_err());
    }

    #[test]
    fn a_name_that_looks_like_an_address_is_only_a_name() {
        let base = Url::parse("https://updates.example/targets/").unwrap();
        assert!(below(&base, "https://elsewhere.example/x").is_err());
        let odd = below(&base, "https:elsewhere").unwrap();
        assert_eq!(odd.host_str(), Some("updates.example"));
    }
}

//! The download of one target into a channel, resumed where it broke off.

use bytes::Bytes;
use reqwest::Response;
use tokio::sync::mpsc::Sender;
use url::Url;

use super::client::Start;
use super::error::shown;
use super::{Client, HttpError};

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
    /// A body that breaks off is asked for again from the next byte; a server that ignores the range is
    /// read past what is there already.
    ///
    /// # Errors
    ///
    /// Fails when the retries without a new byte are used up, on an answer that no retry mends, when more
    /// than the length comes, and when the receiver has gone.
    pub async fn stream(
        &self,
        sink: &Sender<Bytes>,
        mut inspect: impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        let mut sent = 0;
        let mut pauses = self.client.pauses();
        while sent < self.length {
            let before = sent;
            let Err(error) = self.attempt(&mut sent, sink, &mut inspect).await else { continue };
            if !error.is_temporary() {
                return Err(error);
            }
            if sent > before {
                pauses = self.client.pauses();
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
        Ok(())
    }

    /// One request and its body; counts what was sent on in `sent`.
    async fn attempt(
        &self,
        sent: &mut u64,
        sink: &Sender<Bytes>,
        inspect: &mut impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        let (mut response, start) = self.client.get(&self.url, *sent).await?;
        let mut position = match start {
            Start::Beginning => 0,
            Start::AsAsked => *sent,
        };
        while let Some(mut chunk) = self.chunk(&mut response).await? {
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            let known = (*sent - position).min(length);
            position += length;
            if position > self.length {
                return Err(HttpError::TooLong { url: shown(&self.url), limit: self.length });
            }
            let fresh = chunk.split_off(usize::try_from(known).unwrap_or(chunk.len()));
            if !fresh.is_empty() {
                let stopped = |_| HttpError::Stopped { url: shown(&self.url) };
                inspect(&fresh);
                sink.send(fresh).await.map_err(stopped)?;
                *sent = position;
            }
        }
        self.whole(*sent)
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, HttpError> {
        response.chunk().await.map_err(|error| HttpError::network(&self.url, error))
    }

    fn whole(&self, got: u64) -> Result<(), HttpError> {
        if got == self.length {
            return Ok(());
        }
        Err(HttpError::Short { url: shown(&self.url), got, expected: self.length })
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

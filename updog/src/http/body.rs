//! The body of an answer, piece by piece, at no less than the least rate.

use std::time::Instant;

use bytes::Bytes;
use reqwest::Response;
use url::Url;

use super::HttpError;
use super::pace::{Pace, Rate};
use crate::address::shown;

/// A body that is still arriving.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    url: Url,
    least: Rate,
    pace: Pace,
}

impl Body {
    pub(crate) fn new(response: Response, url: &Url, least: Rate) -> Self {
        Self { response, url: url.clone(), least, pace: Pace::new(least) }
    }

    /// The next piece, or none at the end.
    ///
    /// # Errors
    ///
    /// Fails when the body breaks off, when the server is silent, and when it is slower than it may be.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let asked = Instant::now();
        let chunk = self.response.chunk().await;
        let chunk = chunk.map_err(|error| HttpError::network(&self.url, error))?;
        let Some(chunk) = chunk else { return Ok(None) };
        let noted = self.pace.note(asked.elapsed(), length(&chunk));
        noted.map_err(|slow| HttpError::TooSlow {
            url: shown(&self.url),
            got: slow.bytes,
            seconds: slow.waited.as_secs(),
            least: self.least.bytes_per_second,
        })?;
        Ok(Some(chunk))
    }
}

/// Length of a piece in bytes.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

//! The body of an answer, piece by piece, at no less than the least rate.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Response;
use tokio::time::timeout;
use url::Url;

use super::HttpError;
use super::pace::Together;
use super::throttle::Throttle;
use crate::address::shown;

/// A body that is still arriving.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    url: Url,
    pace: Together,
    throttle: Option<Throttle>,
}

impl Body {
    /// The body of an answer of `url`, which has to keep up with `pace`.
    pub(crate) fn new(response: Response, url: &Url, pace: Together) -> Self {
        Self { response, url: url.clone(), pace, throttle: None }
    }

    /// The same body, whose pieces are taken no faster than `throttle` lets them pass.
    pub(crate) fn throttled(self, throttle: Option<Throttle>) -> Self {
        Self { throttle, ..self }
    }

    /// The next piece, or none at the end.
    ///
    /// # Errors
    ///
    /// Fails when the body breaks off, when the server is silent, and when it is slower than it may be.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let arriving = self.response.chunk();
        let bytes = |chunk: &Result<Option<Bytes>, _>| match chunk {
            Ok(Some(chunk)) => length(chunk),
            _ => 0,
        };
        let chunk = waited(&self.pace, &self.url, arriving, bytes).await?;
        let chunk = chunk.map_err(|error| HttpError::network(&self.url, error))?;
        if let (Some(throttle), Some(chunk)) = (&self.throttle, &chunk) {
            throttle.pass(length(chunk)).await;
        }
        Ok(chunk)
    }
}

/// How long what is there already may take to get here once the time is over: the whole process may have stood still.
const GRACE: Duration = Duration::from_millis(200);

/// What is to come from `url`, if the server is not silent for so long. The time counts from now on, whatever was done before: a reader that
/// was busy elsewhere finds what has come meanwhile.
///
/// # Errors
///
/// Fails when nothing comes.
pub(crate) async fn unless_silent<T>(
    silence: Duration,
    url: &Url,
    arriving: impl Future<Output = T>,
) -> Result<T, HttpError> {
    let mut arriving = pin!(arriving);
    if let Ok(arrived) = timeout(silence, arriving.as_mut()).await {
        return Ok(arrived);
    }
    let late = timeout(GRACE, arriving).await;
    late.map_err(|_| HttpError::Silent { url: shown(url), seconds: silence.as_secs() })
}

/// Waits for what `url` is to send, which counts for `pace` with as many bytes as `bytes` finds in it.
///
/// # Errors
///
/// Fails when the server is slower than it may be, and when it is silent.
pub(crate) async fn waited<T>(
    pace: &Together,
    url: &Url,
    arriving: impl Future<Output = T>,
    bytes: impl FnOnce(&T) -> u64,
) -> Result<T, HttpError> {
    pace.begin(Instant::now());
    let arrived = unless_silent(pace.least().window, url, arriving).await;
    let came = arrived.as_ref().map_or(0, bytes);
    let kept_up = pace.end(Instant::now(), came);
    let arrived = arrived?;
    kept_up.map_err(|slow| HttpError::TooSlow {
        url: shown(url),
        got: slow.bytes,
        seconds: slow.waited.as_secs(),
        least: pace.least().bytes_per_second,
    })?;
    Ok(arrived)
}

/// Length of a piece in bytes.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

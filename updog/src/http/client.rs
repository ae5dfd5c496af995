//! The one HTTP client of a run.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{NoProxy, Proxy, Response, StatusCode};
use url::Url;

use super::error::shown;
use super::{HttpError, Query};
use crate::config::Settings;

/// Redirects that are followed before an answer counts as a loop.
const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests with this host's proxy, time-outs, user agent and query parameters.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    query: Query,
    retries: u32,
}

/// Where the body of an answer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the first byte, whatever was asked for.
    Beginning,
    /// At the byte that was asked for.
    AsAsked,
}

impl Client {
    /// Makes the client.
    ///
    /// # Errors
    ///
    /// Fails when the proxy or the TLS set-up of the host is not usable.
    pub fn new(settings: &Settings, query: Query) -> Result<Self, HttpError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("updog/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(settings.idle_timeout)
            .redirect(Policy::custom(redirect))
            .no_proxy();
        let builder = match proxy(settings)? {
            Some(proxy) => builder.proxy(proxy),
            None => builder,
        };
        let http = builder.build().map_err(HttpError::Client)?;
        Ok(Self { http, query, retries: settings.retries })
    }

    /// Asks for `url` from byte `offset` on, once.
    pub(crate) async fn get(&self, url: &Url, offset: u64) -> Result<(Response, Start), HttpError> {
        let mut request = self.http.get(self.query.apply(url.clone()));
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let response = request.send().await.map_err(|error| HttpError::network(url, error))?;
        let status = response.status();
        match status {
            StatusCode::OK => Ok((response, Start::Beginning)),
            StatusCode::PARTIAL_CONTENT if offset > 0 => {
                check_range(url, &response, offset)?;
                Ok((response, Start::AsAsked))
            }
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => {
                Err(HttpError::Absent { url: shown(url), status })
            }
            _ => Err(HttpError::Status { url: shown(url), status }),
        }
    }

    /// The pauses between tries without progress: from half a second, doubled, with jitter.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(20))
            .with_max_times(usize::try_from(self.retries).unwrap_or(usize::MAX))
            .with_jitter()
            .build()
    }
}

/// Follows a few redirects, and none from HTTPS to plain HTTP.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
    if secure && attempt.url().scheme() != "https" {
        return attempt.error("a redirect leads from HTTPS to plain HTTP");
    }
    attempt.follow()
}

fn proxy(settings: &Settings) -> Result<Option<Proxy>, HttpError> {
    let Some(url) = &settings.https_proxy else { return Ok(None) };
    let proxy = Proxy::all(url.clone()).map_err(HttpError::Client)?;
    let exempt = settings.no_proxy.as_deref().and_then(NoProxy::from_string);
    Ok(Some(proxy.no_proxy(exempt)))
}

/// A partial answer must start where it was asked to.
fn check_range(url: &Url, response: &Response, wanted: u64) -> Result<(), HttpError> {
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let got = header.unwrap_or_default();
    if got.starts_with(&format!("bytes {wanted}-")) {
        return Ok(());
    }
    Err(HttpError::WrongRange { url: shown(url), wanted, got: got.to_owned() })
}

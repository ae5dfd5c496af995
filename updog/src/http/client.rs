//! The one HTTP client of a run.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use cli::ByteCount;
use reqwest::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, ClientBuilder, NoProxy, Proxy, RequestBuilder, Response, StatusCode};
use rustls::pki_types::CertificateDer;
use url::Url;

use super::body::{Body, unless_silent};
use super::pace::{Rate, Together};
use super::resume::{Received, Validator};
use super::support::Support;
use super::throttle::Throttle;
use super::{HttpError, Query};
use crate::address::shown;
use crate::config::{Network, Roots};

/// Redirects that are followed before an answer counts as a loop.
const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests with this host's proxy, time-outs, user agent and query parameters.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    query: Query,
    retries: u32,
    rate: Rate,
    ranges: Support,
    throttle: Option<Throttle>,
    timestamp: Arc<Mutex<Option<State>>>,
}

/// A file of a server, and what says whether it is still that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Its address, without anything secret.
    pub(crate) address: String,
    /// The header that stands for it.
    pub(crate) validator: Validator,
}

/// Proxies and headers may hold credentials: nothing of them is printed.
impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").finish_non_exhaustive()
    }
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
    /// Makes the client, which trusts servers with a certificate of `roots`.
    ///
    /// # Errors
    ///
    /// Fails when the proxy or the TLS set-up of the host is not usable.
    pub fn new(network: &Network, roots: &Roots, query: Query) -> Result<Self, HttpError> {
        let builder = builder(network, roots)?.redirect(Policy::custom(redirect));
        let http = builder.build().map_err(HttpError::client)?;
        let (retries, rate) = (network.retries, network.least_rate);
        let (ranges, timestamp) = Default::default();
        Ok(Self { http, query, retries, rate, ranges, throttle: None, timestamp })
    }

    /// The same client, whose targets take at most `rate` bytes a second, all together.
    pub fn throttled(self, rate: Option<ByteCount>) -> Self {
        Self { throttle: rate.map(|rate| Throttle::new(rate.0)), ..self }
    }

    /// What targets pass through, if their rate is limited.
    pub(crate) fn throttle(&self) -> Option<Throttle> {
        self.throttle.clone()
    }

    /// The same client for one more mirror, of whose server nothing is known yet.
    pub(crate) fn for_mirror(&self) -> Self {
        Self { ranges: Support::default(), ..self.clone() }
    }

    /// Whether the mirror's server knows ranges, as far as is known.
    pub(crate) fn ranges(&self) -> &Support {
        &self.ranges
    }

    /// What the answers of a download have to keep up with, alone or together.
    pub(crate) fn pace(&self) -> Together {
        Together::new(self.rate)
    }

    /// What says whether the timestamp has changed since it was fetched the last time, from whichever mirror.
    pub(crate) fn timestamp(&self) -> Option<State> {
        self.timestamp.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_timestamp(&self, url: &Url, validator: Option<Validator>) {
        let state = validator.map(|validator| State { address: shown(url), validator });
        *self.timestamp.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Asks once whether `url` is still what it was. Whatever the server says but that counts as a change.
    pub(crate) async fn is_unchanged(
        &self,
        url: &Url,
        validator: &Validator,
    ) -> Result<bool, HttpError> {
        let name = if validator.is_tag() { IF_NONE_MATCH } else { IF_MODIFIED_SINCE };
        let request = self.request(url).header(name, validator.header());
        Ok(self.send(url, request).await?.status() == StatusCode::NOT_MODIFIED)
    }

    /// Asks for all of `url`, once.
    pub(crate) async fn get(&self, url: &Url) -> Result<(Body, Option<Validator>), HttpError> {
        let response = self.send(url, self.request(url)).await?;
        match response.status() {
            StatusCode::OK => Ok(self.body(url, response)),
            status => Err(refused(url, status)),
        }
    }

    /// Asks once for what of `url`, `total` bytes in all, comes after what was received.
    pub(crate) async fn get_rest(
        &self,
        url: &Url,
        received: &Received,
        total: u64,
    ) -> Result<(Body, Option<Validator>, Start), HttpError> {
        if received.length == 0 {
            return self
                .get(url)
                .await
                .map(|(body, validator)| (body, validator, Start::Beginning));
        }
        let mut request = self.request(url).header(RANGE, format!("bytes={}-", received.length));
        if let Some(validator) = &received.validator {
            request = request.header(IF_RANGE, validator.header());
        }
        let response = self.send(url, request).await?;
        let start = match response.status() {
            StatusCode::OK => Start::Beginning,
            StatusCode::PARTIAL_CONTENT => {
                received.check_rest(url, &response, total)?;
                Start::AsAsked
            }
            // There is nothing behind what came already.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let (got, expected) = (received.length, total);
                return Err(HttpError::Short { url: shown(url), got, expected });
            }
            status => return Err(refused(url, status)),
        };
        let (body, validator) = self.body(url, response);
        Ok((body, validator, start))
    }

    /// Asks once for a range of `url`, if it is still the one of `validator`. The answer may be any.
    pub(crate) async fn get_part(
        &self,
        url: &Url,
        part: &Range<u64>,
        validator: Option<&Validator>,
    ) -> Result<Response, HttpError> {
        let range = format!("bytes={}-{}", part.start, part.end.saturating_sub(1));
        let mut request = self.request(url).header(RANGE, range);
        if let Some(validator) = validator {
            request = request.header(IF_RANGE, validator.header());
        }
        self.send(url, request).await
    }

    fn request(&self, url: &Url) -> RequestBuilder {
        self.http.get(self.query.apply(url.clone()))
    }

    async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Response, HttpError> {
        let sent = unless_silent(self.rate.window, url, request.send()).await?;
        sent.map_err(|error| HttpError::network(url, error))
    }

    fn body(&self, url: &Url, response: Response) -> (Body, Option<Validator>) {
        let validator = Validator::of(&response);
        (Body::new(response, url, self.pace()), validator)
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

/// Requests with this host's proxy and time-outs, to servers with a certificate of `roots`.
///
/// # Errors
///
/// Fails when the proxy or the TLS set-up of the host is not usable.
pub(super) fn builder(network: &Network, roots: &Roots) -> Result<ClientBuilder, HttpError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("updog/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .referer(false)
        .no_proxy();
    let builder = match proxy(network)? {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    match roots {
        Roots::System => Ok(builder),
        Roots::Only(roots) => Ok(builder.tls_certs_only(certificates(roots)?)),
    }
}

/// Follows a few redirects, and only where [`is_allowed`] lets them lead.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    if !is_allowed(attempt.previous(), attempt.url()) {
        return attempt.error("a redirect leads to plain HTTP");
    }
    attempt.follow()
}

/// Any host may be led to over HTTPS. Plain HTTP is for a base that was configured so, and then for its own host alone.
fn is_allowed(previous: &[Url], next: &Url) -> bool {
    let plain = |url: &Url| url.scheme() == "http" && url.host() == next.host();
    match next.scheme() {
        "https" => true,
        "http" => previous.iter().all(plain),
        _ => false,
    }
}

fn proxy(network: &Network) -> Result<Option<Proxy>, HttpError> {
    let Some(address) = &network.proxy else { return Ok(None) };
    let proxy = Proxy::all(address.url().clone()).map_err(HttpError::client)?;
    let exempt = network.no_proxy.as_deref().and_then(NoProxy::from_string);
    Ok(Some(proxy.no_proxy(exempt)))
}

fn certificates(roots: &[CertificateDer<'_>]) -> Result<Vec<Certificate>, HttpError> {
    let roots = roots.iter().map(|root| Certificate::from_der(root));
    roots.collect::<Result<_, _>>().map_err(HttpError::client)
}

/// What another status than success means. Only these three say that there is no such file.
pub(super) fn refused(url: &Url, status: StatusCode) -> HttpError {
    let url = shown(url);
    match status {
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => {
            HttpError::Absent { url, status }
        }
        _ => HttpError::Status { url, status },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn allowed(path: &[&str], next: &str) -> bool {
        let path: Vec<_> = path.iter().map(|url| Url::parse(url).unwrap()).collect();
        is_allowed(&path, &Url::parse(next).unwrap())
    }

    #[test]
    fn no_redirect_leads_from_https_to_plain_http() {
        assert!(allowed(&["https://a/x"], "https://b/y"));
        assert!(!allowed(&["https://a/x"], "http://a/x"));
        assert!(!allowed(&["http://a/x", "https://a/x"], "http://a/y"));
    }

    #[test]
    fn a_plain_base_is_led_to_its_own_host_or_to_https() {
        assert!(allowed(&["http://a/x"], "http://a:8080/y"));
        assert!(allowed(&["http://a/x"], "https://b/y"));
        assert!(!allowed(&["http://a/x"], "http://b/y"));
        assert!(!allowed(&["http://a/x", "http://a/y"], "http://b/y"));
    }

    #[test]
    fn other_schemes_are_not_followed() {
        assert!(!allowed(&["http://a/x"], "file:///etc/shadow"));
        assert!(!allowed(&["https://a/x"], "ftp://a/x"));
    }
}

//! What servers say of themselves, whatever they hold.

use chrono::{DateTime, Utc};
use reqwest::header::DATE;
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use url::Url;

use super::HttpError;
use super::client::builder;
use crate::config::{Network, Roots};

/// Asks servers who they are: without what says which host asks, and without going where they lead.
#[derive(Debug)]
pub(crate) struct Greeter(reqwest::Client);

/// What a server says of itself.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// Its time.
    pub(crate) date: Option<DateTime<Utc>>,
    /// Its certificate as DER, which was verified. What a proxy is between is not seen.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Greeter {
    /// Who asks with this host's proxy and time-outs.
    ///
    /// # Errors
    ///
    /// Fails when the proxy or the TLS set-up of the host is not usable.
    pub(crate) fn new(network: &Network, roots: &Roots) -> Result<Self, HttpError> {
        let builder = builder(network, roots)?.redirect(Policy::none()).tls_info(true);
        builder.build().map(Self).map_err(HttpError::client)
    }

    /// Asks for the file `name` of `base`; nothing if there is no answer.
    pub(crate) async fn greet(&self, base: &Url, name: &str) -> Option<Greeting> {
        let url = base.join(name).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let is_its_own = url.scheme() == "https";
        let response = self.0.get(url).send().await.ok()?;
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        // Over plain HTTP it would be that of a proxy.
        let tls = response.extensions().get::<TlsInfo>().filter(|_| is_its_own);
        let certificate = tls.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
        Some(Greeting { date: date.map(|date| date.to_utc()), certificate })
    }
}

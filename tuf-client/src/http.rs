//! Files over HTTP, once each: no retries, so that the requests are those that the verification asked for.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::{Response, StatusCode};
use trust::{Fetched, MetadataSource, SourceError, escape};
use url::Url;

use crate::error::Error;

/// How long a server may be silent.
const IDLE: Duration = Duration::from_secs(30);

/// The one client of a run.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
}

/// The metadata folder of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    http: Http,
    base: Url,
}

impl Http {
    pub(crate) fn new() -> Result<Self, Error> {
        let builder =
            reqwest::Client::builder().connect_timeout(IDLE).read_timeout(IDLE).no_proxy();
        Ok(Self { client: builder.build().map_err(Error::Http)? })
    }

    pub(crate) fn metadata(&self, base: &Url) -> Metadata {
        Metadata { http: self.clone(), base: base.clone() }
    }

    /// An answer of success, or none where the server says that there is nothing.
    pub(crate) async fn get(&self, url: &Url) -> Result<Option<Response>, reqwest::Error> {
        let response = self.client.get(url.clone()).send().await?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => Ok(None),
            _ => response.error_for_status().map(Some),
        }
    }
}

impl Metadata {
    async fn get(&self, url: &Url, limit: u64) -> Result<Option<BytesMut>, reqwest::Error> {
        let Some(mut response) = self.http.get(url).await? else { return Ok(None) };
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if is_longer(&body, limit) {
                break;
            }
        }
        Ok(Some(body))
    }
}

fn is_longer(body: &[u8], limit: u64) -> bool {
    u64::try_from(body.len()).is_ok_and(|length| length > limit)
}

impl MetadataSource for Metadata {
    async fn fetch(&self, name: &str, limit: u64) -> Result<Fetched, SourceError> {
        let Some(url) = below(&self.base, [name]) else {
            return Err(SourceError::failed(name, "the name gives no address"));
        };
        match self.get(&url, limit).await {
            Ok(None) => Ok(Fetched::Absent),
            Ok(Some(body)) if is_longer(&body, limit) => {
                Err(SourceError::TooLong { name: name.to_owned(), limit })
            }
            Ok(Some(body)) => Ok(Fetched::Bytes(body.freeze())),
            Err(error) => Err(SourceError::temporary(name, error)),
        }
    }
}

/// The address of folders and a file below `base`, whatever characters they hold; none for those that lead upwards.
pub(crate) fn below<'a>(base: &Url, names: impl IntoIterator<Item = &'a str>) -> Option<Url> {
    let mut url = base.clone();
    let mut path = url.path().trim_end_matches('/').to_owned();
    for name in names {
        if matches!(name, "." | "..") {
            return None;
        }
        path.push('/');
        path.push_str(&escape(name));
    }
    url.set_path(&path);
    Some(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        let base = Url::parse("http://127.0.0.1:1/a%20b/metadata/").unwrap();
        let url = below(&base, ["1.../x?#.json"]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/a%20b/metadata/1...%2Fx%3F%23.json");
        let url = below(&base, "a/b".split('/')).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/a%20b/metadata/a/b");
        assert!(below(&base, "a/../b".split('/')).is_none());
    }
}

//! Metadata files from a server or a medium, for `trust` to verify.

use trust::{Fetched, MetadataSource, SourceError};
use url::Url;

use super::medium::Medium;
use super::name::file_below;
use super::{Client, HttpError};
use crate::address::{Address, shown};

/// The file that changes with everything.
const TIMESTAMP: &str = "timestamp.json";

/// The metadata folder of a repository.
#[derive(Clone, Debug)]
pub struct Metadata {
    client: Client,
    base: Address,
}

impl Metadata {
    /// The metadata below `base`.
    pub fn new(client: &Client, base: &Address) -> Self {
        Self { client: client.clone(), base: base.clone() }
    }

    /// The whole of a small file, at most `limit` bytes.
    async fn small(&self, name: &str, limit: u64) -> Result<Vec<u8>, HttpError> {
        match Medium::at(self.base.url()) {
            Some(medium) => medium.read(&trust::escape(name), limit),
            None => self.fetch_again(name, limit).await,
        }
    }

    /// The file from a server, with retries.
    async fn fetch_again(&self, name: &str, limit: u64) -> Result<Vec<u8>, HttpError> {
        let url = file_below(self.base.url(), name)?;
        let mut pauses = self.client.pauses();
        loop {
            match self.once(&url, limit).await {
                Err(error) if error.is_mended_by_retry() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                other => return other,
            }
        }
    }

    async fn once(&self, url: &Url, limit: u64) -> Result<Vec<u8>, HttpError> {
        let (mut arriving, validator) = self.client.get(url).await?;
        let mut body = Vec::new();
        while let Some(chunk) = arriving.chunk().await? {
            let length = u64::try_from(body.len() + chunk.len()).unwrap_or(u64::MAX);
            if length > limit {
                return Err(HttpError::TooLong { url: shown(url), limit });
            }
            body.extend_from_slice(&chunk);
        }
        if self.timestamp().is_some_and(|timestamp| timestamp == *url) {
            self.client.note_timestamp(url, validator);
        }
        Ok(body)
    }

    /// The address of the timestamp, which changes with everything.
    pub(crate) fn timestamp(&self) -> Option<Url> {
        let on_server = Medium::at(self.base.url()).is_none();
        file_below(self.base.url(), TIMESTAMP).ok().filter(|_| on_server)
    }
}

impl MetadataSource for Metadata {
    async fn fetch(&self, name: &str, limit: u64) -> Result<Fetched, SourceError> {
        match self.small(name, limit).await {
            Ok(bytes) => Ok(Fetched::Bytes(bytes.into())),
            Err(error) if error.is_absent() => Ok(Fetched::Absent),
            Err(HttpError::TooLong { limit, .. }) => {
                Err(SourceError::TooLong { name: name.to_owned(), limit })
            }
            Err(error) if error.is_temporary() => Err(SourceError::temporary(name, error)),
            Err(error) => Err(SourceError::failed(name, error)),
        }
    }
}

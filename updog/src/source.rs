//! Where this run gets metadata and targets from: the mirrors of the configuration, or a bundle at hand.
//!
//! Nobody below this trusts either of them: `trust` verifies the metadata and each target's checker its bytes, whatever
//! they came through. What differs is only how bytes are brought, and what it means when they are not.

mod bundle;
mod tar;

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use trust::{Fetched, MetadataSource, SourceError, Target};

use crate::config::{Settings, Source};
use crate::error::Error;
use crate::http::{Client, Download, HttpError, Metadata, Query};
use bundle::Reading;

pub use bundle::{Bundle, BundleError};
pub use tar::TarError;

/// Why a target was not brought.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// By a server.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// From a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl FetchError {
    /// Whether the receiving side gave up; it holds the reason.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Http(HttpError::Stopped { .. }) | Self::Bundle(BundleError::Stopped))
    }
}

/// One place that metadata and targets come from.
#[derive(Debug)]
pub enum Origin {
    /// A mirror of the configuration: servers, or folders of a medium.
    Mirror(Client, Source),
    /// A folder or a tar file with all of it.
    Bundle(Bundle),
}

impl Origin {
    /// The bundle `from`, if one is given; else the mirrors of the configuration, in their order.
    ///
    /// # Errors
    ///
    /// Fails when the bundle cannot be read or is none, or no HTTP client can be made.
    pub fn all(
        settings: &Settings,
        query: &Query,
        from: Option<&Path>,
    ) -> Result<Vec<Self>, Error> {
        if let Some(path) = from {
            let bundle = Bundle::open(path).map_err(|error| Error::Source(error.into()))?;
            return Ok(vec![Self::Bundle(bundle)]);
        }
        let roots = settings.network.roots()?;
        let client = Client::new(&settings.network, &roots, query.clone());
        let client = client.map_err(|error| Error::Source(error.into()))?;
        let mirror = |source: &Source| Self::Mirror(client.clone(), source.clone());
        Ok(settings.sources.iter().map(mirror).collect())
    }

    /// The bytes of a target, to be streamed; nothing of them is verified.
    ///
    /// # Errors
    ///
    /// Fails when its name leads elsewhere, or a bundle does not have it in its length.
    pub fn target(&self, target: &Target) -> Result<Delivery, FetchError> {
        let path = target.path();
        Ok(match self {
            Self::Mirror(client, source) => {
                let length = target.length();
                Delivery::Download(Download::new(client, &source.targets, &path, length)?)
            }
            Self::Bundle(bundle) => Delivery::Reading(bundle.target(&path, target.length())?),
        })
    }
}

/// As it is called in messages and in the record of mirrors that were left.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mirror(_, source) => source.fmt(out),
            Self::Bundle(bundle) => bundle.path().display().fmt(out),
        }
    }
}

impl MetadataSource for Origin {
    async fn fetch(&self, name: &str, limit: u64) -> Result<Fetched, SourceError> {
        match self {
            Self::Mirror(client, source) => {
                Metadata::new(client, &source.metadata).fetch(name, limit).await
            }
            Self::Bundle(bundle) => bundle.metadata(name, limit),
        }
    }
}

/// A target on its way.
#[derive(Debug)]
pub enum Delivery {
    /// From a server.
    Download(Download),
    /// From a bundle.
    Reading(Reading),
}

impl Delivery {
    /// Sends the bytes, in order and without gaps, into `sink`; `inspect` sees each piece before.
    ///
    /// # Errors
    ///
    /// Fails when they do not all come, and when the receiver has gone.
    pub async fn stream(
        &self,
        sink: &Sender<Bytes>,
        inspect: impl FnMut(&[u8]),
    ) -> Result<(), FetchError> {
        match self {
            Self::Download(download) => Ok(download.stream(sink, inspect).await?),
            Self::Reading(reading) => Ok(reading.stream(sink, inspect).await?),
        }
    }
}

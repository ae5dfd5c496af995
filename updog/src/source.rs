//! Where this run gets metadata and targets from: the mirrors of the configuration, or a bundle at hand.
//!
//! Nobody below this trusts either of them: `trust` verifies the metadata and each target's checker its bytes, whatever
//! they came through. What differs is only how bytes are brought, and what it means when they are not.

mod bundle;
pub mod tar;

use std::fmt;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use trust::{Fetched, MetadataSource, SourceError, Target};

use crate::config::{Settings, Source};
use crate::error::Error;
use crate::http::{Client, Download, HttpError, Metadata, Query, first_strange};
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
    /// Bytes were asked for that no target of this length has, or that are empty or not in order.
    #[error(
        "bytes {start} to {end} are no range of a target of {length} bytes, or not the next one"
    )]
    Range {
        /// The first byte.
        start: u64,
        /// The byte behind the last.
        end: u64,
        /// Length of the target.
        length: u64,
    },
    /// There are too many threads on the host, or in the unit.
    #[error("cannot start one more thread")]
    Thread(#[source] std::io::Error),
}

impl FetchError {
    /// Whether the receiving side gave up; it holds the reason.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Http(HttpError::Stopped { .. }) | Self::Bundle(BundleError::Stopped))
    }

    /// Whether the server, or the way to it, is in trouble: what is asked for does not matter.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Http(error) if error.is_away())
    }

    /// Whether the server has no ranges; the whole can be had from it all the same.
    pub fn is_no_ranges(&self) -> bool {
        matches!(self, Self::Http(HttpError::NoRanges { .. }))
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
        let client = client.throttled(settings.limits.rate);
        let mirror = |source: &Source| Self::Mirror(client.for_mirror(), source.clone());
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

    /// Sends the bytes of `ranges` (byte ranges of the target, rising, not empty, within its length) one behind the other into `sink`,
    /// without gaps and in pieces of some hundred kilobytes at most. Several requests are under way at a time, which hold up to 4 MiB; ranges that
    /// touch each other are asked for one by one. `arrived` is told of bytes as they come, also of those that are of no use.
    ///
    /// # Errors
    ///
    /// As [`Delivery::stream`], without content being looked at. Where the server has no ranges ([`FetchError::is_no_ranges`]), nothing of the
    /// target was read, and the same mirror is not asked for ranges again in this run.
    pub async fn ranges(
        &self,
        ranges: &[Range<u64>],
        sink: &Sender<Bytes>,
        arrived: impl FnMut(u64),
    ) -> Result<(), FetchError> {
        let length = self.length();
        if let Some(&Range { start, end }) = first_strange(ranges, length) {
            return Err(FetchError::Range { start, end, length });
        }
        match self {
            Self::Download(download) => Ok(download.ranges(ranges, sink, arrived).await?),
            Self::Reading(reading) => Ok(reading.ranges(ranges, sink, arrived).await?),
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Download(download) => download.length(),
            Self::Reading(reading) => reading.length(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tokio::sync::mpsc::channel;

    use super::*;

    const BYTES: [u8; 1000] = {
        let mut bytes = [0; 1000];
        bytes[500] = 5;
        bytes[999] = 9;
        bytes
    };

    /// The bytes of `ranges` of the target in a bundle.
    async fn ranges(bundle: &Path, ranges: &[Range<u64>]) -> Result<Vec<u8>, FetchError> {
        let delivery = Delivery::Reading(Bundle::open(bundle)?.target("a", 1000)?);
        let (sink, mut pieces) = channel(9);
        delivery.ranges(ranges, &sink, |_| ()).await?;
        drop(sink);
        let mut got = Vec::new();
        while let Some(piece) = pieces.recv().await {
            got.extend_from_slice(&piece);
        }
        Ok(got)
    }

    /// A bundle with a target, as a folder and as a tar file.
    fn bundles(folder: &Path) -> [std::path::PathBuf; 2] {
        let [unpacked, tar] = ["folder", "bundle.tar"].map(|name| folder.join(name));
        fs::create_dir_all(unpacked.join("targets")).unwrap();
        fs::write(unpacked.join("targets/a"), BYTES).unwrap();
        let mut members = ::tar::Builder::new(fs::File::create(&tar).unwrap());
        members.append_path_with_name(unpacked.join("targets/a"), "targets/a").unwrap();
        members.finish().unwrap();
        [unpacked, tar]
    }

    #[tokio::test]
    async fn a_bundle_gives_ranges_of_a_target() {
        let folder = tempfile::tempdir().unwrap();
        for bundle in bundles(folder.path()) {
            let got = ranges(&bundle, &[0..1, 499..502, 999..1000]).await.unwrap();
            assert_eq!(got, [0, 0, 5, 0, 9]);
        }
    }

    #[tokio::test]
    async fn what_is_no_range_of_the_target_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for bundle in bundles(folder.path()) {
            let strange = ranges(&bundle, &[0..5, 999..1001]).await.unwrap_err();
            let told =
                "bytes 999 to 1001 are no range of a target of 1000 bytes, or not the next one";
            assert_eq!(strange.to_string(), told);
        }
    }

    #[test]
    fn nothing_leads_out_of_a_bundle() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), BYTES).unwrap();
        for bundle in bundles(folder.path()) {
            if bundle.is_dir() {
                let link = |to: &Path, name| symlink(to, bundle.join("targets").join(name));
                link(Path::new("../../secret"), "up").unwrap();
                link(&folder.path().join("secret"), "absolute").unwrap();
                link(Path::new("a"), "within").unwrap();
            }
            let bundle = Bundle::open(&bundle).unwrap();
            for name in ["up", "absolute"] {
                assert!(bundle.target(name, 1000).is_err(), "{name}");
            }
            for name in ["../../secret", "/etc/passwd", "", ".", "a/../../../secret", "a\0"] {
                let error = bundle.target(name, 1000).unwrap_err();
                assert!(matches!(error, BundleError::Name { .. }), "{name:?}: {error}");
            }
            assert!(bundle.target("a", 1000).is_ok());
        }
        let bundle = Bundle::open(&folder.path().join("folder")).unwrap();
        assert!(bundle.target("within", 1000).is_ok());
        let error = bundle.target("up", 1000).unwrap_err();
        assert!(matches!(error, BundleError::Read { .. }), "{error}");
    }

    #[test]
    fn what_one_mirror_lacks_another_may_have() {
        let pair = "metadata_base_url = 'http://x'\ntargets_base_url = 'http://x'\n";
        let text = format!("seed = 1\n{pair}[[mirror]]\n{pair}");
        let settings = Settings::parse(&text, Path::new("updog.toml")).unwrap();
        // Fails only when another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let origins = Origin::all(&settings, &Query::default(), None).unwrap();
        let [Origin::Mirror(one, _), Origin::Mirror(other, _)] = &origins[..] else { panic!() };
        one.clone().ranges().lacks();
        assert!(one.ranges().is_lacking() && !other.ranges().is_lacking());
    }
}

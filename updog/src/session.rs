//! One look at the repository: verified metadata and the manifest that it vouches for.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use manifest::{Host, Manifest};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use trust::{Repository, Store, Target};

use crate::config::{Settings, Source};
use crate::error::Error;
use crate::files::replace;
use crate::http::{Client, Download, Metadata, Query};
use crate::mirrors::{Mirrors, Setback};
use crate::output::Output;

/// Name of the manifest among the targets, and in the cache.
const MANIFEST: &str = "manifest.json";

/// Longest target that is held in memory, in bytes: manifests and migrations.
const SMALL: u64 = 64 << 20;

/// A repository that was refreshed and verified in this run.
#[derive(Debug)]
pub struct Session {
    /// Runs the network side on the calling thread.
    pub runtime: Runtime,
    /// Where everything comes from.
    pub mirrors: Mirrors,
    /// The query parameters of this run.
    pub query: Query,
    /// The verified metadata.
    pub repository: Repository,
    /// The releases.
    pub manifest: Manifest,
    manifest_bytes: Bytes,
}

impl Session {
    /// Refreshes the metadata as of `now`, verifies it, fetches and verifies the manifest.
    ///
    /// # Errors
    ///
    /// Fails when the repository cannot be reached, and refuses what it cannot verify.
    pub fn open(
        settings: &Settings,
        host: &Host,
        output: Output,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let query = Query::new(host);
        let roots = settings.network.roots()?;
        let client = Client::new(&settings.network, &roots, query.clone()).map_err(Error::Http)?;
        let mirrors = Mirrors::new(settings, client, output, now);
        let repository = refresh(settings, &runtime, &mirrors, now)?;
        let target = repository.target(MANIFEST).ok_or(Error::NoManifest)?;
        let fetch = Small { runtime: &runtime, mirrors: &mirrors };
        let manifest_bytes = fetch.target(&target)?;
        let manifest = Manifest::parse(&manifest_bytes)?;
        Ok(Self { runtime, mirrors, query, repository, manifest, manifest_bytes })
    }

    /// Keeps what the next boot needs: the manifest and the migrations, the bytes that were verified.
    ///
    /// # Errors
    ///
    /// Fails when a migration cannot be fetched or is not the signed one, or a folder cannot be written.
    pub fn keep(&self, settings: &Settings, migrations: &[Target]) -> Result<(), Error> {
        let fetch = Small { runtime: &self.runtime, mirrors: &self.mirrors };
        for target in migrations {
            let name = plain(target.name())?;
            let bytes = fetch.target(target)?;
            put(&settings.paths.migrations, name, &bytes)?;
        }
        put(&settings.paths.metadata_cache, MANIFEST, &self.manifest_bytes)
    }
}

/// Brings the store up to date from the first mirror that is good for it. Mirrors that lag behind what is stored, or whose metadata has
/// expired, are no good either; the store holds verified metadata only, whichever of them gave it.
fn refresh(
    settings: &Settings,
    runtime: &Runtime,
    mirrors: &Mirrors,
    now: DateTime<Utc>,
) -> Result<Repository, Error> {
    let path = &settings.paths.root;
    let root = fs::read(path).map_err(|source| Error::Root { path: path.clone(), source })?;
    // A root that is none would be held against every mirror.
    trust::RootPhase::start(root.clone().into()).map_err(Error::Trust)?;
    let now = not_before_image(path, now);
    let store = Store::open(&settings.paths.metadata_cache).map_err(Error::Trust)?;
    mirrors.ask(|mirror| {
        let source = Metadata::new(mirrors.client(), &mirror.metadata);
        runtime.block_on(trust::refresh(&source, &store, &root, now)).map_err(|error| match error {
            // The store's own trouble is the same with every mirror.
            trust::Error::Store { .. }
            | trust::Error::Busy { .. }
            | trust::Error::Damaged { .. } => Setback::Host(Error::Trust(error)),
            _ => Setback::Mirror(Error::Trust(error)),
        })
    })
}

/// The clock's time, or the build date of the image if the clock is behind it: the file's time came with the image.
fn not_before_image(root: &Path, now: DateTime<Utc>) -> DateTime<Utc> {
    let built = fs::metadata(root).and_then(|file| file.modified());
    built.map_or(now, |built| now.max(built.into()))
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = folder.join(name);
    replace(folder, &path, bytes).map_err(|source| Error::Keep { path, source })
}

/// A name from a repository that is one plain file name.
fn plain(name: &str) -> Result<&str, Error> {
    let strange = name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']);
    if strange { Err(Error::MigrationName { name: name.to_owned() }) } else { Ok(name) }
}

/// Fetches targets that fit into memory.
struct Small<'a> {
    runtime: &'a Runtime,
    mirrors: &'a Mirrors,
}

impl Small<'_> {
    /// The bytes of a target, whole and as signed, from the first mirror that has them.
    fn target(&self, target: &Target) -> Result<Bytes, Error> {
        if target.length() > SMALL {
            let (name, length) = (target.name().to_owned(), target.length());
            return Err(Error::LongTarget { name, length, limit: SMALL });
        }
        self.mirrors.ask(|mirror| self.at(mirror, target).map_err(Setback::Mirror))
    }

    fn at(&self, mirror: &Source, target: &Target) -> Result<Bytes, Error> {
        let fetch = |source| Error::Fetch { name: target.name().to_owned(), source };
        let client = self.mirrors.client();
        let download = Download::new(client, &mirror.targets, &target.path(), target.length());
        let download = download.map_err(fetch)?;
        let (sink, mut chunks) = mpsc::channel::<Bytes>(8);
        let collect = async {
            let mut body = Vec::new();
            while let Some(chunk) = chunks.recv().await {
                body.extend_from_slice(&chunk);
            }
            body
        };
        let send = async move { download.stream(&sink, |_| ()).await };
        let (sent, body) = self.runtime.block_on(futures_util::future::join(send, collect));
        sent.map_err(fetch)?;
        let refused =
            |source: trust::Error| Error::Target { name: target.name().to_owned(), source };
        target.check(&body).map_err(refused)?;
        Ok(body.into())
    }
}

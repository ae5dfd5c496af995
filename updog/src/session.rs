//! One look at the repository: verified metadata and the manifest that it vouches for.

mod keep;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use manifest::{Host, Manifest};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use trust::{Repository, Store, Target};

use crate::config::Settings;
use crate::error::Error;
use crate::http::Query;
use crate::kept::MANIFEST;
use crate::mirrors::{Mirrors, Setback};
use crate::output::Output;
use crate::source::{FetchError, Origin};

/// Longest target that is held in memory, in bytes: manifests and migrations.
const SMALL: u64 = 64 << 20;

/// A repository that was refreshed and verified in this run.
#[derive(Debug)]
pub struct Session {
    /// Runs the network side on the calling thread.
    pub runtime: Runtime,
    /// Where everything comes from in this run.
    pub mirrors: Mirrors,
    /// The query parameters of this run.
    pub query: Query,
    /// The verified metadata.
    pub repository: Repository,
    /// The releases.
    pub manifest: Manifest,
    manifest_bytes: Bytes,
    shipped_root: Bytes,
}

impl Session {
    /// Refreshes the metadata as of `now`, verifies it, fetches and verifies the manifest; from the bundle `from`, if there is
    /// one, by the same rules and with the same memory as from the mirrors of the configuration.
    ///
    /// # Errors
    ///
    /// Fails when the repository cannot be reached, and refuses what it cannot verify.
    pub fn open(
        settings: &Settings,
        from: Option<&Path>,
        host: &Host,
        output: Output,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let query = Query::new(host);
        let origins = Origin::all(settings, &query, from)?;
        let mirrors = Mirrors::new(origins, &settings.paths.state, output, now);
        let shipped_root = read_root(&settings.paths.root)?;
        let now = not_before_image(&settings.paths.root, now);
        let repository = refresh(settings, &runtime, &mirrors, &shipped_root, now)?;
        for damage in repository.damage() {
            output.note(format_args!("warning: {damage}"));
        }
        let target = repository.target(MANIFEST).ok_or(Error::NoManifest)?;
        let manifest_bytes = Small { runtime: &runtime, mirrors: &mirrors }.target(&target)?;
        let manifest = Manifest::parse(&manifest_bytes)?;
        Ok(Self { runtime, mirrors, query, repository, manifest, manifest_bytes, shipped_root })
    }
}

/// Brings the store up to date from the first mirror that is good for it. Mirrors that lag behind what is stored, or whose metadata has
/// expired, are no good either; the store holds verified metadata only, whichever of them gave it.
fn refresh(
    settings: &Settings,
    runtime: &Runtime,
    mirrors: &Mirrors,
    shipped_root: &[u8],
    now: DateTime<Utc>,
) -> Result<Repository, Error> {
    let store = Store::open(&settings.paths.metadata_cache).map_err(Error::Trust)?;
    mirrors.ask(|mirror| {
        let refreshed = runtime.block_on(trust::refresh(mirror, &store, shipped_root, now));
        refreshed.map_err(|error| match error {
            // The store's own trouble is the same with every mirror.
            trust::Error::Store { .. }
            | trust::Error::Busy { .. }
            | trust::Error::Damaged { .. } => Setback::Host(Error::Trust(error)),
            _ => Setback::Mirror(Error::Trust(error)),
        })
    })
}

/// The clock's time, or the build date of the image if the clock is behind it.
pub(crate) fn not_before_image(root: &Path, now: DateTime<Utc>) -> DateTime<Utc> {
    built(root).map_or(now, |built| now.max(built))
}

/// The build date of the image: the time of the file came with it.
pub(crate) fn built(root: &Path) -> Option<DateTime<Utc>> {
    Some(fs::metadata(root).and_then(|file| file.modified()).ok()?.into())
}

/// The root that came with the image. One that is none would be held against every mirror.
pub(crate) fn read_root(path: &Path) -> Result<Bytes, Error> {
    let root = fs::read(path).map_err(|source| Error::Root { path: path.to_owned(), source })?;
    let root = Bytes::from(root);
    trust::RootPhase::start(root.clone()).map_err(Error::Trust)?;
    Ok(root)
}

/// Fetches targets that fit into memory.
struct Small<'a> {
    runtime: &'a Runtime,
    mirrors: &'a Mirrors,
}

impl Small<'_> {
    /// The bytes of a target, whole and as signed, from the first mirror that has them.
    fn target(&self, target: &Target) -> Result<Bytes, Error> {
        check_small(target)?;
        self.mirrors.ask(|mirror| {
            self.runtime.block_on(fetch_small(mirror, target)).map_err(Setback::Mirror)
        })
    }
}

fn check_small(target: &Target) -> Result<(), Error> {
    if target.length() > SMALL {
        let (name, length) = (target.name().to_owned(), target.length());
        return Err(Error::LongTarget { name, length, limit: SMALL });
    }
    Ok(())
}

/// The bytes of a target that fits into memory, whole and as signed, from one mirror.
pub(crate) async fn fetch_small(mirror: &Origin, target: &Target) -> Result<Bytes, Error> {
    check_small(target)?;
    let fetch = |source: FetchError| Error::Fetch { name: target.name().to_owned(), source };
    let delivery = mirror.target(target).map_err(fetch)?;
    let (sink, mut chunks) = mpsc::channel::<Bytes>(8);
    let collect = async {
        let mut body = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            body.extend_from_slice(&chunk);
        }
        body
    };
    let send = async move { delivery.stream(&sink, |_| ()).await };
    let (sent, body) = futures_util::future::join(send, collect).await;
    sent.map_err(fetch)?;
    let refused = |source: trust::Error| Error::Target { name: target.name().to_owned(), source };
    target.check(&body).map_err(refused)?;
    Ok(body.into())
}

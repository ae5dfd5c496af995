//! Facts that the repository has.
//!
//! Each mirror is asked by itself, with a copy of what the host remembers: it is held to the same as in an update, and the host
//! learns nothing of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use manifest::{Manifest, Update};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::time::{Instant, timeout_at};
use trust::{Repository, RoleName, Store};
use url::Url;

use crate::commands::{Context, Place};
use crate::config::Network;
use crate::doctor::Finding;
use crate::doctor::certificates::{Owner, Validity};
use crate::doctor::disk::Newest;
use crate::doctor::mirrors::Asked;
use crate::error::{Error, chain};
use crate::host::Running;
use crate::http::{Greeter, Query};
use crate::kept::MANIFEST;
use crate::plan::{self, Plan};
use crate::session::{fetch_small, not_before_image};
use crate::source::Origin;

/// How long one mirror may take.
const MIRROR_LIMIT: Duration = Duration::from_secs(20);

/// How long a server may take to say who it is.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// How long all of them may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What is kept of a store.
const STORED: [&str; 5] =
    ["root.json", "timestamp.json", "snapshot.json", "targets.json", "withdrawn"];

/// What came of asking.
#[derive(Default)]
pub(super) struct Online {
    /// Each mirror.
    pub(super) asked: Vec<Asked>,
    /// Why nobody could be asked, if so.
    pub(super) trouble: Option<Finding>,
    /// What the first that is believed says.
    pub(super) seen: Option<Seen>,
    /// The time, as a server has it.
    pub(super) server: Option<DateTime<Utc>>,
    /// The certificates of servers.
    pub(super) certificates: Vec<(Owner, Option<Validity>)>,
    /// The servers that were asked for them.
    greeted: BTreeSet<String>,
}

/// What a mirror says.
pub(super) struct Seen {
    /// Verified metadata.
    pub(super) repository: Repository,
    /// The releases.
    pub(super) manifest: Result<Manifest, Error>,
}

impl Online {
    /// Asks all mirrors, or the bundle that was named.
    pub(super) fn ask(context: &Context, root: &[u8], now: DateTime<Utc>) -> Self {
        let mut online = Self::default();
        if let Err(error) = online.ask_all(context, root, now) {
            online.trouble = Some(Finding::of_error("repository", &error));
        }
        online
    }

    fn ask_all(&mut self, context: &Context, root: &[u8], now: DateTime<Utc>) -> Result<(), Error> {
        let mut settings = context.settings.clone();
        // Who does not answer at once is told so.
        settings.network.retries = 0;
        let origins = Origin::all(&settings, &Query::default(), context.from.as_deref())?;
        let greeter = match &context.from {
            None => Some(greeter(&settings.network)?),
            Some(_) => None,
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let now = not_before_image(&settings.paths.root, now);
        runtime.block_on(async {
            let end = Instant::now() + LIMIT;
            for origin in &origins {
                let end = end.min(Instant::now() + MIRROR_LIMIT);
                let ask = self.ask_one(origin, &settings.paths.metadata_cache, root, now);
                let failure = match timeout_at(end, ask).await {
                    Ok(asked) => asked.err().map(|error| chain(&error)),
                    Err(_) => Some("it took too long".to_owned()),
                };
                self.asked.push(Asked { name: origin.to_string(), failure });
            }
            let Some(greeter) = greeter else { return };
            for source in &settings.sources {
                for base in [source.metadata.url(), source.targets.url()] {
                    self.greet(&greeter, base, end).await;
                }
            }
        });
        // A look-up of a name cannot be ended, and is not waited for.
        runtime.shutdown_background();
        Ok(())
    }

    async fn ask_one(
        &mut self,
        origin: &Origin,
        cache: &Path,
        root: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let copy = copy_of(cache)?;
        let store = Store::open(copy.path()).map_err(Error::Trust)?;
        let refreshed = trust::refresh(origin, &store, root, now).await;
        let repository = refreshed.map_err(Error::Trust)?;
        if self.seen.is_none() {
            let manifest = manifest(origin, &repository).await;
            self.seen = Some(Seen { repository, manifest });
        }
        Ok(())
    }

    /// Has a server say what it says of itself, once, and for no longer than a while: nothing depends on it.
    async fn greet(&mut self, greeter: &Greeter, base: &Url, end: Instant) {
        let server = base.origin().ascii_serialization();
        if !self.greeted.insert(server.clone()) {
            return;
        }
        let end = end.min(Instant::now() + GREETING_LIMIT);
        let asked = timeout_at(end, greeter.greet(base, RoleName::Timestamp.file_name())).await;
        let Ok(Some(found)) = asked else { return };
        self.server = self.server.or(found.date);
        let validity = found.certificate.map(|der| (Owner::Server(server), Validity::of(&der)));
        self.certificates.extend(validity);
    }
}

fn greeter(network: &Network) -> Result<Greeter, Error> {
    let greeter = Greeter::new(network, &network.roots()?);
    greeter.map_err(|error| Error::Source(error.into()))
}

/// What the host remembers, where it can be written to without the host's knowing.
fn copy_of(cache: &Path) -> Result<TempDir, Error> {
    let copied = || -> io::Result<TempDir> {
        let copy = tempfile::tempdir()?;
        for name in STORED {
            match fs::copy(cache.join(name), copy.path().join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(copy)
    };
    copied().map_err(|source| Error::Remembered { path: cache.to_owned(), source })
}

async fn manifest(origin: &Origin, repository: &Repository) -> Result<Manifest, Error> {
    let target = repository.target(MANIFEST).ok_or(Error::NoManifest)?;
    Ok(Manifest::parse(&fetch_small(origin, &target).await?)?)
}

/// The newest release that this host may come to run, and how many bytes it keeps for the next boot.
pub(super) fn newest(
    manifest: &Manifest,
    repository: &Repository,
    place: &Place,
    running: &Running,
) -> (Option<Newest>, u64) {
    let arch = std::env::consts::ARCH;
    let fits =
        |one: &&Update| one.variant == running.variant && one.arch == arch && one.is_offered();
    let Some(update) = manifest.updates.iter().filter(fits).max_by_key(|one| &one.version) else {
        return (None, 0);
    };
    let planned = || -> Result<Plan, Error> {
        let names = plan::migrations(manifest, &running.version, &update.version)?;
        Ok(Plan::new(&running.version, update, &names, repository, place.inactive()?)?)
    };
    let planned = planned();
    let newest = Newest {
        version: update.version.clone(),
        running: update.version == running.version,
        obstacle: planned.as_ref().err().map(|error| cli::chain(error)),
    };
    (Some(newest), planned.map_or(0, |plan| plan.migration_bytes()))
}

//! A TUF client for the conformance suite, over the verification that the updater has.
//!
//! What is measured is `trust`: this program only brings bytes over plain HTTP/1.1, reads the clock, and ends with 0 or
//! 1 as the suite's protocol wants it. It is not shipped.

mod download;
mod error;
mod http;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};
use trust::{Limits, Repository, RoleName, RootPhase, Store};
use url::Url;

use crate::error::Error;
use crate::http::Http;

/// A TUF client for the conformance suite.
#[derive(Debug, Parser)]
#[command(name = "tuf-client", version)]
struct Arguments {
    /// Where trusted metadata is kept
    #[arg(long, value_name = "DIR")]
    metadata_dir: PathBuf,
    /// Address of the repository's metadata
    #[arg(long, value_name = "URL")]
    metadata_url: Option<Url>,
    /// A target to download; may be given more than once
    #[arg(long, value_name = "NAME")]
    target_name: Vec<String>,
    /// Address of the repository's targets
    #[arg(long, value_name = "URL")]
    target_base_url: Option<Url>,
    /// Where targets are kept
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// The time to take for now (RFC 3339), in place of the clock's
    #[arg(long, value_name = "TIME")]
    time: Option<DateTime<Utc>>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes a root as the trusted one; asks nobody
    Init {
        /// The root
        root: PathBuf,
    },
    /// Brings the top-level metadata up to date
    Refresh,
    /// Brings the metadata up to date and fetches the targets
    Download,
}

fn main() -> ExitCode {
    // The first set-up wins; there is no other here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&cli::parse_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::report("tuf-client", &error);
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    match &arguments.command {
        Command::Init { root } => init(&arguments.metadata_dir, root),
        Command::Refresh => Session::open(arguments)?.refresh().map(drop),
        Command::Download => {
            let session = Session::open(arguments)?;
            let repository = session.refresh()?;
            arguments.target_name.iter().try_for_each(|name| {
                let base =
                    arguments.target_base_url.as_ref().ok_or(Error::Usage("target-base-url"))?;
                let folder = arguments.target_dir.as_ref().ok_or(Error::Usage("target-dir"))?;
                session.download(&repository, name, base, folder)
            })
        }
    }
}

/// Wider than a host's, which has a few targets: repositories of any size are tried with this program.
fn limits() -> Limits {
    Limits { snapshot: 16 << 20, targets: 64 << 20, ..Limits::default() }
}

/// Puts a root that its own keys signed where a refresh finds it.
fn init(folder: &Path, root: &Path) -> Result<(), Error> {
    let bytes = fs::read(root).map_err(Error::file(root))?;
    let phase = RootPhase::start(Bytes::from(bytes))?;
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let path = folder.join(RoleName::Root.file_name());
    fs::write(&path, phase.root().bytes()).map_err(Error::file(&path))
}

/// One run.
struct Session {
    runtime: Runtime,
    http: Http,
    metadata: http::Metadata,
    store: Store,
    root: Vec<u8>,
    now: DateTime<Utc>,
}

impl Session {
    fn open(arguments: &Arguments) -> Result<Self, Error> {
        let base = arguments.metadata_url.as_ref().ok_or(Error::Usage("metadata-url"))?;
        let path = arguments.metadata_dir.join(RoleName::Root.file_name());
        let root = fs::read(&path).map_err(Error::file(&path))?;
        let store = Store::open(&arguments.metadata_dir)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let http = Http::new()?;
        let metadata = http.metadata(base);
        let runtime = runtime.map_err(Error::Runtime)?;
        let now = arguments.time.unwrap_or_else(Utc::now);
        Ok(Self { runtime, http, metadata, store, root, now })
    }

    fn refresh(&self) -> Result<Repository, Error> {
        let limits = limits();
        let refresh =
            trust::refresh_within(&limits, &self.metadata, &self.store, &self.root, self.now);
        Ok(self.runtime.block_on(refresh)?)
    }

    fn download(
        &self,
        repository: &Repository,
        name: &str,
        base: &Url,
        folder: &Path,
    ) -> Result<(), Error> {
        let limits = limits();
        let find = trust::find(&limits, &self.metadata, &self.store, repository, name);
        let Some(target) = self.runtime.block_on(find)? else {
            return Err(Error::NoTarget(name.to_owned()));
        };
        self.runtime.block_on(download::target(&self.http, base, &target, folder))
    }
}

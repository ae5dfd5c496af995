//! tough's client as it comes, to be measured beside ours by `cargo xtask bench trust`.
//!
//! Its own HTTP transport with its defaults, a folder of its own for what it remembers, and expiry enforced. Only its limit
//! for targets metadata is wider: 100,000 targets are longer than what it would take.
//!
//! usage: tough-client METADATA-URL TARGETS-URL STORE DOWNLOADS [TARGET…]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use tough::{
    ExpirationEnforcement, HttpTransport, Limits, Prefix, Repository, RepositoryLoader, TargetName,
};
use url::Url;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the other clients of the bench take.
const TARGETS_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    // The first set-up wins; there is no other here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(arguments: &[String]) -> Result<()> {
    let [metadata, targets, store, downloads, names @ ..] = arguments else {
        return Err("wants METADATA-URL TARGETS-URL STORE DOWNLOADS [TARGET…]".into());
    };
    let (metadata, targets) = (Url::parse(metadata)?, Url::parse(targets)?);
    let repository = refresh(metadata, targets, Path::new(store)).await?;
    download(&repository, Path::new(downloads), names).await
}

/// Starts from the root that lies in the store.
async fn refresh(metadata: Url, targets: Url, store: &Path) -> Result<Repository> {
    let root = std::fs::read(store.join("root.json"))?;
    let limits = Limits { max_targets_size: TARGETS_BYTES, ..Limits::default() };
    let loader = RepositoryLoader::new(&root, metadata, targets)
        .transport(HttpTransport::default())
        .limits(limits)
        .datastore(store)
        .expiration_enforcement(ExpirationEnforcement::Safe);
    Ok(loader.load().await?)
}

async fn download(repository: &Repository, folder: &Path, names: &[String]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for name in names {
        repository.save_target(&TargetName::new(name)?, folder, Prefix::None).await?;
    }
    Ok(())
}

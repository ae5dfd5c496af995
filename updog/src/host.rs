//! What the running system says of itself: os-release; and who the host is in a fleet.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use manifest::{Host, Seed};
use semver::Version;
use thiserror::Error;

use crate::config::{SeedChoice, Settings};
use crate::seed::{self, SeedError};

/// Longest os-release that is read, in bytes.
const MAX_LENGTH: usize = 64 << 10;

/// Why the running system cannot be known.
#[derive(Debug, Error)]
pub enum HostError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is too long, or lacks a field.
    #[error("{path}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Its place in the waves is not known.
    #[error(transparent)]
    Seed(#[from] SeedError),
}

/// What runs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// `VARIANT_ID`.
    pub variant: String,
    /// `VERSION_ID`.
    pub version: Version,
}

/// Reads which variant and version runs here.
///
/// # Errors
///
/// Fails when os-release cannot be read or lacks `VARIANT_ID` or a semantic `VERSION_ID`.
pub fn running(settings: &Settings) -> Result<Running, HostError> {
    let path = &settings.paths.os_release;
    let text = fs::read_to_string(path)
        .map_err(|source| HostError::Read { path: path.clone(), source })?;
    let (variant, version) = parse(&text, path)?;
    Ok(Running { variant, version })
}

/// What runs here, joined with the settings and the host's seed, for who chooses a release. The seed is made if there is none yet.
///
/// # Errors
///
/// As [`running`], and when the seed is not known and cannot be made.
pub fn read(settings: &Settings) -> Result<Host, HostError> {
    let running = running(settings)?;
    Ok(with(running, seed::of_host(settings.seed, &settings.paths.state)?, settings))
}

/// The host as it is for who only looks: no seed is made. What was chosen by a seed that is not known was not chosen for this host, whichever
/// number stands for it.
///
/// # Errors
///
/// Fails when os-release cannot be read, or names no variant and version.
pub fn seen(settings: &Settings) -> Result<Host, HostError> {
    let seed = match settings.seed {
        SeedChoice::Fixed(seed) => Some(seed),
        SeedChoice::Own => seed::read(&settings.paths.state).ok().flatten(),
    };
    Ok(with(running(settings)?, seed.unwrap_or(Seed::MAX), settings))
}

fn with(Running { variant, version }: Running, seed: Seed, settings: &Settings) -> Host {
    Host {
        variant,
        arch: std::env::consts::ARCH.to_owned(),
        version,
        seed,
        version_lock: settings.version_lock.clone(),
        ignore_waves: settings.ignore_waves,
    }
}

/// The variant and the version in the text of an os-release that came from `path`.
///
/// # Errors
///
/// Fails when it is too long, or lacks `VARIANT_ID` or a semantic `VERSION_ID`.
pub fn parse(text: &str, path: &Path) -> Result<(String, Version), HostError> {
    let bad = |problem: String| HostError::Content { path: path.to_owned(), problem };
    if text.len() > MAX_LENGTH {
        return Err(bad(format!("longer than {MAX_LENGTH} bytes")));
    }
    let field = |name| value(text, name).ok_or_else(|| bad(format!("{name} is missing")));
    let version = field("VERSION_ID")?;
    let version = Version::parse(version).map_err(|error| {
        bad(format!("VERSION_ID {version:?} is not a semantic version: {error}"))
    })?;
    Ok((field("VARIANT_ID")?.to_owned(), version))
}

/// The value of a field, the last one if it is there twice, as a shell would read it.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line =
        text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    let quoted = |quote| line.strip_prefix(quote)?.strip_suffix(quote);
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(line)).filter(|value| !value.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_off_and_the_last_line_wins() {
        let text = "ID=debian\nVERSION_ID=\"12\"\nVARIANT_ID='demo'\nVERSION_ID=1.0.0\n";
        let (variant, version) = parse(text, Path::new("os-release")).unwrap();
        assert_eq!((variant.as_str(), version), ("demo", Version::new(1, 0, 0)));
    }

    #[test]
    fn missing_fields_are_named() {
        let error = parse("VERSION_ID=1.0.0\n", Path::new("os-release")).unwrap_err();
        assert_eq!(error.to_string(), "os-release: VARIANT_ID is missing");
        assert!(parse("VARIANT_ID=demo\nVERSION_ID=12\n", Path::new("o")).is_err());
        assert!(parse("VARIANT_ID=\nVERSION_ID=1.0.0\n", Path::new("o")).is_err());
    }

    #[test]
    fn a_longer_name_is_another_field() {
        assert_eq!(value("VERSION_ID_LIKE=2\n", "VERSION_ID"), None);
    }
}

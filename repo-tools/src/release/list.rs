//! `release list`: what is published, and how far it has come.

use std::fmt;

use chrono::{DateTime, Utc};
use manifest::{Seed, Update};
use semver::Version;
use serde::Serialize;
use trust::Repository;

use crate::published::load_manifest;
use crate::refresh::RoleVersions;
use crate::verify::{BEFORE_EXPIRY, verify};
use crate::{Layout, Result, time};

/// Every release of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Newest first, by variant and architecture.
    pub releases: Vec<ListedRelease>,
    /// Versions of the metadata.
    pub versions: RoleVersions,
    /// When the first part of the metadata expires.
    pub refresh_before: String,
}

/// One release.
#[derive(Clone, Debug, Serialize)]
pub struct ListedRelease {
    /// Variant.
    pub variant: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: Version,
    /// The highest version that hosts may run.
    pub max_version: Version,
    /// Whether hosts may still install it.
    pub withdrawn: bool,
    /// How many of 1000 hosts may take it now.
    pub ready_permille: u32,
    /// When the first hosts may take it; nothing: at once.
    pub from: Option<String>,
    /// When all hosts may.
    pub until: Option<String>,
    /// Bytes that a host fetches, if all images are targets.
    pub download_bytes: Option<u64>,
    /// What hosts of other releases fetch instead, at least in part.
    pub packs: Vec<ListedPack>,
    /// What hosts fetch ranges of, if there is such a thing.
    pub frames: Option<ListedFrames>,
}

/// The frames of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedFrames {
    /// Bytes of the index, which hosts fetch whole, if it is a target.
    pub index_bytes: Option<u64>,
    /// Bytes of all frames, if they are targets.
    pub bytes: Option<u64>,
}

/// A pack of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedPack {
    /// The release that hosts have.
    pub from: Version,
    /// Bytes of the whole pack, if it is a target.
    pub bytes: Option<u64>,
}

/// Lists the releases as they stand at `now`.
///
/// # Errors
///
/// Fails if the repository does not verify; expiry is not looked at.
pub fn list(layout: &Layout, now: DateTime<Utc>) -> Result<Listed> {
    let repository = verify(layout, BEFORE_EXPIRY)?;
    let manifest = load_manifest(layout, &repository)?;
    let mut releases: Vec<_> = manifest
        .updates
        .iter()
        .map(|update| ListedRelease::new(update, &repository, now))
        .collect();
    releases.sort_by(|left, right| {
        let hosts = (&left.variant, &left.arch).cmp(&(&right.variant, &right.arch));
        hosts.then_with(|| right.version.cmp(&left.version))
    });
    Ok(Listed {
        releases,
        versions: repository.versions().into(),
        refresh_before: repository
            .expiries()
            .first()
            .map(|(_, at)| time::stamp(*at))
            .unwrap_or_default(),
    })
}

impl ListedRelease {
    fn new(update: &Update, repository: &Repository, now: DateTime<Utc>) -> Self {
        let schedule = update.schedule();
        let waves = schedule.waves();
        let ready = u32::from(schedule.ready_count(now)) * 1000 / u32::from(Seed::COUNT);
        let lengths = update
            .images
            .names()
            .into_iter()
            .map(|name| repository.target(name).map(|target| target.length()));
        let length = |name: &str| repository.target(name).map(|target| target.length());
        let frames = update.frames.as_ref().map(|frames| ListedFrames {
            index_bytes: length(&frames.index),
            bytes: [&frames.root, &frames.boot].map(|name| length(name)).into_iter().sum(),
        });
        let packs = update.packs.iter().map(|pack| ListedPack {
            from: pack.from.clone(),
            bytes: repository.target(&pack.target).map(|target| target.length()),
        });
        Self {
            packs: packs.collect(),
            frames,
            variant: update.variant.clone(),
            arch: update.arch.clone(),
            version: update.version.clone(),
            max_version: update.max_version.clone(),
            withdrawn: !update.is_offered(),
            ready_permille: ready,
            from: waves.first().map(|wave| time::stamp(wave.start)),
            until: waves.last().map(|wave| time::stamp(wave.end)),
            download_bytes: lengths.sum(),
        }
    }

    /// What hosts may fetch in place of the images.
    fn instead(&self) -> String {
        let frames = self.frames.iter().map(|_| "frames".to_owned());
        let packs = match self.packs.len() {
            0 => None,
            1 => Some("1 pack".to_owned()),
            several => Some(format!("{several} packs")),
        };
        let words: Vec<String> = frames.chain(packs).collect();
        if words.is_empty() { "-".to_owned() } else { words.join(", ") }
    }

    fn state(&self) -> String {
        match (&self.from, &self.until) {
            _ if self.withdrawn => "withdrawn".to_owned(),
            (Some(from), _) if self.ready_permille == 0 => format!("from {from}"),
            (_, Some(until)) if self.ready_permille < 1000 => {
                let (whole, tenth) = (self.ready_permille / 10, self.ready_permille % 10);
                format!("{whole}.{tenth} % of hosts, all by {until}")
            }
            _ => "all hosts".to_owned(),
        }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.releases.is_empty() {
            return write!(out, "no releases");
        }
        write!(
            out,
            "{:<20} {:<10} {:<14} {:>10}  {:<16} state",
            "variant", "arch", "version", "download", "or instead"
        )?;
        for release in &self.releases {
            let ListedRelease { variant, arch, .. } = release;
            let version = release.version.to_string();
            let bytes = release.download_bytes.map(|bytes| cli::ByteCount(bytes).to_string());
            let bytes = bytes.unwrap_or_else(|| "?".to_owned());
            write!(
                out,
                "\n{variant:<20} {arch:<10} {version:<14} {bytes:>10}  {:<16} {}",
                release.instead(),
                release.state()
            )?;
        }
        Ok(())
    }
}

//! A host: its store, its shipped root, its clock, and the repository that it asks.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tempfile::TempDir;
use trust::{Limits, Repository, Result, RoleName, Store, Target};

use crate::simulator::Simulator;

/// Versions of root, timestamp, snapshot and targets in the store.
pub(crate) type Stored = [Option<u64>; 4];

/// Four versions as they lie in a store.
pub(crate) fn versions(versions: [u64; 4]) -> Stored {
    versions.map(|version| (version > 0).then_some(version))
}

pub(crate) struct World {
    pub(crate) repository: Simulator,
    pub(crate) shipped: Bytes,
    pub(crate) now: DateTime<Utc>,
    pub(crate) limits: Limits,
    folder: TempDir,
}

impl World {
    /// A fresh host, with one target in the repository.
    pub(crate) fn new() -> Self {
        let mut repository = Simulator::new();
        repository.add_target("manifest.json", b"contents");
        Self {
            shipped: repository.roots[0].clone(),
            repository,
            now: time("2026-11-20T12:00:00Z"),
            limits: Limits::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A host that was refreshed once.
    pub(crate) async fn refreshed() -> Self {
        let world = Self::new();
        world.refresh().await.unwrap();
        world
    }

    /// One run of an updater: opens the store, refreshes, closes it.
    pub(crate) async fn refresh(&self) -> Result<Repository> {
        let store = Store::open(self.folder.path())?;
        let (repository, shipped) = (&self.repository, &self.shipped);
        trust::refresh_within(&self.limits, repository, &store, shipped, self.now).await
    }

    /// One run without a network.
    pub(crate) fn offline(&self) -> Result<Repository> {
        let store = Store::open_shared(self.folder.path())?;
        trust::offline(&store, &self.shipped, self.now)
    }

    /// One run that looks for a target: refreshes, then searches.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Target>> {
        let store = Store::open(self.folder.path())?;
        let (limits, source) = (&self.limits, &self.repository);
        let refreshed = trust::refresh_within(limits, source, &store, &self.shipped, self.now);
        let repository = refreshed.await?;
        self.repository.requests.lock().unwrap().clear();
        trust::find(limits, source, &store, &repository, name).await
    }

    /// What is asked for in a search, after the refresh before it.
    pub(crate) fn searched(&self) -> Vec<String> {
        self.repository.requests.lock().unwrap().clone()
    }

    /// What is asked for in one refresh.
    pub(crate) async fn requests(&self) -> Vec<String> {
        self.repository.requests.lock().unwrap().clear();
        self.refresh().await.unwrap();
        self.repository.requests.lock().unwrap().clone()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn path(&self, role: RoleName) -> PathBuf {
        self.folder.path().join(role.file_name())
    }

    /// Writes garbage in place of a stored file.
    pub(crate) fn tear(&self, role: RoleName) {
        let whole = fs::read(self.path(role)).unwrap();
        fs::write(self.path(role), &whole[..whole.len() / 2]).unwrap();
    }

    /// What lies in the store.
    pub(crate) fn stored(&self) -> Stored {
        [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets].map(|role| {
            let bytes = fs::read(self.path(role)).ok()?;
            let value: Value = serde_json::from_slice(&bytes).ok()?;
            value["signed"]["version"].as_u64()
        })
    }

    #[track_caller]
    pub(crate) fn assert_stored(&self, expected: [u64; 4]) {
        assert_eq!(self.stored(), versions(expected), "root, timestamp, snapshot, targets");
    }
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

//! Targets, and the proof that a whole file is the one that was signed for.

use std::fmt;

use crate::digest::Running;
use crate::{Digests, Error, Result, Sha256, TargetEntry, Targets, Verified};

/// A target as the verified metadata describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    name: String,
    length: u64,
    digests: Digests,
    custom: Option<String>,
    consistent_snapshot: bool,
}

impl Target {
    fn new(name: &str, entry: &TargetEntry, consistent_snapshot: bool) -> Result<Self> {
        if entry.hashes().is_empty() {
            return Err(Error::NoDigest { name: name.to_owned() });
        }
        Ok(Self {
            name: name.to_owned(),
            length: entry.length(),
            digests: entry.hashes().clone(),
            custom: entry.custom().map(str::to_owned),
            consistent_snapshot,
        })
    }

    /// The name in the metadata.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// SHA-256 digest of the whole file, if it is among the signed ones.
    pub fn sha256(&self) -> Option<Sha256> {
        self.digests.sha256()
    }

    /// The publisher's own JSON beside it.
    pub fn custom(&self) -> Option<&str> {
        self.custom.as_deref()
    }

    /// Where the file lies below the folder of the targets: `folder/DIGEST.name` in a repository with
    /// consistent snapshots, else the name.
    pub fn path(&self) -> String {
        if !self.consistent_snapshot {
            return self.name.clone();
        }
        let digest = self.digests.name_part();
        match self.name.rsplit_once('/') {
            Some((folder, file)) => format!("{folder}/{digest}.{file}"),
            None => format!("{digest}.{}", self.name),
        }
    }

    /// Starts to compare a file with this target.
    pub fn checker(&self) -> Checker {
        Checker { running: Running::new(&self.digests), target: self.clone(), length: 0 }
    }

    /// Compares the whole of a file that is in memory.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLength`] or [`Error::WrongHash`].
    pub fn check(&self, bytes: &[u8]) -> Result<Whole> {
        let mut checker = self.checker();
        checker.update(bytes).map_err(Error::from)?;
        checker.finish()
    }
}

impl Verified<Targets> {
    /// The target of this name, if there is one.
    ///
    /// `consistent_snapshot` is what the root says.
    ///
    /// # Errors
    ///
    /// [`Error::NoDigest`] if it can be compared with nothing.
    pub fn target(&self, name: &str, consistent_snapshot: bool) -> Result<Option<Target>> {
        self.entry(name).map(|entry| Target::new(name, entry, consistent_snapshot)).transpose()
    }
}

/// Compares a file with a target as its bytes arrive. Nothing is proven before [`Checker::finish`].
#[derive(Debug)]
pub struct Checker {
    target: Target,
    running: Running,
    length: u64,
}

impl Checker {
    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// [`TooLong`] as soon as there are more bytes than the target has.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(more);
        if self.length > self.target.length {
            return Err(TooLong { name: self.target.name.clone(), expected: self.target.length });
        }
        self.running.update(bytes);
        Ok(())
    }

    /// How many bytes have come.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Compares length and digests at the end of the file.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLength`] or [`Error::WrongHash`].
    pub fn finish(self) -> Result<Whole> {
        let (expected, found) = (self.target.length, self.length);
        if expected != found {
            return Err(Error::WrongLength { name: self.target.name, expected, found });
        }
        self.running.finish(&self.target.name)?;
        Ok(Whole { target: self.target })
    }
}

/// Proof that every byte of a file was compared with what was signed. Only [`Checker::finish`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    target: Target,
}

impl Whole {
    /// The target that the file is.
    pub fn target(&self) -> &Target {
        &self.target
    }
}

/// A file goes on beyond the length that is signed for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is longer than the {expected} bytes that are signed for")]
pub struct TooLong {
    /// The target.
    pub name: String,
    /// Its signed length in bytes.
    pub expected: u64,
}

impl From<TooLong> for Error {
    fn from(error: TooLong) -> Self {
        Self::TooLong { name: error.name, limit: error.expected }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

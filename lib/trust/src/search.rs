//! The search for a target through delegated roles (specification, 5.6.7): depth first, in the order of the delegations,
//! and no role is asked for before the search has come to it.
//!
//! Pure, like the phases: [`Search::step`] says which file is needed next, [`Search::accept`] takes its bytes. A role
//! that cannot be verified ends the search: to go on to the next would let whoever holds a file back choose who
//! answers.

use std::collections::HashSet;

use bytes::Bytes;

use crate::delegation::{Delegate, Wanted};
use crate::phase::named;
use crate::verified::Checks;
use crate::{Draft, Error, Metafile, Repository, Result, Target, Targets, Verified};

/// A search for one target.
#[derive(Debug)]
pub struct Search<'a> {
    repository: &'a Repository,
    wanted: Wanted,
    /// Roles that are visited at most.
    limit: u32,
    visited: HashSet<String>,
    /// Whom to ask, the next one last: nobody twice, nobody who was asked, and one more than may be visited at most.
    pending: Vec<Delegate>,
    current: Option<Delegate>,
    found: Option<Target>,
}

/// What a search needs, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The role's metadata has to be given to [`Search::accept`].
    Load {
        /// The role.
        role: String,
        /// Its file, by the name that a repository has for it.
        file: String,
    },
    /// The target, or that there is none.
    Done(Option<Target>),
}

impl<'a> Search<'a> {
    /// Looks for the target `name`, through at most `limit` delegated roles.
    ///
    /// # Errors
    ///
    /// [`Error::NoDigest`] if the target can be compared with nothing.
    pub fn new(repository: &'a Repository, name: &str, limit: u32) -> Result<Self> {
        let mut search = Self {
            repository,
            wanted: Wanted::new(name),
            limit,
            visited: HashSet::new(),
            pending: Vec::new(),
            current: None,
            found: None,
        };
        search.look_into(repository.targets_metadata())?;
        Ok(search)
    }

    /// What is to be done next.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyDelegations`], or [`Error::Delegated`] if the snapshot does not name a role.
    pub fn step(&mut self) -> Result<Step> {
        if let Some(found) = &self.found {
            return Ok(Step::Done(Some(found.clone())));
        }
        if self.current.is_none() {
            self.current = self.next_delegate()?;
        }
        let Some(delegate) = &self.current else { return Ok(Step::Done(None)) };
        let role = delegate.name.clone();
        let version = self.metafile(&role)?.version();
        let file = if self.repository.root_metadata().consistent_snapshot() {
            format!("{version}.{role}.json")
        } else {
            format!("{role}.json")
        };
        Ok(Step::Load { role, file })
    }

    /// How many bytes of the role's file are read at most.
    ///
    /// # Errors
    ///
    /// [`Error::Delegated`] if the signed length is beyond `limit`.
    pub fn bound(&self, limit: u64) -> Result<u64> {
        let Some(delegate) = &self.current else { return Ok(0) };
        let file = self.metafile(&delegate.name)?;
        file.bound(&delegate.name, limit).map_err(of(&delegate.name))
    }

    /// Verifies the metadata of the role that [`Search::step`] named, and looks into it.
    ///
    /// After an error the search still waits for the same role.
    ///
    /// # Errors
    ///
    /// [`Error::Delegated`] with what is wrong with the role, or [`Error::NoDigest`].
    pub fn accept(&mut self, bytes: Bytes) -> Result<()> {
        let Some(delegate) = &self.current else { return Ok(()) };
        let targets = self.verify(delegate, bytes).map_err(of(&delegate.name))?;
        self.look_into(&targets)?;
        self.current = None;
        Ok(())
    }

    fn verify(&self, delegate: &Delegate, bytes: Bytes) -> Result<Verified<Targets>> {
        let file = self.metafile(&delegate.name)?;
        file.check(&delegate.name, &bytes)?;
        let targets = Draft::<Targets>::parse(bytes)?.verify_by(&delegate.speakers)?;
        targets.check_version(file.version())?;
        targets.check_expiry(self.repository.verified_at())?;
        Ok(targets)
    }

    fn metafile(&self, role: &str) -> Result<&'a Metafile> {
        let snapshot = self.repository.snapshot_metadata();
        named(snapshot, &format!("{role}.json")).map_err(of(role))
    }

    /// Takes the target if the role has it, else the roles that it delegates to.
    fn look_into(&mut self, targets: &Verified<Targets>) -> Result<()> {
        let consistent = self.repository.root_metadata().consistent_snapshot();
        self.found = targets.target(&self.wanted.name, consistent)?;
        if self.found.is_some() {
            return Ok(());
        }
        let Some(delegations) = targets.delegations() else { return Ok(()) };
        let room = self.room();
        let is_new = |name: &str| !self.visited.contains(name);
        let (delegates, last) = delegations.for_target(&self.wanted, room, is_new);
        if last {
            self.pending.clear();
        }
        self.ask_first(delegates, room);
        Ok(())
    }

    /// How many of those that are to be asked matter: whoever may be visited still, and one with whom that is too many.
    fn room(&self) -> usize {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        limit.saturating_sub(self.visited.len()).saturating_add(1)
    }

    /// Puts `delegates` before those that are to be asked already.
    fn ask_first(&mut self, delegates: Vec<Delegate>, room: usize) {
        self.pending.retain(|later| delegates.iter().all(|first| first.name != later.name));
        let beyond = (self.pending.len() + delegates.len()).saturating_sub(room);
        self.pending.drain(..beyond.min(self.pending.len()));
        self.pending.extend(delegates.into_iter().rev());
    }

    /// The next role.
    fn next_delegate(&mut self) -> Result<Option<Delegate>> {
        let Some(delegate) = self.pending.pop() else { return Ok(None) };
        if self.visited.len() >= usize::try_from(self.limit).unwrap_or(usize::MAX) {
            return Err(Error::TooManyDelegations { limit: self.limit });
        }
        self.visited.insert(delegate.name.clone());
        Ok(Some(delegate))
    }
}

/// Says which delegated role an error is about.
fn of(role: &str) -> impl FnOnce(Error) -> Error {
    let role = role.to_owned();
    move |error| match error {
        Error::Delegated { .. } => error,
        error => Error::Delegated { role, source: Box::new(error) },
    }
}

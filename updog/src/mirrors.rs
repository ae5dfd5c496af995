//! The mirrors of a repository, and which of them is asked.
//!
//! They are asked in the order of the configuration, and one that was found bad is left for a while. No mirror is trusted: whatever
//! it gives is verified, so that asking another one never accepts what the first would have been refused for. What was
//! verified stays, whichever mirror it came from.

mod left;

use std::cell::RefCell;
use std::error::Error;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::http::State;
use crate::output::Output;
use crate::source::Origin;
use left::Left;

/// The mirrors of a run.
#[derive(Debug)]
pub struct Mirrors {
    origins: Vec<Origin>,
    left: RefCell<Left>,
    state: PathBuf,
    output: Output,
    now: DateTime<Utc>,
}

/// Why something was not had from a mirror.
#[derive(Debug)]
pub enum Setback<E> {
    /// Another mirror may do better.
    Mirror(E),
    /// It would be the same with every mirror.
    Host(E),
}

/// Every mirror was asked. Tells what each of them said; the cause is what the first one asked said.
#[derive(Debug, Error)]
#[error("no mirror could be used: {tried}")]
pub struct NoMirror<E: Error + 'static> {
    tried: String,
    #[source]
    first: Box<E>,
}

impl<E: Error> NoMirror<E> {
    /// What the first mirror said.
    pub fn first(&self) -> &E {
        &self.first
    }
}

impl Mirrors {
    /// These mirrors, as of `now`; which were left is remembered in the folder `state`.
    pub fn new(origins: Vec<Origin>, state: &Path, output: Output, now: DateTime<Utc>) -> Self {
        let left = RefCell::new(Left::read(state));
        Self { origins, left, state: state.to_owned(), output, now }
    }

    /// Makes `attempt` at one mirror after the other until one succeeds.
    ///
    /// # Errors
    ///
    /// The error of the only mirror, or of the host, as it is; else [`NoMirror`].
    pub fn ask<T, E: Error + From<NoMirror<E>> + 'static>(
        &self,
        mut attempt: impl FnMut(&Origin) -> Result<T, Setback<E>>,
    ) -> Result<T, E> {
        let mut failed = Vec::new();
        for source in self.in_order() {
            match attempt(source) {
                Ok(done) => return Ok(done),
                Err(Setback::Host(error)) => return Err(error),
                Err(Setback::Mirror(error)) if self.origins.len() == 1 => return Err(error),
                Err(Setback::Mirror(error)) => failed.push((self.leave(source, &error), error)),
            }
        }
        let tried: Vec<_> = failed.iter().map(|(said, _)| said.as_str()).collect();
        let tried = tried.join("; ");
        let (_, first) = failed.swap_remove(0);
        Err(NoMirror { tried, first: Box::new(first) }.into())
    }

    /// What says whether the timestamp has changed since it was fetched in this run.
    pub(crate) fn timestamp(&self) -> Option<State> {
        self.origins.iter().find_map(|origin| match origin {
            Origin::Mirror(client, _) => client.timestamp(),
            Origin::Bundle(_) => None,
        })
    }

    /// Those that were left come last.
    fn in_order(&self) -> Vec<&Origin> {
        let left = self.left.borrow();
        let mut origins: Vec<_> = self.origins.iter().collect();
        origins.sort_by_key(|origin| left.holds(&origin.to_string(), self.now));
        origins
    }

    /// Leaves a mirror for a while; what it said, with its name.
    fn leave(&self, source: &Origin, error: &dyn Error) -> String {
        let said = format!("{source}: {}", cli::chain(error));
        self.output.note(format_args!("leaving the mirror {said}"));
        let mut left = self.left.borrow_mut();
        left.leave(source.to_string(), self.now);
        left.write(&self.state);
        said
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{Roots, Settings};
    use crate::http::{Client, Query};

    #[derive(Debug, Error)]
    enum Trouble {
        #[error("it is {0}")]
        Bad(&'static str),
        #[error(transparent)]
        NoMirror(#[from] NoMirror<Trouble>),
    }

    fn mirrors(folder: &Path, names: &[&str]) -> Mirrors {
        let pair = |name: &&str| {
            format!("metadata_base_url = 'file:///{name}'\ntargets_base_url = 'file:///{name}'\n")
        };
        let pairs: Vec<_> = names.iter().map(pair).collect();
        let text = format!("seed = 1\nstate_dir = 'state'\n{}", pairs.join("[[mirror]]\n"));
        let settings = Settings::parse(&text, &folder.join("updog.toml")).unwrap();
        // Fails only when another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            Client::new(&settings.network, &Roots::Only(Vec::new()), Query::default()).unwrap();
        let origin = |source: &_| Origin::Mirror(client.clone(), Clone::clone(source));
        let origins = settings.sources.iter().map(origin).collect();
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Mirrors::new(origins, &settings.paths.state, Output { json: false, quiet: true }, now)
    }

    /// Asks; these are bad. Tells who was asked.
    fn ask(mirrors: &Mirrors, bad: &[&str]) -> (Vec<String>, Result<(), Trouble>) {
        let mut asked = Vec::new();
        let result = mirrors.ask(|source| {
            asked.push(source.to_string());
            let is_bad = |bad: &&str| source.to_string().contains(*bad);
            if bad.iter().any(is_bad) { Err(Setback::Mirror(Trouble::Bad("bad"))) } else { Ok(()) }
        });
        (asked, result)
    }

    #[test]
    fn a_bad_mirror_is_left_and_asked_last_by_the_next_run_too() {
        let folder = tempfile::tempdir().unwrap();
        let run = mirrors(folder.path(), &["one", "two"]);
        assert_eq!(ask(&run, &["one"]).0, ["file:///one/", "file:///two/"]);
        assert_eq!(ask(&run, &[]).0, ["file:///two/"]);
        let next = mirrors(folder.path(), &["one", "two"]);
        assert_eq!(ask(&next, &["two"]).0, ["file:///two/", "file:///one/"]);
    }

    #[test]
    fn when_all_are_bad_each_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = mirrors(folder.path(), &["one", "two"]);
        let error = ask(&run, &["one", "two"]).1.unwrap_err();
        let told = "no mirror could be used: file:///one/: it is bad; file:///two/: it is bad";
        assert_eq!(cli::chain(&error), told);
        assert!(
            matches!(error, Trouble::NoMirror(error) if matches!(error.first(), Trouble::Bad(_)))
        );
    }

    #[test]
    fn the_only_mirror_speaks_for_itself_and_is_not_left() {
        let folder = tempfile::tempdir().unwrap();
        let run = mirrors(folder.path(), &["one"]);
        assert_eq!(ask(&run, &["one"]).1.unwrap_err().to_string(), "it is bad");
        assert!(!folder.path().join("state").exists());
    }

    #[test]
    fn what_is_the_hosts_fault_ends_the_search() {
        let folder = tempfile::tempdir().unwrap();
        let run = mirrors(folder.path(), &["one", "two"]);
        let mut asked = 0;
        let result: Result<(), Trouble> = run.ask(|_| {
            asked += 1;
            Err(Setback::Host(Trouble::Bad("full")))
        });
        assert_eq!((asked, result.unwrap_err().to_string()), (1, "it is full".to_owned()));
    }
}

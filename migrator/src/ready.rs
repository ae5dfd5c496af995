//! Programs that were made ready for a chain, and are asked for once more when they run.
//!
//! Verifying, unpacking and sealing one costs more than a migration of some thousand settings. So what was made ready before anything began is kept, sealed as it is, until
//! it runs, up to a bound; what is beyond that is verified and unpacked a second time.

use std::cell::RefCell;
use std::collections::BTreeMap;

use manifest::Migrations;

use crate::{Result, Sealed, Source};

/// The most memory that programs may take while they wait, in bytes.
const MAX_KEPT: u64 = 64 << 20;

/// A source whose programs are made once for two times that they are asked for.
pub(crate) struct Ready<S> {
    source: S,
    kept: RefCell<BTreeMap<String, Sealed>>,
}

impl<S: Source> Ready<S> {
    /// Nothing is ready yet.
    pub(crate) fn new(source: S) -> Self {
        Self { source, kept: RefCell::default() }
    }

    fn keep(&self, name: &str, program: &Sealed) {
        let mut kept = self.kept.borrow_mut();
        let taken: u64 = kept.values().map(Sealed::length).sum();
        if taken.saturating_add(program.length()) <= MAX_KEPT {
            kept.extend(program.share().map(|program| (name.to_owned(), program)));
        }
    }
}

impl<S: Source> Source for Ready<S> {
    fn migrations(&self) -> &Migrations {
        self.source.migrations()
    }

    fn program(&self, name: &str) -> Result<Sealed> {
        let kept = self.kept.borrow_mut().remove(name);
        if let Some(program) = kept {
            return Ok(program);
        }
        let program = self.source.program(name)?;
        self.keep(name, &program);
        Ok(program)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Gives programs of these bytes, and counts.
    struct Counting {
        migrations: Migrations,
        bytes: Vec<u8>,
        made: Cell<u32>,
    }

    impl Source for Counting {
        fn migrations(&self) -> &Migrations {
            &self.migrations
        }

        fn program(&self, name: &str) -> Result<Sealed> {
            self.made.set(self.made.get() + 1);
            Sealed::new(name, &self.bytes)
        }
    }

    /// How often two programs are made that are asked for twice.
    fn made(bytes: Vec<u8>) -> u32 {
        let counting = Counting { migrations: Migrations::default(), bytes, made: Cell::new(0) };
        let ready = Ready::new(counting);
        for name in ["a", "b", "a", "b"] {
            ready.program(name).unwrap();
        }
        ready.source.made.get()
    }

    #[test]
    fn a_program_is_made_once_and_kept_until_it_runs() {
        assert_eq!(made(b"program".to_vec()), 2);
    }

    #[test]
    fn scripts_and_what_is_too_large_are_made_again() {
        assert_eq!(made(b"#!/bin/sh".to_vec()), 4);
        assert_eq!(made(vec![0; 40 << 20]), 3);
    }
}

//! The ledger of boots, for the commands that note something in it, and `clear-failure`.

use std::fmt;

use cli::Outcome;
use gptprio::SetId;
use semver::Version;
use serde::Serialize;

use super::Context;
use crate::args::ClearArguments;
use crate::boots::file::{self, SetAside};
use crate::boots::{Attempt, Ledger, LedgerError};
use crate::error::Error;

/// What was allowed again.
#[derive(Debug, Serialize)]
struct Cleared {
    /// The versions.
    cleared: Vec<Version>,
}

impl fmt::Display for Cleared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cleared.is_empty() {
            return write!(out, "nothing to clear");
        }
        let versions: Vec<String> = self.cleared.iter().map(Version::to_string).collect();
        write!(out, "may be taken again: {}", versions.join(", "))
    }
}

pub(super) fn clear(context: &Context, arguments: &ClearArguments) -> Result<Outcome, Error> {
    let state = &context.settings.paths.state;
    let cleared = file::change(state, |ledger| ledger.clear(arguments.version.as_ref()))?;
    let idle = cleared.is_empty();
    context.output.show(&Cleared { cleared })?;
    Ok(if idle { Outcome::NothingToDo } else { Outcome::Done })
}

/// Notes something; what does not work is told and keeps nobody from anything.
pub(super) fn note_or_warn(context: &Context, change: impl FnOnce(&mut Ledger)) {
    let note = context.output;
    match file::change_or_begin(&context.settings.paths.state, change) {
        Ok((_, None)) => {}
        Ok((_, Some(SetAside { to, damaged }))) => {
            let to = to.display();
            note.note(format_args!("warning: {damaged}; it is {to} now, and a new one was begun"));
        }
        Err(error) => {
            note.note(format_args!("warning: nothing is noted about this boot: {}", told(&error)));
        }
    }
}

/// Whether the last attempt with a set has failed, as far as the ledger can be read.
pub(super) fn failed_in(context: &Context, set: SetId) -> bool {
    let Ok(ledger) = file::read(&context.settings.paths.state) else { return false };
    let last = ledger.attempts.iter().rev().find(|one| one.set == set);
    last.is_some_and(Attempt::stands_as_failed)
}

fn told(error: &LedgerError) -> String {
    match error {
        LedgerError::File { source, .. } => format!("{error}: {source}"),
        LedgerError::Damaged { .. } => error.to_string(),
    }
}

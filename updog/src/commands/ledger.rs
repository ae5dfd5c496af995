//! The ledger of boots, for the commands that note something in it, and `clear-failure`.

use std::fmt;

use chrono::{DateTime, Utc};
use cli::Outcome;
use gptprio::SetId;
use semver::Version;
use serde::Serialize;

use super::{Context, Place};
use crate::args::ClearArguments;
use crate::boots::file::{self, SetAside};
use crate::boots::{Attempt, Ledger, LedgerError, Seen};
use crate::error::Error;
use crate::health::evidence;

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

/// What is known in this boot about the set that runs and about the other one.
pub(super) fn seen(
    context: &Context,
    place: &Place,
    version: &Version,
    now: DateTime<Utc>,
) -> Seen {
    let (settings, active) = (&context.settings.health, place.active);
    let handover = evidence::handover(settings).unwrap_or_else(|error| {
        let note = context.output;
        note.note(format_args!("warning: cannot read what the boot selector says: {error}"));
        None
    });
    let other = place.disk.release(active.other());
    Seen {
        set: active,
        version: version.clone(),
        root_hash: evidence::root_hash(settings),
        other_version: other.and_then(|release| release.version.parse().ok()),
        sets: place.disk.sets(),
        handover,
        panics: evidence::panics(settings),
        boot: evidence::boot_id(settings),
        now,
    }
}

/// The ledger as it is, or will be once `health` has noted this boot: what has failed is not taken again in between either.
pub(super) fn known(
    context: &Context,
    place: &Place,
    running: &Version,
    now: DateTime<Utc>,
) -> Result<Ledger, Error> {
    let mut ledger = file::read(&context.settings.paths.state)?;
    ledger.note_start(&seen(context, place, running, now));
    Ok(ledger)
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

/// Something about the last attempt with a set, as far as the ledger can be read.
pub(super) fn last<T>(context: &Context, set: SetId, ask: impl Fn(&Attempt) -> T) -> Option<T> {
    let ledger = file::read(&context.settings.paths.state).ok()?;
    ledger.last(set).map(ask)
}

fn told(error: &LedgerError) -> String {
    match error {
        LedgerError::File { source, .. } => format!("{error}: {source}"),
        LedgerError::Damaged { .. } => error.to_string(),
    }
}

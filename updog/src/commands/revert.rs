//! `update-revert` before the restart, `rollback` after it. Neither touches the network.

use std::fmt;

use chrono::{DateTime, Utc};
use cli::Outcome;
use gptprio::SetId;
use serde::Serialize;
use signpost::Access;

use super::{Context, Place, apply, ledger, place};
use crate::args::{ApplyArguments, RevertArguments};
use crate::boots::Left;
use crate::error::Error;

/// What boots next after going back.
#[derive(Debug, Serialize)]
struct Reverted {
    /// The set that boots next.
    next: SetId,
    /// Whether this run changed anything.
    changed: bool,
    /// Whether nothing was changed because this is a dry run.
    dry_run: bool,
    /// Whether the host restarts now.
    restarting: bool,
}

impl fmt::Display for Reverted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.next;
        match (self.dry_run, self.changed) {
            (true, _) => write!(out, "set {next} would boot next"),
            (_, true) => write!(out, "set {next} boots next"),
            (_, false) => write!(out, "nothing to take back: set {next} boots next already"),
        }
    }
}

pub(super) fn run(
    context: &Context,
    arguments: &RevertArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let mut place = open(context, arguments.dry_run)?;
    let state = place.disk.state(place.active);
    let active = place.active;
    if place::next(&state) == Some(active) {
        return finish(context, &idle(active));
    }
    let refused = |source| Error::Refusal { action: "take the update back", source };
    let cancelled = state.cancel_upgrade().map_err(refused)?;
    if !arguments.dry_run {
        let left = if arguments.allow_again { Left::PutBack } else { Left::Declined };
        note(context, active, left, now);
        place.disk.store(&cancelled)?;
    }
    finish(context, &Reverted { dry_run: arguments.dry_run, changed: true, ..idle(active) })
}

pub(super) fn rollback(
    context: &Context,
    arguments: &ApplyArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let mut place = open(context, arguments.dry_run)?;
    let state = place.disk.state(place.active);
    let (other, _) = place.inactive()?;
    let restarting = arguments.reboot && !arguments.dry_run;
    let reverted = Reverted { next: other, changed: false, dry_run: false, restarting };
    if place::next(&state) == Some(other) {
        return finish(context, &reverted);
    }
    let refused = |source| Error::Refusal { action: "go back to the other set", source };
    let flipped = state.rollback_to_inactive().map_err(refused)?;
    if !arguments.dry_run {
        note(context, other, Left::Declined, now);
        place.disk.store(&flipped)?;
    }
    drop(place);
    finish(context, &Reverted { changed: true, dry_run: arguments.dry_run, ..reverted })
}

fn open(context: &Context, dry_run: bool) -> Result<Place, Error> {
    context.place(if dry_run { Access::Read } else { Access::Write })
}

fn idle(next: SetId) -> Reverted {
    Reverted { next, changed: false, dry_run: false, restarting: false }
}

/// Notes that it is wanted so: a set that is left is no set that failed. Who goes back has to get there, so that a ledger
/// that cannot be used is no reason to stop.
fn note(context: &Context, next: SetId, left: Left, now: DateTime<Utc>) {
    ledger::note_or_warn(context, |ledger| ledger.note_going_to(next, left, now));
}

fn finish(context: &Context, reverted: &Reverted) -> Result<Outcome, Error> {
    context.output.show(reverted)?;
    if reverted.restarting {
        apply::restart(context)?;
    }
    Ok(if reverted.changed || reverted.restarting { Outcome::Done } else { Outcome::NothingToDo })
}

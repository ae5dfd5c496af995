//! `update-apply` and `update`: the checked set boots next.

use std::fmt;
use std::process::Command;

use chrono::{DateTime, Utc};
use cli::Outcome;
use gptprio::{SetId, State, Tries};
use semver::Version;
use serde::Serialize;
use signpost::Access;

use super::image::{self, Brought, Image};
use super::{Context, Place, ledger, place};
use crate::args::{UpdateApplyArguments, UpdateArguments};
use crate::boots::file;
use crate::config::Settings;
use crate::error::Error;
use crate::health::evidence;
use crate::host;
use crate::staged::Staged;

/// What boots next, and what brought it about.
#[derive(Debug, Serialize)]
struct Applied {
    /// The release that boots next.
    version: Version,
    /// Its set.
    set: SetId,
    /// Whether this run changed anything.
    changed: bool,
    /// Whether nothing was changed because this is a dry run.
    dry_run: bool,
    /// Whether the host restarts now.
    restarting: bool,
}

impl fmt::Display for Applied {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, set, .. } = self;
        match (self.dry_run, self.changed, self.restarting) {
            (true, ..) => write!(out, "would make {version} in set {set} boot next"),
            (_, false, false) => write!(out, "{version} in set {set} boots next already"),
            (_, _, true) => write!(out, "{version} in set {set} boots next, restarting now"),
            (_, true, false) => {
                write!(out, "{version} in set {set} boots next: restart to run it")
            }
        }
    }
}

pub(super) fn run(
    context: &Context,
    UpdateApplyArguments { image, apply: how }: &UpdateApplyArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let mut place = context.place(access(how.dry_run))?;
    if let Some(wanted) = image {
        is_staged(context, &place, wanted)?;
    }
    let applied = apply(context, &mut place, how.dry_run, how.reboot, now)?;
    drop(place);
    finish(context, &applied)
}

pub(super) fn update(
    context: &Context,
    arguments: &UpdateArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let mut place = context.place(image::access(&arguments.choice))?;
    match image::bring(context, &arguments.choice, &mut place, now)? {
        None => Ok(Outcome::NothingToDo),
        Some(plan @ Brought::Planned(_)) => {
            context.output.show(&plan)?;
            Ok(Outcome::Done)
        }
        Some(Brought::There(image)) => {
            tell(context, &image);
            let applied = apply(context, &mut place, false, arguments.reboot, now)?;
            drop(place);
            finish(context, &applied)
        }
    }
}

fn tell(context: &Context, image: &Image) {
    if !context.output.json {
        context.output.note(image);
    }
}

fn access(dry_run: bool) -> Access {
    if dry_run { Access::Read } else { Access::Write }
}

/// What was written to the inactive set.
fn staged(context: &Context, place: &Place) -> Result<Staged, Error> {
    let (set, _) = place.inactive()?;
    let staged = Staged::read(&context.settings.paths.state)?;
    staged.filter(|staged| staged.set == set).ok_or(Error::NotStaged { set })
}

/// That it is this version, under the lock that whoever writes another one needs.
fn is_staged(context: &Context, place: &Place, wanted: &Version) -> Result<(), Error> {
    let Staged { set, version: there, .. } = staged(context, place)?;
    if there == *wanted {
        return Ok(());
    }
    Err(Error::OtherStaged { set, there, wanted: wanted.clone() })
}

fn apply(
    context: &Context,
    place: &mut Place,
    dry_run: bool,
    restarting: bool,
    now: DateTime<Utc>,
) -> Result<Applied, Error> {
    let staged = staged(context, place)?;
    let (set, version) = (staged.set, staged.version.clone());
    let state = place.disk.state(place.active);
    if place::next(&state) == Some(set) {
        return Ok(Applied { version, set, changed: false, dry_run: false, restarting });
    }
    refuse_failed(context, place, &version, now)?;
    let refused = |source| Error::Refusal { action: "make the update boot next", source };
    let flipped = state.upgrade_to_inactive().map_err(refused)?;
    place.check(&staged, context.output).map_err(|source| {
        let version = staged.version.clone();
        Error::Altered { set, version, source }
    })?;
    if !dry_run {
        // Before the flip: a start that nobody expected could not be told from another's.
        note(context, &staged, &state, now)?;
        place.disk.store(&flipped)?;
    }
    Ok(Applied { version, set, changed: !dry_run, dry_run, restarting: restarting && !dry_run })
}

/// What failed here is not tried again, even if it lies on the disk.
fn refuse_failed(
    context: &Context,
    place: &Place,
    version: &Version,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let running = host::running(&context.settings)?;
    let ledger = ledger::known(context, place, &running.version, now)?;
    match ledger.failed_versions().into_iter().find(|failed| failed.version == *version) {
        None => Ok(()),
        Some(failed) => {
            Err(Error::FailedHere { version: version.clone(), cause: failed.cause_in_words() })
        }
    }
}

/// Notes in the ledger what is to be tried.
fn note(
    context: &Context,
    staged: &Staged,
    state: &State,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Settings { paths, health, .. } = &context.settings;
    let tries = state.sets.bits(staged.set).map_or(Tries::ZERO, |bits| bits.tries);
    let boot = evidence::boot_id(health);
    file::change(&paths.state, |ledger| ledger.note_update(staged, tries, now, boot))?;
    Ok(())
}

/// Prints the result and restarts, if that was asked for.
fn finish(context: &Context, applied: &Applied) -> Result<Outcome, Error> {
    context.output.show(applied)?;
    if applied.restarting {
        restart(context)?;
    }
    let idle = !applied.changed && !applied.dry_run && !applied.restarting;
    Ok(if idle { Outcome::NothingToDo } else { Outcome::Done })
}

pub(super) fn restart(context: &Context) -> Result<(), Error> {
    let words = &context.settings.restart_command;
    let failed = |source| Error::Restart { command: words.join(" "), source };
    // The configuration was checked to name a program.
    let Some((program, rest)) = words.split_first() else { return Ok(()) };
    let status = Command::new(program).args(rest).status().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(failed(std::io::Error::other(status.to_string()))) }
}

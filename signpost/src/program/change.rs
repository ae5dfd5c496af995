//! The commands that change a disk, and what they report.
//!
//! As JSON: `command`, `dry_run`, `changed` (a bit is different, or would be), `written` (the table was written),
//! `repaired` (for each copy that was not good before and is now: `copy` and what it `was`), `before` and `after` (the state: `sets` with the bits of
//! `a` and `b`, `ever_succeeded`; both absent for `rewrite-table`), `next` (the set that boots next, or null).

use gptprio::{Refusal, SetId, Sets, State, choose};
use serde::Serialize;

use super::args::Args;
use super::error::ProgramError;
use super::text;
use super::warning::{self, Fault};
use crate::{Disk, Medium, Stored};

/// A transition of the state.
pub(crate) trait Transition: FnOnce(State) -> Result<State, Refusal> {}

impl<F: FnOnce(State) -> Result<State, Refusal>> Transition for F {}

/// What a command did, or would do.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    dry_run: bool,
    changed: bool,
    written: bool,
    repaired: Vec<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Bits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Bits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Option<SetId>>,
}

/// The bits of a disk.
#[derive(Clone, Copy, Debug, Serialize)]
struct Bits {
    sets: Sets,
    ever_succeeded: bool,
}

impl From<State> for Bits {
    fn from(state: State) -> Self {
        Self { sets: state.sets, ever_succeeded: state.ever_succeeded }
    }
}

/// Makes a transition and stores its result, unless it is only to be tried.
pub(crate) fn make(
    disk: &mut Disk,
    active: SetId,
    args: &Args,
    transition: impl Transition,
) -> Result<Report, ProgramError> {
    let (command, dry_run) = (args.command.name(), args.dry_run);
    let before = disk.state(active);
    let refused = |source| ProgramError::Refused { command, disk: disk.path().to_owned(), source };
    let after = transition(before).map_err(refused)?;
    let bad = warning::faults(disk.medium());
    let (changed, written) = if dry_run {
        warning::of_copies(disk.medium());
        (disk.would_change(&after)?, false)
    } else {
        let stored = disk.store(&after)?;
        (stored == Stored::Written, stored != Stored::Unchanged)
    };
    Ok(Report {
        command,
        dry_run,
        changed,
        written,
        repaired: if written { bad } else { Vec::new() },
        before: Some(before.into()),
        after: Some(after.into()),
        next: Some(choose(&after.sets).map(|choice| choice.set)),
    })
}

/// Writes the table anew, unless that is only to be tried.
pub(crate) fn rewrite(medium: &mut Medium, dry_run: bool) -> Result<Report, ProgramError> {
    let bad = warning::faults(medium);
    if dry_run {
        warning::of_copies(medium);
    } else {
        medium.rewrite()?;
    }
    Ok(Report {
        command: "rewrite-table",
        dry_run,
        changed: false,
        written: !dry_run,
        repaired: if dry_run { Vec::new() } else { bad },
        before: None,
        after: None,
        next: None,
    })
}

impl Report {
    /// Prints what was done.
    pub(crate) fn show(&self, json: bool) -> Result<(), ProgramError> {
        for Fault { copy, was } in &self.repaired {
            warning::say(&format!(
                "repaired the {copy} copy of the partition table, which was {was}"
            ));
        }
        if json {
            return Ok(cli::print_json(self)?);
        }
        let mut lines = self.lines();
        if self.dry_run {
            lines.push("dry run: nothing was written".to_owned());
        }
        text::print(&(lines.join("\n") + "\n"))
    }

    fn lines(&self) -> Vec<String> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return vec!["both copies of the partition table are written anew".to_owned()];
        };
        let mut lines = differences(before, after);
        if lines.is_empty() {
            lines.push("it was so already: no bit changes".to_owned());
        }
        lines.push(match choose(&after.sets) {
            Some(choice) => format!("boots next: set {}: {choice}", choice.set),
            None => "boots next: no set is bootable".to_owned(),
        });
        lines
    }
}

/// A line for each set that changes, and one for the memory of the disk.
fn differences(before: &Bits, after: &Bits) -> Vec<String> {
    let mut lines = Vec::new();
    for (set, old) in before.sets.iter() {
        let new = after.sets.bits(set).unwrap_or(old);
        if old != new {
            lines.push(format!("set {set}: {} (was {})", text::bits(new), text::bits(old)));
        }
    }
    if before.ever_succeeded != after.ever_succeeded {
        lines.push("the disk remembers that a boot has succeeded".to_owned());
    }
    lines
}

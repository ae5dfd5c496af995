//! `diff`, `carry` and `forget`: what is kept aside since the host returned to an older version.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use cli::Outcome;
use datastore::Key;
use serde::Serialize;

use super::changes::{line, lines};
use super::error::ProgramError;
use super::say;
use crate::Secrets;
use crate::carry::{Carried, Wanted, carry, forget};
use crate::changes::Standing;
use crate::listing::{Listed, ListedChange, Listing, list};

/// Which data store, and how to report.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The data store: its folder, or the link `current` in it
    #[arg(long, value_name = "PATH", default_value = "/var/lib/waystone/datastore/current")]
    datastore_path: PathBuf,

    /// Report as JSON on standard output
    #[arg(long)]
    json: bool,
}

/// Which changes, and how to show them.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Settings, such as settings.ntp, each with all below it; all if none is named
    #[arg(value_name = "KEY")]
    keys: Vec<Key>,

    /// Show the values of secrets, too
    #[arg(long)]
    show_secrets: bool,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
}

/// Arguments of `carry`.
#[derive(Debug, Args)]
#[command(after_help = "Stop whatever writes settings while this runs.")]
pub(crate) struct CarryArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,

    /// Also where a setting has been changed in another way since
    #[arg(long)]
    force: bool,

    /// Say what would be carried, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    #[command(flatten)]
    common: Common,

    /// Names of files, as `diff` shows them
    #[arg(value_name = "FILE", required_unless_present = "all")]
    files: Vec<String>,

    /// Everything
    #[arg(long, conflicts_with = "files")]
    all: bool,
}

/// What `forget` reports.
#[derive(Debug, Serialize)]
struct Forgotten {
    removed: Vec<String>,
}

impl Which {
    fn secrets(&self) -> Secrets {
        if self.show_secrets { Secrets::Shown } else { Secrets::Masked }
    }
}

impl Common {
    fn report(&self, report: &impl Serialize, lines: &[String]) -> Result<Outcome, ProgramError> {
        if self.json {
            cli::print_json(report)?;
        } else {
            let mut out = io::stdout().lock();
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(Outcome::Done)
    }
}

pub(super) fn run_diff(args: &DiffArgs) -> Result<Outcome, ProgramError> {
    let listing = list(&args.common.datastore_path, &args.which.keys, args.which.secrets())?;
    args.common.report(&listing, &of_listing(&listing))
}

pub(super) fn run_carry(args: &CarryArgs) -> Result<Outcome, ProgramError> {
    let wanted = Wanted {
        datastore: &args.common.datastore_path,
        keys: &args.which.keys,
        force: args.force,
        dry_run: args.dry_run,
        secrets: args.which.secrets(),
    };
    let carried = carry(&wanted, &mut say, &mut |_| Ok(()))?;
    args.common.report(&carried, &of_carried(&carried))
}

pub(super) fn run_forget(args: &ForgetArgs) -> Result<Outcome, ProgramError> {
    let removed = forget(&args.common.datastore_path, &args.files)?;
    let unknown = args.files.iter().find(|file| !removed.contains(file));
    let mut lines: Vec<String> = removed.iter().map(|file| format!("forgot {file}")).collect();
    if lines.is_empty() && unknown.is_none() {
        lines.push("nothing is kept aside".to_owned());
    }
    args.common.report(&Forgotten { removed }, &lines)?;
    match unknown {
        Some(file) => Err(ProgramError::NotKept { file: file.clone() }),
        None => Ok(Outcome::Done),
    }
}

fn of_listing(listing: &Listing) -> Vec<String> {
    let mut all = Vec::new();
    for damaged in &listing.damaged {
        all.push(format!("{} cannot be read: {}", damaged.file, damaged.why));
    }
    for listed in &listing.kept {
        all.extend(of_listed(listed));
    }
    if all.is_empty() {
        all.push("nothing is kept aside".to_owned());
    }
    all
}

fn of_listed(listed: &Listed) -> Vec<String> {
    let Listed { from, to, names_of, .. } = listed;
    let mut all =
        vec![format!("changed under {from}, before the return to {to} ({})", listed.file)];
    match &listed.changes {
        Some(changes) => all.extend(of_changes(changes)),
        None => {
            let why = listed.why.as_deref().unwrap_or("nobody knows why");
            all.push(format!("  what it was cannot be said: {why}"));
            all.push(format!("  the settings of {from} are kept as a whole in {}", listed.store));
        }
    }
    if let (Some(_), false) = (&listed.changes, listed.fits) {
        all.push(format!("  these are the names of {names_of}: they can be carried when it runs"));
    }
    all
}

/// Those that are open, those that are not, and how many are done.
fn of_changes(changes: &[ListedChange]) -> Vec<String> {
    let (open, others): (Vec<_>, Vec<_>) =
        changes.iter().partition(|one| one.standing.is_none_or(|one| one == Standing::Open));
    let open: Vec<_> = open.into_iter().map(|one| one.change.clone()).collect();
    let mut all: Vec<String> = lines(&open).iter().map(|line| format!("  {line}")).collect();
    let conflicts = others.iter().filter(|one| one.standing == Some(Standing::Conflict));
    all.extend(
        conflicts
            .map(|one| format!("  {} (has been changed in another way since)", line(&one.change))),
    );
    let done = others.iter().filter(|one| one.standing == Some(Standing::Done)).count();
    if done > 0 {
        all.push(format!("  {} in the settings already", count(done)));
    }
    if all.is_empty() {
        all.push("  nothing that the settings have a name for".to_owned());
    }
    all
}

fn count(changes: usize) -> String {
    if changes == 1 { "1 change is".to_owned() } else { format!("{changes} changes are") }
}

fn of_carried(carried: &Carried) -> Vec<String> {
    let mut all: Vec<String> = lines(&carried.changes);
    if carried.done > 0 {
        all.push(format!("{} in the settings already", count(carried.done)));
    }
    let unfit = carried.unfit.iter();
    all.extend(unfit.map(|file| format!("{file} has no changes in the names of this version")));
    all.extend(carried.removed.iter().map(|file| format!("{file} has had its use, and is gone")));
    if all.is_empty() {
        all.push("nothing is kept aside".to_owned());
    }
    if carried.dry_run {
        all.push("dry run: nothing was changed".to_owned());
    }
    all
}

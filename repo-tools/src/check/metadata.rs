//! Whether clients accept the metadata, and for how long.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use trust::{
    Draft, Repository, Role, RoleName, Root, RootPhase, Snapshot, Target, Targets, Timestamp,
    Verified,
};

use super::{Checkup, Report};
use crate::files::{TEMPORARY, names};
use crate::publish::is_below;
use crate::verify::{BEFORE_EXPIRY, below_root, file, newest_root};
use crate::{Error, Layout, Result, time};

const RESTORE: &str = "restore the file from a copy, or publish again";

/// The targets metadata, whether or not the way to it is sound.
pub(super) enum Known {
    /// As clients see it.
    Sound(Box<Repository>),
    /// Signed, but not reached by clients.
    Signed(Box<Verified<Targets>>),
}

impl Known {
    pub(super) fn targets(&self) -> &Verified<Targets> {
        match self {
            Self::Sound(repository) => repository.targets_metadata(),
            Self::Signed(targets) => targets,
        }
    }

    /// The target of this name, if there is one whose file lies below the folder of the targets.
    pub(super) fn target(&self, name: &str) -> Option<Target> {
        let name = is_below(name).then_some(name)?;
        self.targets().target(name, true).ok().flatten()
    }
}

/// Checks the metadata; gives the targets metadata if it is signed at all.
pub(super) fn check(
    layout: &Layout,
    checkup: &Checkup,
    report: &mut Report,
) -> Result<Option<Known>> {
    let root = match newest_root(layout) {
        Ok(root) => root,
        Err(Error::Trust { source, .. }) => {
            report.error(
                source.to_string(),
                "clients stop here: restore the root's file from a copy",
            );
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    check_alias(layout, &root, report)?;
    let known = match below_root(layout, root.clone(), BEFORE_EXPIRY) {
        Ok(repository) => {
            for (role, at) in repository.expiries() {
                check_expiry(role, at, checkup, report);
            }
            check_left_over(layout, &repository, report)?;
            Some(Known::Sound(Box::new(repository)))
        }
        Err(Error::Trust { source, .. }) => {
            report.error(source.to_string(), RESTORE);
            check_each(layout, &root, checkup, report)?
        }
        Err(error) => return Err(error),
    };
    Ok(known)
}

/// The chain is broken: looks at each role by itself, so that all that is wrong is said at once.
fn check_each(
    layout: &Layout,
    phase: &RootPhase,
    checkup: &Checkup,
    report: &mut Report,
) -> Result<Option<Known>> {
    let root = phase.root();
    check_expiry(RoleName::Root, root.expires(), checkup, report);
    signed::<Timestamp>(layout, "timestamp.json".to_owned(), root, checkup, report)?;
    let newest = |role| newest_file(layout, role);
    if let Some(name) = newest(RoleName::Snapshot)? {
        signed::<Snapshot>(layout, name, root, checkup, report)?;
    }
    let Some(name) = newest(RoleName::Targets)? else { return Ok(None) };
    let targets = signed::<Targets>(layout, name, root, checkup, report)?;
    Ok(targets.map(|targets| Known::Signed(Box::new(targets))))
}

/// Checks one role's file against the keys of the root.
fn signed<T: Role>(
    layout: &Layout,
    name: String,
    root: &Root,
    checkup: &Checkup,
    report: &mut Report,
) -> Result<Option<Verified<T>>> {
    let Some(bytes) = file(layout, &name)? else { return Ok(None) };
    let verified: trust::Result<Verified<T>> =
        Draft::parse(bytes).and_then(|draft: Draft<T>| draft.verify(root));
    match verified {
        Ok(verified) => {
            check_expiry(T::NAME, verified.expires(), checkup, report);
            Ok(Some(verified))
        }
        Err(error) => {
            let what = format!("{name}: {error}");
            // The chain may have said so already.
            if !report.findings.iter().any(|finding| what.ends_with(&finding.what)) {
                report.error(what, RESTORE);
            }
            Ok(None)
        }
    }
}

fn newest_file(layout: &Layout, role: RoleName) -> Result<Option<String>> {
    let numbered = |name: String| {
        let version =
            name.strip_suffix(role.file_name())?.strip_suffix('.')?.parse::<u64>().ok()?;
        Some((version, name))
    };
    let newest = names(layout.metadata())?.into_iter().filter_map(numbered).max();
    Ok(newest.map(|(_, name)| name))
}

fn check_expiry(role: RoleName, at: DateTime<Utc>, checkup: &Checkup, report: &mut Report) {
    let next = match role {
        RoleName::Root => "sign it with 'repo-tools refresh --root', with the root keys",
        RoleName::Timestamp => "sign it with 'repo-tools refresh'",
        RoleName::Snapshot | RoleName::Targets => "sign it with 'repo-tools refresh --all'",
    };
    let soon = checkup.soon.after(checkup.now).unwrap_or(DateTime::<Utc>::MAX_UTC);
    if at <= checkup.now {
        report.error(format!("{role} metadata expired at {}", time::stamp(at)), next);
    } else if at <= soon {
        report.warning(format!("{role} metadata expires at {}", time::stamp(at)), next);
    }
}

/// `root.json` is what people fetch by hand; clients ask for numbers.
fn check_alias(layout: &Layout, phase: &RootPhase, report: &mut Report) -> Result<()> {
    let alias: Option<Bytes> = file(layout, RoleName::Root.file_name())?;
    if alias.as_ref() != Some(phase.root().bytes()) {
        let newest = RoleName::Root.versioned(phase.root().version());
        report.warning(format!("root.json is not {newest}"), format!("copy {newest} to root.json"));
    }
    Ok(())
}

/// Files above what is named: a run was cut, or a root is missing in between.
fn check_left_over(layout: &Layout, repository: &Repository, report: &mut Report) -> Result<()> {
    let versions = repository.versions();
    let current: BTreeSet<String> = [
        RoleName::Snapshot.versioned(versions.snapshot),
        RoleName::Targets.versioned(versions.targets),
    ]
    .into();
    for name in names(layout.metadata())? {
        if name.starts_with(TEMPORARY) {
            report.note(format!("{name} is left over from a run that was cut"), "remove it");
        }
        let Some((number, role)) = name.split_once('.') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        let newest = match role {
            "root.json" => versions.root,
            "snapshot.json" => versions.snapshot,
            "targets.json" => versions.targets,
            _ => continue,
        };
        if number > newest && role == "root.json" {
            let missing = RoleName::Root.versioned(newest + 1);
            report.error(format!("{name} is there and {missing} is not"), RESTORE);
        } else if number > newest && !current.contains(&name) {
            let what = format!("{name} is not named: a run was cut, or runs now");
            report.note(what, "run the command again");
        }
    }
    Ok(())
}

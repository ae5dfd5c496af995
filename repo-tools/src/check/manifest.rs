//! Whether the release manifest says something that can be done.

use std::error::Error as _;

use super::metadata::Known;
use super::{Report, frames, migrations, packs};
use crate::files::read;
use crate::layout::MANIFEST;
use crate::{Layout, Result};
use ::manifest::{Manifest, Update};

/// Reads the manifest and looks whether its targets are there.
pub(super) fn check(
    layout: &Layout,
    known: &Known,
    quick: bool,
    report: &mut Report,
) -> Result<()> {
    let Ok(Some(target)) = known.targets().target(MANIFEST, true) else {
        report.error("there is no manifest.json", "make a repository with 'repo-tools init'");
        return Ok(());
    };
    // A file that is missing or another one was said already.
    let Some(bytes) = read(&layout.targets().join(target.path()))? else { return Ok(()) };
    if target.check(&bytes).is_err() {
        return Ok(());
    }
    match Manifest::parse(&bytes) {
        Ok(manifest) => {
            check_manifest(&manifest, known, report);
            for update in &manifest.updates {
                packs::check(layout, &manifest, update, known, report)?;
                frames::check(layout, update, known, quick, report)?;
            }
            migrations::check(layout, &manifest, known, quick, report)?;
        }
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            report.error(format!("{error}{cause}"), "publish a manifest that this program wrote");
        }
    }
    Ok(())
}

fn check_manifest(manifest: &Manifest, known: &Known, report: &mut Report) {
    let is_target = |name: &str| known.targets().entry(name).is_some();
    for update in &manifest.updates {
        for name in update.images.names().into_iter().filter(|name| !is_target(name)) {
            let what = format!("release {} names {name}, which is no target", update.label());
            report.error(what, "publish the release again with --replace");
        }
        check_max_version(manifest, update, report);
    }
}

/// A host that took the highest release must not be sent back by another one.
fn check_max_version(manifest: &Manifest, update: &Update, report: &mut Report) {
    let offered = manifest.updates.iter().filter(|other| {
        other.variant == update.variant && other.arch == update.arch && other.is_offered()
    });
    let Some(highest) = offered.map(|other| &other.version).max() else { return };
    if update.is_offered() && update.max_version < *highest {
        let (label, max_version) = (update.label(), &update.max_version);
        let what = format!(
            "release {label} has max_version {max_version}: hosts that took {highest} may be sent back to it"
        );
        report
            .warning(what, format!("if that is not meant, publish {highest} again with --replace"));
    }
}

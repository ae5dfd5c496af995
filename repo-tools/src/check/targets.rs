//! Whether the target files are those that are signed for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read};

use trust::Target;

use super::metadata::Known;
use super::{Checkup, Report};
use crate::files::{TEMPORARY, names, reading};
use crate::publish::{is_below, is_flat};
use crate::{Layout, Result};

const PUBLISH: &str =
    "copy it from where it was built, or publish the release again with --replace";

/// Compares every target file with its entry.
pub(super) fn check(
    layout: &Layout,
    known: &Known,
    checkup: &Checkup,
    report: &mut Report,
) -> Result<()> {
    let mut entries: Vec<&str> = known.targets().entries().map(|(name, _)| name).collect();
    entries.sort_unstable();
    let mut named = BTreeSet::new();
    for name in entries {
        report.targets += 1;
        if !is_below(name) {
            let what = format!("target name {name:?} leads out of the folder of the targets");
            report.error(what, "find out who signed it: no file of it was looked at");
            continue;
        }
        if !is_flat(name) {
            let what =
                format!("target name {name:?} has characters that clients treat differently");
            report.warning(what, "use letters, digits, '.', '_', '+' and '-' only");
        }
        let target = known.target(name);
        let Some(target) = target.filter(|target| target.sha256().is_some()) else {
            report.error(format!("target {name} has no sha256"), "publish it with this program");
            continue;
        };
        named.insert(target.path());
        check_file(layout, &target, checkup.quick, report)?;
    }
    check_orphans(layout, &named, report)
}

fn check_file(layout: &Layout, target: &Target, quick: bool, report: &mut Report) -> Result<()> {
    let path = layout.targets().join(target.path());
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            report.error(format!("target {target} is missing: no {}", path.display()), PUBLISH);
            return Ok(());
        }
        Err(error) => return Err(reading(&path)(error)),
    };
    let length = file.metadata().map_err(reading(&path))?.len();
    if length != target.length() {
        let expected = target.length();
        let what = format!("target {target} has {length} bytes where {expected} are signed for");
        report.error(what, PUBLISH);
    } else if !quick {
        report.bytes = report.bytes.saturating_add(length);
        if let Some(wrong) = compare(file, target).map_err(reading(&path))? {
            report.error(format!("target {wrong}"), PUBLISH);
        }
    }
    Ok(())
}

/// Reads the whole file; says how it differs.
fn compare(mut file: File, target: &Target) -> io::Result<Option<trust::Error>> {
    let mut checker = target.checker();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(checker.finish().err());
        }
        if let Err(error) = checker.update(&buffer[..read]) {
            return Ok(Some(error.into()));
        }
    }
}

fn check_orphans(layout: &Layout, named: &BTreeSet<String>, report: &mut Report) -> Result<()> {
    if !layout.targets().exists() {
        report.error(format!("there is no {}", layout.targets().display()), PUBLISH);
        return Ok(());
    }
    let files = names(layout.targets())?;
    let (left_over, orphans): (Vec<_>, Vec<_>) = files
        .into_iter()
        .filter(|name| !named.contains(name))
        .partition(|name| name.starts_with(TEMPORARY));
    for name in left_over {
        report.note(format!("targets/{name} is left over from a run that was cut"), "remove it");
    }
    // Every change of the manifest leaves the old one behind, which slow readers may still ask for.
    let what = match orphans.as_slice() {
        [] => return Ok(()),
        [one] => format!("targets/{one} is not named any more"),
        [first, ..] => {
            format!("{} files in targets/ are not named any more, as {first}", orphans.len())
        }
    };
    let next =
        "remove such files when no client can have metadata that names them (targets expiry)";
    report.note(what, next);
    Ok(())
}

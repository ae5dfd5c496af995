//! The report for people.

use std::path::Path;

use manifest::Direction;

use super::changes;
use crate::{Outcome, Report};

/// What was done, or would be, a line each.
pub(crate) fn of(report: &Report, datastore: &Path) -> String {
    let mut lines = vec![match (report.outcome, &report.from) {
        (Outcome::Same, _) => format!("the settings are those of {} already", report.to),
        (Outcome::Linked, Some(from)) => {
            format!("the settings of {from} are those of {} as they are", report.to)
        }
        (Outcome::Migrated, Some(from)) => {
            let way =
                if report.direction == Some(Direction::Backward) { "back" } else { "forward" };
            format!("the settings go {way} from {from} to {}", report.to)
        }
        (Outcome::Returned, Some(from)) => {
            format!("the settings return from {from} to those that {} had", report.to)
        }
        _ => format!("there is no data store at {}", datastore.display()),
    }];
    lines.extend(report.migrations.iter().map(|name| format!("  migration {name}")));
    lines.extend(report.store.iter().map(|store| format!("  store {store}")));
    lines
        .extend(report.removed.iter().map(|name| format!("  removed {name}, which was left over")));
    if let Some(kept) = &report.kept {
        let count = match kept.changes {
            Some(1) => "1 change that was made since is kept aside".to_owned(),
            Some(count) => format!("{count} changes that were made since are kept aside"),
            None => "what was changed since is not known, and its store is kept".to_owned(),
        };
        lines.push(format!("  {count}, see `migrator diff`: {}", kept.file));
    }
    if let Some(changes) = &report.changes {
        lines.extend(changes::lines(changes).iter().map(|line| format!("  {line}")));
        if changes.is_empty() {
            lines.push("  no setting changes".to_owned());
        }
    }
    match (&report.changes, report.dry_run) {
        (Some(_), _) => lines.push("rehearsal: nothing was changed".to_owned()),
        (None, true) => lines.push("dry run: nothing was changed".to_owned()),
        (None, false) => {}
    }
    lines.join("\n") + "\n"
}

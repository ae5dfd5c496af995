//! The report for people.

use std::path::Path;

use manifest::Direction;
use migrator::{Outcome, Report};

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
        _ => format!("there is no data store at {}", datastore.display()),
    }];
    lines.extend(report.migrations.iter().map(|name| format!("  migration {name}")));
    lines.extend(report.store.iter().map(|store| format!("  store {store}")));
    lines
        .extend(report.removed.iter().map(|name| format!("  removed {name}, which was left over")));
    if report.dry_run {
        lines.push("dry run: nothing was changed".to_owned());
    }
    lines.join("\n") + "\n"
}

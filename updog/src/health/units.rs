//! Units of systemd that have to be active, and to stay so.

mod settle;

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::{Deadline, limited};
use crate::boots::{Cause, Finding};

/// Time between two looks at a unit.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long systemd may take to tell more about a unit that is not active.
const STATUS_LIMIT: Duration = Duration::from_secs(5);

/// What systemd says about a unit, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Active,
    Failed,
    /// It may yet become active.
    NotYet,
}

/// Waits until every unit is active; what the first that failed, or is not active when the time is over, says.
pub fn wait(units: &[String], deadline: Deadline, told: &dyn Fn(&str)) -> Option<Finding> {
    units.iter().find_map(|unit| {
        told(unit);
        one(unit, deadline)
    })
}

fn one(unit: &str, deadline: Deadline) -> Option<Finding> {
    loop {
        let mut command = Command::new("systemctl");
        command.args(["is-active", "--", unit]);
        let said = match limited::run(&mut command, deadline.left()) {
            Ok(ended) => ended.tail,
            Err(error) => format!("cannot ask systemctl: {error}"),
        };
        match answer(&said) {
            Answer::Active => return None,
            Answer::Failed => return Some(finding(unit, &said)),
            Answer::NotYet if deadline.is_over() => {
                let limit = deadline.limit().as_secs();
                let detail = format!("{said}\nnot active within the time limit of {limit} s");
                return Some(finding(unit, &detail));
            }
            Answer::NotYet => sleep(LOOK_AGAIN.min(deadline.left())),
        }
    }
}

/// Waits until every unit has been active for so long; what the first says that was started again meanwhile, or is not when the time is over.
pub fn settle(units: &[String], settled: Duration, deadline: Deadline) -> Option<Finding> {
    let unsettled = settle::wait(&settle::Machine { deadline }, units, settled)?;
    Some(finding(&unsettled.unit, &unsettled.why))
}

fn answer(said: &str) -> Answer {
    match said.trim() {
        "active" | "reloading" | "refreshing" => Answer::Active,
        "failed" => Answer::Failed,
        _ => Answer::NotYet,
    }
}

fn finding(unit: &str, detail: &str) -> Finding {
    Finding::with(Cause::unit(unit), &format!("{}\n{detail}", last_words(unit)))
}

/// The last lines that the unit has left in the journal, where systemd gives them.
fn last_words(unit: &str) -> String {
    let mut command = Command::new("systemctl");
    command.args(["status", "--no-pager", "--full", "--lines=8", "--", unit]);
    let said = limited::run(&mut command, STATUS_LIMIT).map(|ended| ended.tail);
    let said = said.unwrap_or_default();
    // What comes before the empty line is about the unit, and longer than what it said.
    said.rsplit_once("\n\n").map_or_else(|| said.clone(), |(_, journal)| journal.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failed_is_final() {
        for (said, wanted) in [
            ("active\n", Answer::Active),
            ("reloading\n", Answer::Active),
            ("failed\n", Answer::Failed),
            ("activating\n", Answer::NotYet),
            ("inactive\n", Answer::NotYet),
            ("deactivating\n", Answer::NotYet),
            ("", Answer::NotYet),
            ("Failed to connect to bus\n", Answer::NotYet),
        ] {
            assert_eq!(answer(said), wanted, "{said:?}");
        }
    }
}

//! What is wrong with the partition table although it can be used.

use std::io::Write;

use serde::Serialize;

use crate::{Condition, Medium, Side};

/// A copy that is not good.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    /// Which copy.
    pub(crate) copy: String,
    /// The condition that it was found in.
    pub(crate) was: String,
}

/// The copies that are not good.
pub(crate) fn faults(medium: &Medium) -> Vec<Fault> {
    let conditions = [Side::Primary, Side::Backup].map(|side| (side, medium.condition(side)));
    let bad = conditions.into_iter().filter(|(_, condition)| !matches!(condition, Condition::Good));
    bad.map(|(side, condition)| Fault { copy: side.to_string(), was: condition.to_string() })
        .collect()
}

/// Warns on standard error of each copy that is not good, and says what to do.
pub(crate) fn of_copies(medium: &Medium) {
    for Fault { copy, was } in faults(medium) {
        say(&format!(
            "warning: the {copy} copy of the partition table is {was}\n  next: run signpost rewrite-table, which repairs it"
        ));
    }
}

/// A line on standard error.
pub(crate) fn say(text: &str) {
    // Nobody is left to warn if standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "signpost: {text}");
}

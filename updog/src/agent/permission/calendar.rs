//! Windows and blackout dates.

use chrono::{DateTime, Utc};
use schedule::{Calendar, Opening};

use crate::agent::next::Wait;
use crate::agent::record::Kind;

/// What the calendar waits for.
pub(super) fn wait(calendar: &Calendar, now: DateTime<Utc>) -> Option<Wait> {
    match calendar.at(now) {
        Opening::Open { .. } => None,
        closed @ Opening::Closed { .. } => {
            let (reason, until) = (closed.to_string(), closed.changes());
            Some(Wait { step: Kind::Restart, code: "window", reason, until })
        }
    }
}

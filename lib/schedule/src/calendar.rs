//! Windows and blackouts together.

use chrono::{DateTime, Utc};
use jiff::{SignedDuration, Timestamp};

use crate::blackout::Blackout;
use crate::instant;
use crate::moment::Moment;
use crate::opening::{Opening, Why};
use crate::window::Window;
use crate::zone::Zone;

/// When something may be done. The crate's documentation has the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    windows: Vec<Window>,
    blackouts: Vec<Blackout>,
}

/// How far ahead a change is searched for: two years, one of them a leap year.
const SEARCHED: SignedDuration = SignedDuration::from_hours((365 + 366) * 24);

/// The zone of an instant that no window or blackout has.
static UTC: Zone = Zone::UTC;

/// An instant at which something opens or closes, and the zone that says so.
type Edge<'a> = (Timestamp, &'a Zone);

impl Calendar {
    /// Open while one of the windows is, or always if there are none; but not in a blackout.
    pub fn new(windows: Vec<Window>, blackouts: Vec<Blackout>) -> Self {
        Self { windows, blackouts }
    }

    /// Whether it is open, why not, and when that changes.
    pub fn at(&self, now: DateTime<Utc>) -> Opening {
        let now = instant::from_chrono(now);
        let moment = |(time, zone): Edge<'_>| Moment::at(time, zone);
        match self.closed_at(now) {
            None => Opening::Open { until: self.closes(now).map(moment) },
            Some(why) => Opening::Closed { opens: self.opens(now).map(moment), why },
        }
    }

    fn closed_at(&self, at: Timestamp) -> Option<Why> {
        if let Some((_, blackout)) = self.blackout_at(at) {
            return Some(Why::Blackout(blackout.clone()));
        }
        let outside = !self.windows.is_empty() && self.window_end(at).is_none();
        outside.then_some(Why::OutsideWindows)
    }

    /// The end of windows or the beginning of a blackout, whichever is first.
    fn closes(&self, now: Timestamp) -> Option<Edge<'_>> {
        let starts = self
            .blackouts
            .iter()
            .filter_map(|blackout| blackout.start_after(now).map(|start| (start, blackout.zone())));
        let edges = starts.chain(self.windows_end(now));
        edges.min_by_key(|(time, _)| *time)
    }

    /// The end of the windows that are open at an instant, and of those that follow without a pause.
    fn windows_end(&self, now: Timestamp) -> Option<Edge<'_>> {
        let limit = later(now, SEARCHED);
        let mut end = self.window_end(now)?;
        while let Some(next) = self.window_end(end.0) {
            end = next;
            if end.0 > limit {
                return None;
            }
        }
        Some(end)
    }

    fn opens(&self, now: Timestamp) -> Option<Edge<'_>> {
        let limit = later(now, SEARCHED);
        let mut at = (now, &UTC);
        while at.0 <= limit {
            match self.blackout_at(at.0) {
                Some((end, blackout)) => at = (end, blackout.zone()),
                None if self.windows.is_empty() || self.window_end(at.0).is_some() => {
                    return Some(at);
                }
                None => at = self.window_start(at.0)?,
            }
        }
        None
    }

    /// The blackout that holds at an instant, with its end; of several, the one that ends last.
    fn blackout_at(&self, at: Timestamp) -> Option<(Timestamp, &Blackout)> {
        let ends = self.blackouts.iter().filter_map(|one| one.end_at(at).map(|end| (end, one)));
        ends.max_by_key(|(end, _)| *end)
    }

    /// The end of the window that is open at an instant; of several, of the one that closes last.
    fn window_end(&self, at: Timestamp) -> Option<Edge<'_>> {
        let ends =
            self.windows.iter().filter_map(|one| one.end_at(at).map(|end| (end, one.zone())));
        ends.max_by_key(|(end, _)| *end)
    }

    /// The next start of a window after an instant.
    fn window_start(&self, at: Timestamp) -> Option<Edge<'_>> {
        let starts = self
            .windows
            .iter()
            .filter_map(|one| one.start_after(at).map(|start| (start, one.zone())));
        starts.min_by_key(|(start, _)| *start)
    }
}

fn later(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

//! `history`: everything that the ledger remembers, as it went. Never touches the network, nor a disk.

use std::fmt;
use std::num::NonZeroUsize;

use cli::Outcome;
use semver::Version;
use serde::Serialize;

use super::Context;
use super::status::boots::Boot;
use crate::args::HistoryArguments;
use crate::boots::{Attempt, Ledger, file};
use crate::error::Error;

/// What is remembered.
#[derive(Debug, Serialize)]
struct History {
    /// The attempts, the oldest first.
    history: Vec<Entry>,
}

/// An attempt with what led to it and what can be done about it.
#[derive(Debug, Serialize)]
struct Entry {
    /// What the other set held at that time, as far as it is remembered: what ran.
    from: Option<Version>,
    /// The attempt.
    #[serde(flatten)]
    boot: Boot,
    /// What to do next, where something is.
    hint: Option<String>,
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    detail: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &HistoryArguments) -> Result<Outcome, Error> {
    let ledger = file::read(&context.settings.paths.state)?;
    context.output.show(&History::of(&ledger, arguments.last))?;
    Ok(Outcome::Done)
}

impl History {
    fn of(ledger: &Ledger, last: Option<NonZeroUsize>) -> Self {
        let attempts = &ledger.attempts;
        let skipped = last.map_or(0, |last| attempts.len().saturating_sub(last.get()));
        let places = attempts.iter().enumerate().skip(skipped);
        let failed = ledger.failed_versions();
        let entry = |(place, one): (usize, &Attempt)| {
            let from = attempts.iter().take(place).rfind(|other| other.set != one.set);
            let stands = failed.iter().any(|failed| std::ptr::eq(*failed, one));
            Entry::of(one, from.map(|from| &from.version), stands)
        };
        Self { history: places.map(entry).collect() }
    }
}

impl Entry {
    fn of(attempt: &Attempt, from: Option<&Version>, stands_as_failed: bool) -> Self {
        let Attempt { version, noted, .. } = attempt;
        let noted = noted.format("%Y-%m-%d %H:%M");
        let title = match from {
            Some(from) => format!("{noted} {from} -> {version}"),
            None => format!("{noted} {version}"),
        };
        let hint = stands_as_failed.then(|| {
            format!("look at `journalctl UPDOG_VERSION={version}`; `updog clear-failure {version}` allows it again")
        });
        let (boot, detail) = (Boot::of(attempt), attempt.detail.clone());
        Self { from: from.cloned(), boot, hint, title, detail }
    }
}

impl fmt::Display for History {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries = self.history.iter();
        let Some(first) = entries.next() else { return out.write_str("nothing is remembered") };
        write!(out, "{first}")?;
        entries.try_for_each(|entry| write!(out, "\n{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n    {}", self.title, self.boot)?;
        let lines = self.detail.as_deref().unwrap_or_default().lines();
        lines
            .filter(|line| !line.is_empty())
            .try_for_each(|line| write!(out, "\n        {line}"))?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(out, "\n    next: {hint}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Went from 1.0.0 to 1.1.0, which failed, was cleared, and failed again.
    const BOOTS: &str = r#"{"format":1,"attempts":[
        {"set":"A","version":"1.0.0","noted":"2026-11-23T22:10:00Z","starts":4,"good_starts":4,
         "started":"2026-11-24T08:00:00Z","outcome":"good","ended":"2026-11-24T08:01:00Z"},
        {"set":"B","version":"1.1.0","noted":"2026-11-23T22:16:00Z","tries":1,"starts":1,"outcome":"failed",
         "started":"2026-11-23T22:18:00Z","ended":"2026-11-23T22:19:00Z","cause":"health check 10-net",
         "detail":"no route to host","cleared":true},
        {"set":"B","version":"1.1.0","noted":"2026-11-24T09:00:00Z","tries":1,"outcome":"failed",
         "ended":"2026-11-24T09:02:00Z","cause":"never reached userland"}]}"#;

    fn ledger() -> Ledger {
        file::parse(BOOTS.as_bytes()).unwrap()
    }

    #[test]
    fn it_tells_when_from_where_what_came_of_it_and_what_next() {
        let expected = "\
2026-11-23 22:10 1.0.0
    2026-11-24 08:01 1.0.0 in set A: good; 4 starts, 4 good
2026-11-23 22:16 1.0.0 -> 1.1.0
    2026-11-23 22:19 1.1.0 in set B: failed, cleared: health check 10-net; 1 start, 0 good
        no route to host
2026-11-24 09:00 1.0.0 -> 1.1.0
    2026-11-24 09:02 1.1.0 in set B: failed: never reached userland
    next: look at `journalctl UPDOG_VERSION=1.1.0`; `updog clear-failure 1.1.0` allows it again";
        assert_eq!(History::of(&ledger(), None).to_string(), expected);
        assert_eq!(History::of(&Ledger::default(), None).to_string(), "nothing is remembered");
    }

    #[test]
    fn the_last_ones_still_know_what_came_before_them() {
        let history = History::of(&ledger(), NonZeroUsize::new(1));
        let json = serde_json::to_value(&history).unwrap();
        assert_eq!(json["history"].as_array().unwrap().len(), 1);
        let last = &json["history"][0];
        assert_eq!((&last["from"], &last["version"]), (&"1.0.0".into(), &"1.1.0".into()));
        assert_eq!((&last["outcome"], &last["set"]), (&"failed".into(), &"B".into()));
        assert!(
            last["hint"].as_str().unwrap().contains("clear-failure") && last["title"].is_null()
        );
        assert_eq!(History::of(&ledger(), NonZeroUsize::new(9)).history.len(), 3);
    }
}

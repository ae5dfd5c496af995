//! A snapshot as metrics, in Prometheus' text format 0.0.4, and as a file for node exporter's textfile collector.
//!
//! All are gauges in base units: who watches sees the host as it is, not what a process has counted since it began. Families stand in
//! one order, and one of which nothing is known is left out. The renderer is our own: a few lines, where libraries for metrics are made
//! for counters that live as long as the process.

mod text;
mod textfile;

use chrono::{DateTime, Utc};

use super::{Attempts, Check, Restart, SetFacts, Snapshot, Source, StateName};
use text::{Sample, Text, plain, sample};
pub use textfile::{NAME, write_textfile};

/// The content type of what [`render`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of a host.
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = Text::default();
    host(&mut text, snapshot);
    sets(&mut text, snapshot);
    snapshot.check.iter().for_each(|check| looking(&mut text, check));
    snapshot.restart.iter().for_each(|it| restart(&mut text, it));
    past(&mut text, snapshot);
    trust(&mut text, snapshot);
    text.finish()
}

fn host(text: &mut Text, snapshot: &Snapshot) {
    let Snapshot { version, variant, set, state, state_since, pinned, hold_until, .. } = snapshot;
    let version = version.as_ref().map(ToString::to_string);
    let set = set.map(|set| set.to_string());
    let labels = [("version", version), ("variant", variant.clone()), ("set", set)];
    let known: Vec<_> =
        labels.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let info = Sample { labels: known, value: 1 };
    let info = Some(info).filter(|info| !info.labels.is_empty());
    text.family("updog_info", "What runs on this host.", info);
    let states = state.iter().flat_map(|state| {
        StateName::ALL.map(|one| sample([("state", one)], i64::from(one == *state)))
    });
    text.family("updog_state", "Whether the host is in this state: 1 for one of them.", states);
    text.family(
        "updog_state_since_timestamp_seconds",
        "Since when the host is in its state.",
        at(*state_since),
    );
    let pinned = pinned.iter().map(|version| sample([("version", version)], 1));
    text.family("updog_pinned_info", "The version that the host is on its way to.", pinned);
    text.family(
        "updog_hold_until_timestamp_seconds",
        "Until when the host is held where it is.",
        at(*hold_until),
    );
}

fn sets(text: &mut Text, snapshot: &Snapshot) {
    let sets = &snapshot.sets;
    let version = |it: &SetFacts| {
        let version = it.version.clone()?;
        Some(sample([("set", it.set.to_string()), ("version", version)], 1))
    };
    text.family("updog_set_info", "What lies in a set.", sets.iter().filter_map(version));
    let mut gauge = |name, help, value: &dyn Fn(&SetFacts) -> i64| {
        let samples = sets.iter().map(|it| sample([("set", it.set)], value(it)));
        text.family(name, help, samples);
    };
    gauge("updog_set_priority", "Before which sets a set boots: 0 never.", &|it| {
        it.bits.priority.value().into()
    });
    gauge("updog_set_tries", "How many more starts a set has to prove itself.", &|it| {
        it.bits.tries.value().into()
    });
    gauge("updog_set_successful", "Whether a set was proven good.", &|it| {
        it.bits.successful.into()
    });
    gauge("updog_set_next", "Whether a set boots next.", &|it| {
        (snapshot.next == Some(it.set)).into()
    });
}

fn looking(text: &mut Text, check: &Check) {
    let mut gauge = |name, help, value: Option<i64>| {
        text.family(name, help, value.map(plain));
    };
    let seconds = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp());
    gauge(
        "updog_last_check_timestamp_seconds",
        "When updates were looked for the last time.",
        seconds(check.last),
    );
    gauge(
        "updog_last_check_success",
        "Whether the last look for updates went well.",
        check.succeeded.map(i64::from),
    );
    gauge(
        "updog_last_successful_check_timestamp_seconds",
        "When a look for updates went well the last time.",
        seconds(check.last_success),
    );
    gauge(
        "updog_check_failures",
        "How many looks for updates failed one after the other, up to now.",
        check.failures.map(i64::from),
    );
    gauge(
        "updog_next_check_timestamp_seconds",
        "When updates are to be looked for next.",
        seconds(check.next),
    );
}

fn restart(text: &mut Text, restart: &Restart) {
    text.family(
        "updog_restart_waiting",
        "Whether an update waits for a restart.",
        Some(plain(restart.waiting.into())),
    );
    text.family(
        "updog_restart_waiting_since_timestamp_seconds",
        "Since when an update waits for a restart.",
        at(restart.since),
    );
    let mut reasons: Vec<&String> = restart.held_by.iter().collect();
    reasons.sort_unstable();
    let reasons = reasons.into_iter().map(|reason| sample([("reason", reason)], 1));
    text.family("updog_restart_held_by", "What the restart waits for.", reasons);
}

fn past(text: &mut Text, snapshot: &Snapshot) {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let attempts = snapshot.attempts.into_iter().flat_map(Attempts::by_outcome);
    let attempts = attempts.map(|(outcome, number)| sample([("outcome", outcome)], count(number)));
    text.family("updog_attempts", "Updates that are remembered, by outcome.", attempts);
    let failed = snapshot.failed_versions.as_ref();
    text.family(
        "updog_failed_versions",
        "How many versions failed on this host and are not taken again.",
        failed.map(|failed| plain(count(failed.len()))),
    );
    let mut failed: Vec<_> = failed.into_iter().flatten().collect();
    failed.sort_unstable();
    text.family(
        "updog_failed_version_info",
        "A version that failed on this host and is not taken again.",
        failed.into_iter().map(|version| sample([("version", version)], 1)),
    );
}

fn trust(text: &mut Text, snapshot: &Snapshot) {
    let role =
        |(role, expires): &(String, DateTime<Utc>)| sample([("role", role)], expires.timestamp());
    text.family(
        "updog_metadata_expires_timestamp_seconds",
        "When the metadata of the repository expires that was verified last.",
        snapshot.metadata_expires.iter().map(role),
    );
    let source = |source: Source| {
        let value = snapshot.unreadable.contains(&source);
        sample([("source", source.as_str())], value.into())
    };
    text.family(
        "updog_unreadable",
        "Whether something could not be read, so that what it tells is missing here.",
        Source::ALL.map(source),
    );
}

fn at(time: Option<DateTime<Utc>>) -> Option<Sample> {
    time.map(|time| plain(time.timestamp()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

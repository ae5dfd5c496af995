//! What is known of this host, put together: the one place that fills a [`Snapshot`].
//!
//! What cannot be read is told as such, and keeps nothing else from being told. No lock is taken that an update would need.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use gptprio::SetId;
use serde::Deserialize;
use signpost::Access;
use trust::{Limits, RoleName};

use super::agent::gather::Gathered;
use super::{Context, Place, place};
use crate::agent::next::next;
use crate::agent::permission::{Ask, Obstacles};
use crate::agent::record::Kind;
use crate::boots::{Ledger, Outcome, file};
use crate::error::{Error, chain};
use crate::host;
use crate::seen::{Attempts, Check, Restart, SetFacts, Snapshot, Source};
use crate::staged::Staged;

/// The roles whose metadata is stored, in the order in which they speak for one another.
const ROLES: [RoleName; 4] =
    [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];

/// What is seen of this host now.
pub(super) fn snapshot(context: &Context, now: DateTime<Utc>) -> Snapshot {
    let paths = &context.settings.paths;
    let mut look = Look { context, unreadable: Vec::new() };
    let place = look.at(Source::Disk, context.place(Access::Read));
    let host = look.at(Source::Host, host::running(&context.settings));
    // Nothing of it is told here; that it cannot be read is.
    look.at(Source::Staged, Staged::read(&paths.state));
    let ledger = look.at(Source::Ledger, file::read(&paths.state));
    let gathered = look.at(Source::Agent, Gathered::of(context, now));
    let mut snapshot = Snapshot {
        version: host.as_ref().map(|host| host.version.clone()),
        variant: host.map(|host| host.variant),
        attempts: ledger.as_ref().map(Attempts::of),
        failed_versions: ledger.as_ref().map(|ledger| {
            ledger.failed_versions().into_iter().map(|one| one.version.clone()).collect()
        }),
        metadata_expires: expiries(&paths.metadata_cache),
        unreadable: look.unreadable,
        ..Snapshot::default()
    };
    if let Some(place) = place {
        add_place(&mut snapshot, &place, &ledger.unwrap_or_default());
    }
    if let Some(gathered) = gathered {
        add_agent(&mut snapshot, context, &gathered, now);
    }
    snapshot
}

/// Where the host is on its way, and what keeps it there.
fn add_agent(snapshot: &mut Snapshot, context: &Context, gathered: &Gathered, now: DateTime<Utc>) {
    let settings = &context.settings.agent;
    let put_off = gathered.record.put_off.clone();
    let obstacles = Obstacles::new(settings, Ask::Nobody, put_off, now);
    let waits = next(gathered.given(settings, &obstacles, now)).waits;
    let (state, record) = (gathered.facts.state(), &gathered.record);
    snapshot.state = Some(state.name());
    snapshot.pinned = state.version().cloned();
    snapshot.hold_until = gathered.orders.hold_now(now).and_then(|hold| hold.until);
    let failed = record.setback_of(Kind::Check);
    let seen = gathered.checked.as_ref().map(|checked| checked.at);
    let looks = seen.is_some() || failed.is_some() || record.next_check.is_some();
    snapshot.check = looks.then(|| Check {
        last: failed.map(|setback| setback.at).max(seen),
        succeeded: seen.map(|_| failed.is_none()).or(failed.map(|_| false)),
        last_success: seen,
        failures: Some(failed.map_or(0, |setback| setback.count)),
        next: record.next_check,
    });
    if let Some(restart) = &mut snapshot.restart {
        let holds = waits.iter().filter(|wait| wait.step == Kind::Restart);
        restart.held_by = holds.map(|wait| wait.code.to_owned()).collect();
    }
}

/// Looks at one thing after the other.
struct Look<'a> {
    context: &'a Context,
    unreadable: Vec<Source>,
}

impl Look<'_> {
    /// What was found, or nothing with a word about it.
    fn at<T>(&mut self, source: Source, found: Result<T, impl Into<Error>>) -> Option<T> {
        found.map_err(|error| self.miss(source, &error.into())).ok()
    }

    fn miss(&mut self, source: Source, error: &Error) {
        self.unreadable.push(source);
        self.context.output.note(format_args!("warning: {}", chain(error)));
    }
}

/// What the disk says, and what it means together with the records.
fn add_place(snapshot: &mut Snapshot, place: &Place, ledger: &Ledger) {
    let (active, sets) = (place.active, place.disk.sets());
    let running = snapshot.version.as_ref().map(ToString::to_string);
    let version = |set: SetId| match set == active {
        true => running.clone(),
        false => place.disk.release(set).map(|release| release.version),
    };
    let facts = sets.iter().map(|(set, bits)| SetFacts { set, version: version(set), bits });
    snapshot.sets = facts.collect();
    snapshot.set = Some(active);
    snapshot.next = place::next(&place.disk.state(active));
    let flipped = snapshot.next == Some(active.other());
    let noted = ledger.last(active.other()).filter(|one| one.outcome == Outcome::Waiting);
    let since = noted.filter(|_| flipped).map(|one| one.noted);
    snapshot.restart = Some(Restart { waiting: flipped, since, held_by: Vec::new() });
}

/// When the stored metadata expires, by role. It was verified when it was stored; here it is only read, and decides nothing: who opens
/// the store holds up who refreshes it.
fn expiries(cache: &Path) -> Vec<(String, DateTime<Utc>)> {
    let one = |role: RoleName| {
        let path = cache.join(role.file_name());
        Some((role.as_str().to_owned(), expiry(&path, Limits::default().of(role)).ok()?))
    };
    ROLES.into_iter().filter_map(one).collect()
}

/// When the metadata in a file expires, of which no more than `limit` bytes are read.
fn expiry(path: &Path, limit: u64) -> io::Result<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct Metadata {
        signed: Signed,
    }
    #[derive(Deserialize)]
    struct Signed {
        expires: DateTime<Utc>,
    }
    let file = io::BufReader::new(File::open(path)?.take(limit));
    Ok(serde_json::from_reader::<_, Metadata>(file)?.signed.expires)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn stored_metadata_says_when_it_expires_and_other_files_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "root.json",
            r#"{"signatures":[],"signed":{"expires":"2027-01-02T03:04:05Z","x":1}}"#,
        );
        write("timestamp.json", r#"{"signed":{"expires":"soon"}}"#);
        write("snapshot.json", "{");
        let expected = ("root".to_owned(), "2027-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(expiries(folder.path()), [expected]);
        let long = folder.path().join("root.json");
        assert!(expiry(&long, 20).is_err());
    }
}

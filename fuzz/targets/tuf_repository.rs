//! Whole repositories with a few values changed and everything signed again: the phases and the search end, never panic,
//! and accept no version below a known one, nothing expired and no target under another name.
#![no_main]

use bytes::Bytes;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use trust::{Known, Role, RootPhase, Search, Step};

#[path = "repository.rs"]
#[allow(dead_code)]
mod repository;

const NAME: &str = "a/b";

/// The roles' contents, in the order in which they are read.
fn contents() -> [Value; 6] {
    let entry = json!({ "length": 1, "hashes": { "sha256": "00".repeat(32) }, "custom": {} });
    let role = |name: &str| json!({ "name": name, "keyids": ["k"], "threshold": 1, "terminating": false, "paths": ["a/*", "*"] });
    let targets = |fields: Value| repository::metadata("targets", fields);
    let delegations = |names: &[&str]| json!({ "keys": { "k": repository::key() }, "roles": names.iter().map(|it| role(it)).collect::<Vec<_>>() });
    [
        repository::root_fields(),
        repository::metadata(
            "timestamp",
            json!({ "meta": { "snapshot.json": { "version": 1 } }, "x-waystone-signed": "2026-01-01T00:00:00Z" }),
        ),
        repository::metadata(
            "snapshot",
            json!({ "meta": { "targets.json": { "version": 1 }, "x.json": { "version": 1 }, "y.json": { "version": 1 } } }),
        ),
        targets(json!({ "targets": { "top": entry }, "delegations": delegations(&["x", "y"]) })),
        targets(json!({ "targets": {}, "delegations": delegations(&["y", "x"]) })),
        targets(json!({ "targets": { NAME: entry } })),
    ]
}

/// Values that are put in place of others.
fn value(kind: u8, rest: &[u8]) -> Value {
    let text = String::from_utf8_lossy(&rest[..rest.len().min(12)]).into_owned();
    match kind % 12 {
        0 => Value::Null,
        1 => json!(0),
        2 => json!(2),
        3 => json!(u64::MAX),
        4 => json!(-1),
        5 => json!([]),
        6 => json!({}),
        7 => json!(true),
        8 => json!("1969-01-01T00:00:00Z"),
        9 => json!(["k", "k", text]),
        10 => json!({ text: {} }),
        _ => json!(text),
    }
}

/// Changes, removes or adds the value at the place that `choice` leads to.
fn change(value_in: &mut Value, choice: &[u8], new: Value) {
    let Some((&first, rest)) = choice.split_first() else { return };
    let at = usize::from(first);
    match value_in {
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(at % members.len()).cloned().unwrap_or_default();
            match (rest.is_empty(), first > 200) {
                (true, true) => drop(members.remove(&name)),
                (true, false) => drop(members.insert(name, new)),
                _ => change(&mut members[&name], rest, new),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = at % items.len();
            if rest.is_empty() { items[at] = new } else { change(&mut items[at], rest, new) }
        }
        other => *other = new,
    }
}

fuzz_target!(|input: &[u8]| {
    let mut contents = contents();
    for piece in input.chunks(10) {
        let [which, depth, kind, rest @ ..] = piece else { break };
        let depth = usize::from(*depth % 6) + 1;
        let choice = &rest[..depth.min(rest.len())];
        change(&mut contents[usize::from(*which) % 6], choice, value(*kind, rest));
    }
    let files = contents.map(|signed| repository::sign(signed.to_string().as_bytes()));
    let _ = run(files, "2026-06-01T00:00:00Z".parse().expect("a time"));
});

fn run(
    [root, timestamp, snapshot, targets, x, y]: [Bytes; 6],
    now: DateTime<Utc>,
) -> trust::Result<()> {
    let nothing = Known::nothing();
    let phase = RootPhase::start(root)?.settle(now)?;
    let phase = phase.accept(&nothing, timestamp)?.not_before_signed()?;
    phase.bound(1 << 20)?;
    let phase = phase.accept(&nothing, snapshot)?;
    let repository = phase.accept(targets)?;
    assert!(
        repository.expiries().iter().all(|(_, at)| *at > now && *at > repository.verified_at())
    );
    assert!(repository.targets_metadata().version() > 0);
    for target in repository.targets() {
        assert!(repository.target(target.name()).is_some());
    }
    let mut search = Search::new(&repository, NAME, 8)?;
    for _ in 0..100 {
        match search.step()? {
            Step::Done(found) => {
                assert!(found.is_none_or(|target| target.name() == NAME));
                return Ok(());
            }
            Step::Load { role, .. } => {
                search.accept(if role == "x" { x.clone() } else { y.clone() })?
            }
        }
    }
    panic!("the search has no end");
}

//! Whole repositories with a few values changed and everything signed again.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

use super::repository;

/// The contents, and the files that they are in.
static UNCHANGED: LazyLock<[(Value, Bytes); 6]> = LazyLock::new(|| {
    contents().map(|signed| (signed.clone(), repository::sign(signed.to_string().as_bytes())))
});

/// The target that is looked for.
pub const NAME: &str = "a/b";

/// The roles' contents, in the order in which they are read.
pub fn contents() -> [Value; 6] {
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

/// The files of root, timestamp, snapshot, targets and the delegated roles x and y, changed as `input` says. What `keep` is
/// done to the contents is the last change.
pub fn files(input: &[u8], keep: impl Fn(&mut [Value; 6])) -> [Bytes; 6] {
    let mut contents = UNCHANGED.each_ref().map(|(signed, _)| signed.clone());
    for piece in input.chunks(10) {
        let [which, depth, kind, rest @ ..] = piece else { break };
        let depth = usize::from(*depth % 6) + 1;
        let choice = &rest[..depth.min(rest.len())];
        change(&mut contents[usize::from(*which) % 6], choice, value(*kind, rest));
    }
    keep(&mut contents);
    let mut unchanged = UNCHANGED.iter();
    contents.map(|signed| match unchanged.next() {
        Some((same, file)) if *same == signed => file.clone(),
        _ => repository::sign(signed.to_string().as_bytes()),
    })
}

//! Metadata that is signed and wrong, and bytes that are no metadata at all.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use trust::{
    Draft, Error, Fetched, Role, RoleName, Root, RootPhase, Snapshot, Targets, Timestamp,
    canonical_json,
};

use crate::simulator::{Simulator, TIMESTAMP_KEY};
use crate::world::World;

/// Refreshes with one field of a role replaced, or removed if `value` is none.
async fn with(role: RoleName, pointer: &str, value: Option<Value>) -> Result<(), Error> {
    let mut world = World::new();
    let name = world.repository.file(role);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = world.repository.signed_mut(role).pointer_mut(parent).unwrap();
    match value {
        Some(value) => parent[field] = value,
        None => drop(parent.as_object_mut().unwrap().remove(field).unwrap()),
    }
    let bytes = world.repository.bytes(role);
    world.repository.instead.insert(name, Fetched::Bytes(bytes));
    world.refresh().await.map(drop)
}

const FIELDS: [(RoleName, &[&str]); 3] = [
    (RoleName::Timestamp, &["/meta", "/meta/snapshot.json", "/meta/snapshot.json/version"]),
    (RoleName::Snapshot, &["/meta", "/meta/targets.json", "/meta/targets.json/version"]),
    (
        RoleName::Targets,
        &["/targets", "/targets/manifest.json/length", "/targets/manifest.json/hashes"],
    ),
];

const COMMON: [&str; 4] = ["/_type", "/spec_version", "/version", "/expires"];

#[tokio::test]
async fn every_field_that_we_use_has_to_be_there_and_of_its_type() {
    for (role, fields) in FIELDS {
        for field in fields.iter().chain(&COMMON) {
            for value in
                [None, Some(json!(null)), Some(json!([])), Some(json!(-1)), Some(json!("x"))]
            {
                let error = with(role, field, value.clone()).await.unwrap_err();
                let malformed =
                    matches!(error, Error::Malformed { role: found, .. } if found == role);
                assert!(malformed, "{role} {field} {value:?}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn versions_and_specifications_out_of_range_are_refused() {
    let cases = [
        ("/version", json!(0)),
        ("/version", json!("1")),
        ("/spec_version", json!("2.0.0")),
        ("/spec_version", json!("1")),
        ("/spec_version", json!("1.0.0.0")),
        ("/spec_version", json!("1.x")),
        ("/expires", json!("2030-01-01")),
        ("/expires", json!("2030-13-01T00:00:00Z")),
    ];
    for (field, value) in cases {
        let error = with(RoleName::Timestamp, field, Some(value.clone())).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{field} {value}: {error}");
    }
}

#[tokio::test]
async fn a_doubled_key_is_refused_though_it_is_signed() {
    let mut world = World::new();
    let signed = &world.repository.timestamp;
    let doubled = signed.to_string().replacen('{', r#"{"version":9,"#, 1);
    let signature = TIMESTAMP_KEY.sign(signed);
    let text = format!(r#"{{"signatures":[{signature}],"signed":{doubled}}}"#);
    world.repository.answer(RoleName::Timestamp, text.into());
    let error = world.refresh().await.unwrap_err();
    assert!(error.to_string().contains(r#"the key "version" is there twice"#), "{error}");
    world.assert_stored([1, 0, 0, 0]);
}

#[tokio::test]
async fn a_doubled_envelope_is_refused() {
    let mut world = World::new();
    let good = world.repository.bytes(RoleName::Timestamp);
    let text = String::from_utf8(good.to_vec()).unwrap();
    let doubled = text.replacen('{', r#"{"signatures":[],"#, 1);
    world.repository.answer(RoleName::Timestamp, doubled.into());
    let error = world.refresh().await.unwrap_err();
    assert!(error.to_string().contains("duplicate field"), "{error}");
}

#[tokio::test]
async fn delegations_that_are_null_are_refused() {
    let mut world = World::new();
    world.repository.targets["delegations"] = Value::Null;
    world.repository.publish();
    let error = world.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Malformed { role: RoleName::Targets, .. }), "{error}");
    world.assert_stored([1, 2, 2, 0]);
}

fn parse_all(bytes: &Bytes) {
    let _ = Draft::<Root>::parse(bytes.clone());
    let _ = Draft::<Timestamp>::parse(bytes.clone());
    let _ = Draft::<Snapshot>::parse(bytes.clone());
    let _ = Draft::<Targets>::parse(bytes.clone());
    let _ = canonical_json(bytes);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_an_error_and_no_crash(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse_all(&bytes.into());
    }

    #[test]
    fn one_changed_byte_never_gives_another_root(at in any::<proptest::sample::Index>(), byte: u8) {
        let good = Simulator::new().roots[0].clone();
        let mut bytes = good.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        parse_all(&bytes.clone().into());
        if let Ok(phase) = RootPhase::start(bytes.into()) {
            // White space, the signed contents being the same.
            prop_assert_eq!(phase.root().version(), 1);
            let signed = |bytes: &[u8]| {
                let value: Value = serde_json::from_slice(bytes).unwrap();
                value["signed"].clone()
            };
            prop_assert_eq!(signed(phase.root().bytes()), signed(&good));
        }
    }
}

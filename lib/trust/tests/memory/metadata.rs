//! Each role by itself.

use std::fmt::Write;

use bytes::Bytes;
use ring::signature::{Ed25519KeyPair, KeyPair};
use trust::{Draft, Limits, RootPhase, Sha256, Snapshot, Targets, canonical_json};

use crate::allocator::{MOST_BYTES, alone, most};

/// A name, the metadata, and what reads them.
type Case<'a> = (&'a str, Bytes, &'a dyn Fn(Bytes));

pub(crate) fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap()
}

pub(crate) fn envelope(signed: &str) -> Bytes {
    let signature = hex::encode(pair().sign(&canonical_json(signed.as_bytes()).unwrap()));
    format!(r#"{{"signed":{signed},"signatures":[{{"keyid":"k","sig":"{signature}"}}]}}"#).into()
}

pub(crate) fn root() -> RootPhase {
    let public = hex::encode(pair().public_key());
    let role = r#"{"keyids":["k"],"threshold":1}"#;
    let signed = format!(
        r#"{{"_type":"root","consistent_snapshot":true,"expires":"2030-01-01T00:00:00Z","keys":{{"k":
        {{"keytype":"ed25519","scheme":"ed25519","keyval":{{"public":"{public}"}}}}}},"roles":{{"root":{role},
        "snapshot":{role},"targets":{role},"timestamp":{role}}},"spec_version":"1.0.31","version":1}}"#
    );
    RootPhase::start(envelope(&signed)).unwrap()
}

pub(crate) fn head(role: &str) -> String {
    format!(
        r#""_type":"{role}","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","version":1"#
    )
}

/// `head`, as many pieces as fit into `limit`, and `tail`.
pub(crate) fn filled(
    limit: u64,
    head: &str,
    tail: &str,
    piece: impl Fn(usize) -> String,
) -> String {
    let room = usize::try_from(limit).unwrap() - 400 - tail.len();
    let mut text = head.to_owned();
    for number in 0.. {
        if text.len() > room {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.write_str(&piece(number)).unwrap();
    }
    text + tail
}

#[test]
fn the_worst_metadata_within_the_limits_takes_at_most_32_mib() {
    let _turn = alone();
    let limits = Limits::default();
    let root = root();
    let targets =
        |bytes: Bytes| drop(Draft::<Targets>::parse(bytes).and_then(|it| it.verify(root.root())));
    let snapshot =
        |bytes: Bytes| drop(Draft::<Snapshot>::parse(bytes).and_then(|it| it.verify(root.root())));
    let digest = Sha256::of(b"");
    let of_targets = |end: &str, piece: &dyn Fn(usize) -> String| {
        let head = format!(r#"{{{},"targets":{{"#, head("targets"));
        envelope(&filled(limits.targets, &head, end, piece))
    };
    let in_order = |name: &dyn Fn(usize) -> String| {
        of_targets("}}", &|number| format!(r#""{}":{{"length":1,"hashes":{{}}}}"#, name(number)))
    };
    let roles = filled(
        limits.targets,
        &format!(r#"{{{},"targets":{{}},"delegations":{{"keys":{{}},"roles":["#, head("targets")),
        "]}}",
        |number| {
            format!(
                r#"{{"name":"{number:x}","keyids":[],"threshold":1,"terminating":false,"paths":[]}}"#
            )
        },
    );
    let keys = filled(
        limits.targets,
        &format!(r#"{{{},"targets":{{}},"delegations":{{"roles":[],"keys":{{"#, head("targets")),
        "}}}",
        |number| format!(r#""{number:x}":7"#),
    );
    let paths = filled(
        limits.targets,
        &format!(
            r#"{{{},"targets":{{}},"delegations":{{"keys":{{}},"roles":[{{"name":"a","keyids":[],"threshold":1,"terminating":false,"paths":["#,
            head("targets")
        ),
        "]}]}}",
        |_| r#""""#.to_owned(),
    );
    let files = filled(
        limits.snapshot,
        &format!(r#"{{{},"meta":{{"targets.json":{{"version":1}},"#, head("snapshot")),
        "}}",
        |number| format!(r#""{number:x}":{{"version":1}}"#),
    );
    let cases: [Case<'_>; 9] = [
        ("small targets", in_order(&|number| format!("{number:06x}")), &targets),
        (
            "small targets out of order",
            in_order(&|number| format!("{:06x}", 0x00ff_ffff - number)),
            &targets,
        ),
        (
            "targets with digests",
            of_targets("}}", &|number| {
                format!(
                    r#""{number}":{{"length":1,"hashes":{{"sha256":"{digest}"}},"custom":{{}}}}"#
                )
            }),
            &targets,
        ),
        ("delegations", envelope(&roles), &targets),
        ("keys", envelope(&keys), &targets),
        ("paths", envelope(&paths), &targets),
        ("files", envelope(&files), &snapshot),
        ("unknown members", of_targets("}}", &|number| format!(r#""{number:x}":0"#)), &targets),
        (
            "signatures",
            filled(limits.targets, r#"{"signed":{},"signatures":["#, "]}", |number| {
                format!(r#"{{"keyid":"{number:x}","sig":""}}"#)
            })
            .into(),
            &targets,
        ),
    ];
    for (name, bytes, read) in cases {
        let length = bytes.len();
        let most = most(|| read(bytes)) + length;
        assert!(most <= MOST_BYTES, "{name} takes {} KiB", most >> 10);
    }
}

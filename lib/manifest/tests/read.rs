//! Reading strictly, and writing back what was read.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::error::Error;

use chrono::DateTime;
use manifest::{Content, Contents, Digest, Extra, Frames, Images, Manifest, Pack, Update, Waves};
use proptest::prelude::*;
use semver::Version;
use serde_json::{Value, json};

const FIXTURE: &str = include_str!("../../../fixtures/manifest/manifest.json");

fn sample() -> Value {
    json!({
        "updates": [{
            "variant": "metal", "arch": "x86_64", "version": "1.1.0", "max_version": "1.1.0",
            "waves": {"0": "2026-01-01T00:00:00Z", "1024": "2026-01-02T00:00:00Z"},
            "waves_end": "2026-01-03T00:00:00Z",
            "images": {"boot": "b.lz4", "root": "r.lz4", "hash": "h.lz4"},
            "contents": {
                "root_hash": "ab".repeat(32),
                "boot": {"length": 1, "sha256": "01".repeat(32)},
                "root": {"length": 2, "sha256": "02".repeat(32)},
                "hash": {"length": 3, "sha256": "03".repeat(32)},
            },
        }],
        "migrations": {"(1.0.0, 1.1.0)": ["migrate_v1.1.0_name.lz4"]},
    })
}

fn parse(value: &Value) -> Result<Manifest, String> {
    Manifest::parse(value.to_string().as_bytes()).map_err(|error| chain(&error))
}

fn chain(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

/// The sample with the value at `pointer` replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut sample = sample();
    *sample.pointer_mut(pointer).unwrap() = value;
    sample
}

fn without(parent: &str, field: &str) -> Value {
    let mut sample = sample();
    sample.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    sample
}

#[test]
fn what_we_add_is_read_and_its_absence_is_fine() {
    let manifest = parse(&sample()).unwrap();
    assert_eq!(manifest.updates[0].contents.as_ref().unwrap().hash.length, 3);
    assert!(manifest.updates[0].waves_end.is_some());
    for field in ["contents", "waves_end"] {
        assert!(parse(&without("/updates/0", field)).is_ok(), "{field}");
    }
}

#[test]
fn every_other_field_is_needed() {
    for (parent, field) in [
        ("", "updates"),
        ("", "migrations"),
        ("/updates/0", "variant"),
        ("/updates/0", "arch"),
        ("/updates/0", "version"),
        ("/updates/0", "max_version"),
        ("/updates/0", "waves"),
        ("/updates/0", "images"),
        ("/updates/0/images", "boot"),
        ("/updates/0/images", "root"),
        ("/updates/0/images", "hash"),
        ("/updates/0/contents", "root_hash"),
        ("/updates/0/contents", "boot"),
        ("/updates/0/contents/root", "length"),
        ("/updates/0/contents/root", "sha256"),
    ] {
        let error = parse(&without(parent, field)).unwrap_err();
        assert!(error.contains(field), "{parent}/{field}: {error}");
    }
}

#[test]
fn every_field_of_another_type_is_refused() {
    for pointer in [
        "",
        "/updates",
        "/updates/0",
        "/updates/0/variant",
        "/updates/0/arch",
        "/updates/0/version",
        "/updates/0/max_version",
        "/updates/0/waves",
        "/updates/0/waves/0",
        "/updates/0/waves_end",
        "/updates/0/images",
        "/updates/0/images/root",
        "/updates/0/contents",
        "/updates/0/contents/root_hash",
        "/updates/0/contents/boot/length",
        "/migrations",
        "/migrations/(1.0.0, 1.1.0)",
        "/migrations/(1.0.0, 1.1.0)/0",
    ] {
        for other in [json!(true), json!(-1), json!(1.5), json!([[]])] {
            assert!(parse(&with(pointer, other.clone())).is_err(), "{pointer} = {other}");
        }
    }
}

#[test]
fn a_doubled_key_is_refused_at_every_level() {
    for field in [
        r#""updates": []"#,
        r#""variant": "metal""#,
        r#""0": "2026-01-01T00:00:00Z""#,
        r#""boot": "b.lz4""#,
        r#""length": 2"#,
        r#""(1.0.0, 1.1.0)": []"#,
    ] {
        let name = field.split_inclusive('"').take(2).collect::<String>();
        let text = serde_json::to_string(&sample()).unwrap();
        let doubled = text.replacen(&format!("{name}:"), &format!("{field},{name}:"), 1);
        assert_ne!(text, doubled, "{field}");
        let error = chain(&Manifest::parse(doubled.as_bytes()).unwrap_err());
        assert!(error.contains("stands twice"), "{field}: {error}");
    }
}

#[test]
fn one_release_twice_is_refused() {
    let mut twice = sample();
    let update = twice["updates"][0].clone();
    twice["updates"].as_array_mut().unwrap().push(update);
    assert_eq!(
        parse(&twice).unwrap_err(),
        "update metal x86_64 1.1.0 stands twice in the manifest"
    );
    twice["updates"][1]["arch"] = json!("aarch64");
    assert!(parse(&twice).is_ok());
}

#[test]
fn waves_that_contradict_each_other_are_refused() {
    let day = |day: u8| json!(format!("2026-01-{day:02}T00:00:00Z"));
    for (waves, end) in [
        (json!({"0": day(2), "1024": day(1)}), day(3)),
        (json!({"0": day(1), "1024": day(1)}), day(3)),
        (json!({"9": day(2), "10": day(1)}), day(3)),
        (json!({"0": day(1), "2049": day(2)}), day(3)),
        (json!({"00": day(1)}), day(3)),
        (json!({"+1": day(1)}), day(3)),
        (json!({"-1": day(1)}), day(3)),
        (json!({"one": day(1)}), day(3)),
        (json!({"0": "yesterday"}), day(3)),
        (json!({"0": "2026-02-30T00:00:00Z"}), day(3)),
        (json!({}), day(3)),
        (json!({"0": day(3)}), day(3)),
        (json!({"0": day(3)}), day(2)),
    ] {
        let mut bad = with("/updates/0/waves", waves.clone());
        bad["updates"][0]["waves_end"] = end;
        assert!(parse(&bad).is_err(), "{waves}");
    }
    assert!(parse(&with("/updates/0/waves", json!({"2048": day(1)}))).is_ok());
}

#[test]
fn a_name_that_is_no_plain_file_name_is_refused() {
    let long = "x".repeat(256);
    for name in ["", ".", "..", "../root", "/etc/passwd", "a/b", "a\\b", "a\0b", "a\nb", &long] {
        for pointer in [
            "/updates/0/variant",
            "/updates/0/arch",
            "/updates/0/images/boot",
            "/migrations/(1.0.0, 1.1.0)/0",
        ] {
            assert!(parse(&with(pointer, json!(name))).is_err(), "{pointer} = {name:?}");
        }
    }
    assert!(parse(&with("/updates/0/images/boot", json!("x".repeat(255)))).is_ok());
}

#[test]
fn counts_are_limited() {
    let update = sample()["updates"][0].clone();
    let many = |count: usize| {
        let one = |index| {
            let mut update = update.clone();
            update["version"] = json!(format!("1.0.{index}"));
            update
        };
        with("/updates", (0..count).map(one).collect())
    };
    assert!(parse(&many(manifest::MAX_UPDATES)).is_ok());
    assert!(parse(&many(manifest::MAX_UPDATES + 1)).unwrap_err().contains("limit"));
    let names = vec![json!("name"); manifest::MAX_MIGRATION_NAMES + 1];
    assert!(parse(&with("/migrations/(1.0.0, 1.1.0)", json!(names))).is_err());
}

#[test]
fn what_no_host_would_read_cannot_be_written() {
    let mut manifest = parse(&sample()).unwrap();
    manifest.updates[0].images.boot = "../boot".to_owned();
    assert!(manifest.to_json().is_err());
    let mut manifest = parse(&sample()).unwrap();
    manifest.updates.push(manifest.updates[0].clone());
    assert!(manifest.to_json().is_err());
    let mut manifest = parse(&sample()).unwrap();
    manifest.extra.insert("updates".to_owned(), json!([]));
    assert!(manifest.to_json().is_err());
}

#[test]
fn unknown_fields_survive_a_rewrite() {
    let manifest = Manifest::parse(FIXTURE.as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&manifest.to_json().unwrap()).unwrap();
    let original: Value = serde_json::from_str(FIXTURE).unwrap();
    assert_eq!(written["generated_by"], original["generated_by"]);
    for pointer in ["/updates/0/status", "/updates/1/release_notes", "/updates/1/images/checksums"]
    {
        assert!(original.pointer(pointer).is_some(), "{pointer}");
        assert_eq!(written.pointer(pointer), original.pointer(pointer), "{pointer}");
    }
    let mut ours = sample();
    ours["updates"][0]["contents"]["packs"] = json!([{"from": "1.0.0"}]);
    ours["updates"][0]["contents"]["root"]["blocks"] = json!(7);
    let rewritten: Value =
        serde_json::from_slice(&parse(&ours).unwrap().to_json().unwrap()).unwrap();
    assert_eq!(rewritten, ours);
}

#[test]
fn nothing_of_ours_is_written_when_it_is_not_set() {
    let mut manifest = parse(&sample()).unwrap();
    manifest.updates[0].contents = None;
    manifest.updates[0].waves_end = None;
    let text = String::from_utf8(manifest.to_json().unwrap()).unwrap();
    assert!(!text.contains("contents") && !text.contains("waves_end") && text.ends_with("}\n"));
}

fn names() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ._:é-]{1,40}".prop_filter("a plain name", |name| name != "." && name != "..")
}

fn versions() -> impl Strategy<Value = Version> {
    (0u64..4, 0u64..20, any::<u64>(), prop::bool::ANY).prop_map(|(major, minor, patch, beta)| {
        let mut version = Version::new(major, minor, patch);
        if beta {
            version.pre = semver::Prerelease::new("beta.1").unwrap();
        }
        version
    })
}

fn extras() -> impl Strategy<Value = Extra> {
    let value = prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from),
    ];
    prop::collection::btree_map("x-[a-z]{1,6}", value, 0..3)
        .prop_map(|fields| fields.into_iter().collect())
}

fn waves() -> impl Strategy<Value = (Waves, Option<i64>)> {
    (prop::collection::btree_map(0u64..=2048, 1i64..1_000_000_000, 0..8), any::<bool>()).prop_map(
        |(gaps, ends)| {
            let mut nanoseconds = 0;
            let starts = gaps.iter().map(|(key, gap)| {
                nanoseconds += gap;
                (*key, DateTime::from_timestamp_nanos(nanoseconds))
            });
            let waves = Waves::new(starts).unwrap();
            let end = (ends && !waves.is_empty()).then_some(nanoseconds + 1);
            (waves, end)
        },
    )
}

fn contents() -> impl Strategy<Value = Contents> {
    let content = || {
        (any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(length, digest)| Content::new(length, Digest::new(digest)))
    };
    (any::<[u8; 32]>(), content(), content(), content())
        .prop_map(|(root, a, b, c)| Contents::new(Digest::new(root), a, b, c))
}

fn packs() -> impl Strategy<Value = Vec<Pack>> {
    let pack = (versions(), names(), any::<u64>(), any::<[u8; 32]>());
    prop::collection::btree_map(any::<[u8; 32]>(), pack, 0..3).prop_map(|packs| {
        let pack = |(from, (version, name, length, digest))| {
            let head = Content::new(length, Digest::new(digest));
            Pack::new(version, Digest::new(from), name, head)
        };
        packs.into_iter().map(pack).collect()
    })
}

fn frames() -> impl Strategy<Value = Frames> {
    let distinct = |(index, root, boot): &(String, String, String)| {
        index != root && root != boot && index != boot
    };
    ((names(), names(), names()).prop_filter("three names", distinct), extras())
        .prop_map(|((index, root, boot), extra)| Frames { extra, ..Frames::new(index, root, boot) })
}

fn updates() -> impl Strategy<Value = Update> {
    let whose = (names(), names(), versions(), versions());
    let what = (
        waves(),
        (names(), names(), names()),
        prop::option::of((contents(), prop::option::of(frames()))),
        packs(),
        extras(),
    );
    (whose, what).prop_map(|(whose, (when, (boot, root, hash), known, packs, extra))| Update {
        variant: whose.0,
        arch: whose.1,
        version: whose.2,
        max_version: whose.3,
        waves: when.0,
        waves_end: when.1.map(DateTime::from_timestamp_nanos),
        images: Images { extra: extra.clone(), ..Images::new(boot, root, hash) },
        frames: known.as_ref().and_then(|(_, frames)| frames.clone()),
        contents: known.map(|(contents, _)| contents),
        packs,
        extra,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_back_the_same(
        updates in prop::collection::vec(updates(), 0..5),
        steps in prop::collection::vec((versions(), versions(), prop::collection::vec(names(), 0..3)), 0..5),
        extra in extras(),
    ) {
        let mut manifest = Manifest { updates, extra, ..Manifest::default() };
        for (from, to, names) in steps {
            let _ = manifest.migrations.insert(from, to, names);
        }
        let text = manifest.to_json().unwrap();
        let read = Manifest::parse(&text).unwrap();
        prop_assert_eq!(&read, &manifest);
        prop_assert_eq!(read.to_json().unwrap(), text);
    }

    #[test]
    fn damaged_bytes_never_panic(place in 0usize..3000, byte: u8, length in 0usize..3000) {
        let mut bytes = FIXTURE.as_bytes().to_vec();
        if let Some(target) = bytes.get_mut(place) {
            *target = byte;
        }
        let _ = Manifest::parse(&bytes);
        bytes.truncate(length);
        let _ = Manifest::parse(&bytes);
    }
}

#[test]
fn two_packs_for_the_same_set_are_refused() {
    let hash = "1".repeat(64);
    let pack = format!(
        r#"{{"from":"1.0.0","from_root_hash":"{hash}","target":"p","head":{{"length":1,"sha256":"{hash}"}}}}"#
    );
    let manifest = |packs: &str| {
        format!(
            r#"{{"updates":[{{"variant":"v","arch":"a","version":"1.1.0","max_version":"1.1.0","waves":{{}},
               "images":{{"boot":"b","root":"r","hash":"h"}},"packs":[{packs}]}}],"migrations":{{}}}}"#
        )
    };
    assert!(Manifest::parse(manifest(&pack).as_bytes()).is_ok());
    let twice = Manifest::parse(manifest(&format!("{pack},{pack}")).as_bytes());
    assert!(twice.unwrap_err().to_string().contains("pack from 1.0.0"));
    let astray = Manifest::parse(manifest(&pack.replace("\"p\"", "\"../p\"")).as_bytes());
    assert!(astray.is_err());
}

#[test]
fn frames_are_read_and_need_contents_and_three_plain_names() {
    let frames = json!({"index": "i", "root": "r", "boot": "b", "later": 1});
    let with_frames = |frames: &Value| {
        let mut sample = sample();
        sample["updates"][0]["frames"] = frames.clone();
        sample
    };
    let manifest = parse(&with_frames(&frames)).unwrap();
    let read = manifest.updates[0].frames.as_ref().unwrap();
    assert_eq!(read.names(), ["i", "r", "b"]);
    assert_eq!(read.extra["later"], 1);
    let mut alone = with_frames(&frames);
    alone["updates"][0].as_object_mut().unwrap().remove("contents").unwrap();
    assert!(parse(&alone).unwrap_err().contains("without 'contents'"));
    for (field, value, says) in [
        ("root", json!("../r"), "frames '../r'"),
        ("index", json!(""), "frames ''"),
        ("boot", json!("r"), "stands twice"),
        ("index", json!("b"), "stands twice"),
        ("index", json!(1), "invalid type"),
        ("boot", json!(null), "invalid type"),
    ] {
        let mut frames = frames.clone();
        frames[field] = value;
        let error = parse(&with_frames(&frames)).unwrap_err();
        assert!(error.contains(says), "{field}: {error}");
    }
}

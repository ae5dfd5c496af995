//! Broken builds and broken repositories: refused, named, and nothing changed.

use std::fs;

use cli::{Classify, Kind};
use repo_tools::{Add, Error, Init, Unobserved};
use serde_json::{Value, json};

use crate::world::{World, lz4};

/// Publishes 1.1.0 after `spoil`; nothing of the metadata may change.
fn refused(spoil: impl FnOnce(&World)) -> Error {
    let world = World::published();
    world.build("1.1.0");
    spoil(&world);
    let before = world.snapshot();
    let error = world.add("1.1.0").unwrap_err();
    let mut after = world.snapshot();
    // Images that were copied before the broken one are in nobody's way.
    after.retain(|path, _| before.contains_key(path) || path.extension().unwrap() != "lz4");
    assert_eq!(after, before);
    error
}

#[test]
fn a_missing_image_is_named() {
    let error = refused(|world| {
        fs::remove_file(world.build("1.1.0").join("root.img.lz4")).unwrap();
    });
    assert!(
        matches!(&error, Error::Read { path, .. } if path.ends_with("root.img.lz4")),
        "{error}"
    );
    assert_eq!(error.kind(), Kind::Failed);
}

#[test]
fn a_missing_report_is_named() {
    let error = refused(|world| fs::remove_file(world.report("1.1.0")).unwrap());
    assert!(
        matches!(&error, Error::Read { path, .. } if path.ends_with("build-report.json")),
        "{error}"
    );
}

#[test]
fn an_image_of_another_digest_is_refused() {
    let error = refused(|world| {
        let path = world.build("1.1.0").join("root.img.lz4");
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    });
    let Error::Mismatch { path, reason } = &error else { panic!("{error}") };
    assert!(path.ends_with("root.img.lz4") && reason.contains("it has sha256"), "{error}");
    assert_eq!(error.kind(), Kind::Refused);
}

#[test]
fn an_image_of_another_length_is_refused() {
    for (bytes, said) in [(&b""[..], "it has 0 bytes"), (&[0; 100_000], "it has more than")] {
        let error = refused(|world| {
            fs::write(world.build("1.1.0").join("hash.img.lz4"), bytes).unwrap();
        });
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// Puts a well-formed transport file into the report that is not the raw image's.
fn transport(world: &World, bytes: &[u8]) {
    let file = world.build("1.1.0").join("root.img.lz4");
    fs::write(file, bytes).unwrap();
    world.edit_report("1.1.0", |report| {
        let transport = &mut report["images"]["root"]["transport"];
        transport["length"] = bytes.len().into();
        transport["sha256"] = trust::Sha256::of(bytes).to_string().into();
    });
}

#[test]
fn an_image_that_decompresses_to_something_else_is_refused() {
    let cases: [(Vec<u8>, &str); 4] = [
        (lz4(b"short"), "decompresses to 5 bytes"),
        (lz4(&[7; 300_000]), "decompresses to sha256"),
        (lz4(&vec![7; 300_001]), "decompresses to more than 300000 bytes"),
        (b"no frame at all".to_vec(), "does not decompress"),
    ];
    for (bytes, said) in cases {
        let error = refused(|world| transport(world, &bytes));
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn bytes_after_the_frame_are_refused() {
    let error = refused(|world| {
        let mut bytes = fs::read(world.build("1.1.0").join("root.img.lz4")).unwrap();
        bytes.extend_from_slice(b"trailing");
        transport(world, &bytes);
    });
    assert!(error.to_string().contains("8 bytes follow its frame"), "{error}");
}

#[test]
fn who_wants_to_publish_such_an_image_has_to_say_so() {
    let world = World::published();
    world.build("1.1.0");
    transport(&world, b"no frame at all");
    let unchecked = Add { unchecked: true, ..world.options("1.1.0") };
    world.add_with(&unchecked).unwrap();
}

/// Publishes 1.1.0 with a report in which one value is another.
fn report(pointer: &str, value: Value) -> Error {
    refused(|world| {
        world.edit_report("1.1.0", |report| *report.pointer_mut(pointer).unwrap() = value);
    })
}

#[test]
fn a_report_that_makes_no_sense_is_refused() {
    let cases = [
        ("/format", json!(2), "format is 2"),
        ("/version", json!("one"), "is broken"),
        ("/images/root/transport/file", json!("../root.img.lz4"), "not a plain file name"),
        ("/images/root/raw/file", json!("/etc/passwd"), "not a plain file name"),
        ("/images/root/transport/sha256", json!("00"), "not a digest"),
        ("/verity/root_hash", json!("zz"), "not a digest"),
        ("/variant", json!("a b"), "cannot be a target name"),
        ("/variant", json!("../.."), "cannot be a target name"),
    ];
    for (pointer, value, said) in cases {
        let error = report(pointer, value);
        assert!(error.to_string().contains(said), "{pointer}: {error}");
    }
    let error = refused(|world| fs::write(world.report("1.1.0"), "{").unwrap());
    assert!(matches!(error, Error::Broken { .. }), "{error}");
}

#[test]
fn metadata_that_was_tampered_with_is_not_built_upon() {
    let error = refused(|world| {
        let path = world.metadata("timestamp.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace(r#""version":2"#, r#""version":7"#)).unwrap();
    });
    assert!(matches!(error, Error::Trust { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Refused);
}

#[test]
fn a_manifest_that_is_not_the_signed_one_is_not_built_upon() {
    let error = refused(|world| {
        let repository = world.client("client").unwrap();
        let path = repository.target("manifest.json").unwrap().path();
        fs::write(world.author.layout.targets().join(path), "{}").unwrap();
    });
    assert!(error.to_string().contains("manifest does not verify"), "{error}");
}

#[test]
fn two_authors_at_once_are_kept_apart() {
    let world = World::published();
    let folder = fs::File::open(world.author.layout.metadata()).unwrap();
    folder.try_lock().unwrap();
    let error = world.add("1.1.0").unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error}");
    assert_eq!(error.kind(), Kind::Temporary);
    drop(folder);
    world.add("1.1.0").unwrap();
}

#[test]
fn init_overwrites_nothing() {
    let world = World::published();
    let before = world.snapshot();
    let error = repo_tools::init(&world.author, &Init::default(), &mut Unobserved).unwrap_err();
    assert!(matches!(error, Error::Exists(_)), "{error}");
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn keys_do_not_lie_where_they_are_served() {
    let mut world = World::empty();
    for keys in ["repo/keys", "repo", "repo/../repo/keys"] {
        world.author.keys = world.path(keys);
        let error = repo_tools::init(&world.author, &Init::default(), &mut Unobserved).unwrap_err();
        assert!(matches!(error, Error::KeysInside(_)), "{keys}: {error}");
        assert!(!world.path("repo/metadata").exists());
    }
}

#[test]
fn a_folder_without_a_repository_is_named() {
    let world = World::empty();
    let error = world.add("1.0.0").unwrap_err();
    assert!(matches!(error, Error::NoRepository(_)), "{error}");
    assert!(error.hint().unwrap().contains("init"));
    assert!(!world.path("repo").exists());
}

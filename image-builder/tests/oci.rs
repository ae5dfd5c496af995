//! OCI image layouts.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;
use std::io::Write;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use world::{Entry, World, archive, build, usual};

/// Puts a blob into the layout; gives its descriptor.
fn blob(world: &World, media_type: &str, bytes: &[u8]) -> Value {
    let sha256 = hex::encode(digest(&SHA256, bytes));
    fs::write(world.path(&format!("layout/blobs/sha256/{sha256}")), bytes).unwrap();
    json!({ "mediaType": media_type, "digest": format!("sha256:{sha256}"), "size": bytes.len() })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A layout of two layers, one gzip and one zstd; the upper one removes what the lower one has too much.
fn layout() -> (World, Value) {
    let world = World::new();
    fs::create_dir_all(world.path("layout/blobs/sha256")).unwrap();
    let lower = [
        &usual()[..],
        &[
            Entry::file("old/a", "x"),
            Entry::file("old/b", "x"),
            Entry::file("usr/bin/too-much", "x"),
        ],
    ];
    let upper = [Entry::file("usr/bin/.wh.too-much", ""), Entry::file(".wh.old", "")];
    let layers = [
        blob(
            &world,
            "application/vnd.oci.image.layer.v1.tar+gzip",
            &gzip(&archive(&lower.concat())),
        ),
        blob(
            &world,
            "application/vnd.oci.image.layer.v1.tar+zstd",
            &zstd::encode_all(archive(&upper).as_slice(), 1).unwrap(),
        ),
    ];
    let config = blob(&world, "application/vnd.oci.image.config.v1+json", b"{}");
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let mut manifest =
        blob(&world, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    manifest["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    fs::write(world.path("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    index(&world, &[manifest.clone()]);
    (world, manifest)
}

fn index(world: &World, manifests: &[Value]) {
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    fs::write(world.path("layout/index.json"), index.to_string()).unwrap();
}

#[test]
fn layers_and_whiteouts_give_the_image_of_the_plain_archive() {
    let (world, _) = layout();
    assert_eq!(world.build("layout", "one"), world.build("rootfs.tar", "two"));
}

#[test]
fn the_image_of_the_architecture_is_taken() {
    let (world, manifest) = layout();
    let mut other = manifest.clone();
    other["platform"]["architecture"] = "arm64".into();
    index(&world, &[other.clone(), manifest.clone()]);
    world.build("layout", "out");
    index(&world, &[other]);
    assert!(world.fails(1, &build("layout", "out")).contains("it has 0 images for x86_64"));
    index(&world, &[manifest.clone(), manifest]);
    assert!(world.fails(1, &build("layout", "out")).contains("it has 2 images for x86_64"));
}

#[test]
fn a_changed_blob_is_refused() {
    let (world, _) = layout();
    for entry in fs::read_dir(world.path("layout/blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, &changed).unwrap();
        assert!(world.fails(1, &build("layout", "out")).contains("does not match its digest"));
        changed.push(0);
        fs::write(&path, &changed).unwrap();
        assert!(world.fails(1, &build("layout", "out")).contains("its descriptor says"));
        fs::write(&path, &whole).unwrap();
    }
    world.build("layout", "out");
}

#[test]
fn digests_that_lead_out_of_the_layout_are_refused() {
    let (world, mut manifest) = layout();
    manifest["digest"] = "sha256:../../../image.toml".into();
    index(&world, &[manifest.clone()]);
    assert!(world.fails(1, &build("layout", "out")).contains("is no SHA-256 digest"));
    manifest["digest"] = "md5:d41d8cd98f00b204e9800998ecf8427e".into();
    index(&world, &[manifest]);
    assert!(world.fails(1, &build("layout", "out")).contains("is no SHA-256 digest"));
}

#[test]
fn indexes_without_end_are_refused() {
    let (world, _) = layout();
    let mut inner = json!([]);
    for _ in 0..9 {
        let index = json!({ "schemaVersion": 2, "manifests": inner });
        inner = json!([blob(
            &world,
            "application/vnd.oci.image.index.v1+json",
            index.to_string().as_bytes()
        )]);
    }
    index(&world, inner.as_array().unwrap());
    assert!(world.fails(1, &build("layout", "out")).contains("nested too deeply"));
}

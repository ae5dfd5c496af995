//! Images that are not the ones that were signed, or not what the release says.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use e2e::hostile::Fault;
use e2e::world::{NEW, OLD, Part, World, noise};
use gptprio::SetId;
use serde_json::Value;

/// Runs `update` and expects this exit code, and that the host still boots what it ran.
fn fails(world: &World, code: i32) -> String {
    let update = world.updog(&["update"]);
    assert_eq!(update.code, code, "{}", update.stderr);
    nothing_lost(world);
    update.stderr
}

fn nothing_lost(world: &World) {
    assert_eq!(world.next(), Some(SetId::A));
    assert!(!world.sets().b.unwrap().is_bootable());
    assert!(world.holds(SetId::A, OLD));
    assert_ne!(world.updog(&["update-apply"]).code, 0, "nothing was staged");
    assert_eq!(world.next(), Some(SetId::A));
}

/// After whatever went wrong, the same command does it.
fn recovers(world: &World) {
    world.server.behave();
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW));
    assert_eq!(world.next(), Some(SetId::B));
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    let (frame, result) = encoder.finish();
    result.unwrap();
    frame
}

#[test]
fn another_complete_frame_that_is_shorter_is_refused() {
    for part in Part::ALL {
        let world = World::of_images();
        let frame = lz4(&noise("other", 4096 * 4));
        world.server.fault(&format!("{}.img", part.name()), usize::MAX, Fault::Replace(frame));
        let error = fails(&world, 75);
        assert!(error.contains("ended after"), "{error}");
    }
}

#[test]
fn another_complete_frame_padded_to_the_signed_length_is_refused() {
    let world = World::of_images();
    let length = fs::metadata(world.target(Part::Root)).unwrap().len();
    let mut frame = lz4(&noise("other", 4096 * 16));
    frame.resize(usize::try_from(length).unwrap(), 0);
    world.server.fault("root.img", usize::MAX, Fault::Replace(frame));
    let error = fails(&world, 4);
    assert!(error.contains("sha256"), "{error}");
    recovers(&world);
}

#[test]
fn a_flipped_bit_on_the_way_is_refused() {
    for part in Part::ALL {
        let world = World::of_images();
        let mut bytes = fs::read(world.target(part)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        world.server.fault(&format!("{}.img", part.name()), usize::MAX, Fault::Replace(bytes));
        let error = fails(&world, 4);
        assert!(error.contains(part.name()), "{error}");
    }
}

#[test]
fn a_truncated_target_is_temporary_and_named() {
    let world = World::of_images();
    let target = world.target(Part::Root);
    let bytes = fs::read(&target).unwrap();
    fs::write(&target, &bytes[..bytes.len() - 1000]).unwrap();
    let error = fails(&world, 75);
    assert!(error.contains("root") && error.contains("ended after"), "{error}");
    fs::write(&target, bytes).unwrap();
    recovers(&world);
}

#[test]
fn a_server_that_sends_more_is_refused() {
    let world = World::of_images();
    world.server.fault("root.img", usize::MAX, Fault::Extra(1));
    let error = fails(&world, 4);
    assert!(error.contains("more than"), "{error}");
    recovers(&world);
}

/// Replaces the target of a part by what another author signed.
fn sign(world: &World, part: Part, bytes: &[u8]) {
    world.sign_elsewhere(&[(&world.target_name(part), bytes)]);
}

fn image(world: &World, part: Part) -> Vec<u8> {
    fs::read(world.parts(NEW).join(format!("{}.img", part.name()))).unwrap()
}

#[test]
fn signed_trailing_bytes_are_refused() {
    let world = World::of_images();
    let mut bytes = fs::read(world.target(Part::Root)).unwrap();
    bytes.extend_from_slice(b"trailing");
    sign(&world, Part::Root, &bytes);
    let error = fails(&world, 4);
    assert!(error.contains("follow the end"), "{error}");
}

#[test]
fn a_signed_image_that_is_another_than_the_release_says_is_refused() {
    for part in Part::ALL {
        let world = World::of_images();
        let mut image = image(&world, part);
        let last = image.len() - 1;
        image[last] ^= 1;
        sign(&world, part, &lz4(&image));
        let error = fails(&world, 4);
        assert!(error.contains("does not read back as released"), "{error}");
        assert!(error.contains(part.name()), "{error}");
    }
}

#[test]
fn a_signed_image_that_is_shorter_than_the_release_says_is_refused() {
    let world = World::of_images();
    let image = image(&world, Part::Root);
    sign(&world, Part::Root, &lz4(&image[..image.len() - 4096]));
    let error = fails(&world, 4);
    assert!(error.contains("bytes and the release says"), "{error}");
}

#[test]
fn a_signed_image_that_is_longer_than_the_release_says_is_refused() {
    let world = World::of_images();
    let mut image = image(&world, Part::Root);
    image.extend_from_slice(&[0; 4096]);
    sign(&world, Part::Root, &lz4(&image));
    let error = fails(&world, 4);
    assert!(error.contains("longer than"), "{error}");
}

#[test]
fn a_signed_target_that_is_no_frame_is_refused() {
    let world = World::of_images();
    sign(&world, Part::Root, &noise("no frame", 100_000));
    let error = fails(&world, 4);
    assert!(error.contains("decoded"), "{error}");
}

/// Changes the manifest and has it signed.
fn sign_manifest(world: &World, change: impl FnOnce(&mut Value)) {
    let mut manifest = world.manifest();
    change(&mut manifest["updates"][0]);
    world.sign_elsewhere(&[("manifest.json", manifest.to_string().as_bytes())]);
}

#[test]
fn a_root_hash_that_does_not_match_is_refused() {
    let world = World::of_images();
    sign_manifest(&world, |update| update["contents"]["root_hash"] = "ab".repeat(32).into());
    let error = fails(&world, 4);
    assert!(error.contains("root hash"), "{error}");
}

/// As Bottlerocket publishes: the manifest says nothing of what the images hold.
fn without_contents(world: &World) {
    sign_manifest(world, |update| {
        update.as_object_mut().unwrap().remove("contents").unwrap();
    });
}

#[test]
fn a_release_that_names_no_contents_is_installed_and_checked() {
    let world = World::of_images();
    without_contents(&world);
    recovers(&world);
}

#[test]
fn a_release_that_names_no_contents_must_agree_with_itself() {
    let world = World::of_images();
    without_contents(&world);
    let mut root = image(&world, Part::Root);
    root[5000] ^= 1;
    sign(&world, Part::Root, &lz4(&root));
    let error = fails(&world, 4);
    assert!(error.contains("root hash"), "{error}");
}

#[test]
fn an_image_that_turns_out_larger_than_its_partition_is_refused() {
    for part in Part::ALL {
        let world = World::of_images();
        without_contents(&world);
        let length = usize::try_from(world.range(SetId::B, part).length).unwrap();
        sign(&world, part, &lz4(&vec![0x5A; length + 1]));
        let error = fails(&world, 4);
        assert!(error.contains("longer than"), "{error}");
        let range = world.range(SetId::B, part);
        let end = usize::try_from(range.start + range.length).unwrap();
        let disk = fs::read(world.disk()).unwrap();
        assert_ne!(disk[end..end + 16], [0x5A; 16], "the partition behind it was not touched");
    }
}

#[test]
fn an_image_larger_than_its_partition_is_refused_before_anything_is_fetched() {
    let world = World::of_images();
    let spec = world.path("image.toml");
    let small = fs::read_to_string(&spec).unwrap().replace("root = 8", "root = 4");
    fs::write(&spec, small).unwrap();
    let rootfs = world.path("rootfs-little");
    e2e::world::make_rootfs(&rootfs, OLD);
    fs::remove_file(rootfs.join("usr/lib/same")).unwrap();
    let (parts, disk) = (world.path("parts-little"), world.disk());
    let text = e2e::world::text;
    let build = ["build", "--spec", text(&spec), "--rootfs", text(&rootfs), "--version", OLD];
    e2e::programs::must("image-builder", &[&build[..], &["--out", text(&parts)]].concat());
    fs::remove_file(&disk).unwrap();
    e2e::programs::must("image-builder", &["disk", "--parts", text(&parts), "--out", text(&disk)]);
    let before = fs::read(&disk).unwrap();
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 4, "{}", update.stderr);
    assert!(update.stderr.contains("too much"), "{}", update.stderr);
    assert_eq!(world.server.requests("root.img").len(), 0);
    assert!(before == fs::read(&disk).unwrap(), "the disk was not touched");
}

#[test]
fn a_bit_flipped_after_writing_is_found_before_it_boots() {
    for part in Part::ALL {
        let world = World::of_images();
        assert_eq!(world.updog(&["update-image"]).code, 0);
        let start = world.range(SetId::B, part).start;
        let mut disk = fs::read(world.disk()).unwrap();
        disk[usize::try_from(start).unwrap() + 5000] ^= 1;
        fs::write(world.disk(), disk).unwrap();
        let apply = world.updog(&["update-apply"]);
        assert_eq!(apply.code, 4, "{part:?}: {}", apply.stderr);
        assert!(apply.stderr.contains("no longer holds"), "{part:?}: {}", apply.stderr);
        assert_eq!(world.next(), Some(SetId::A), "{part:?}");
        recovers(&world);
    }
}

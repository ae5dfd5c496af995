//! Images that are not the ones that were signed, or not what the release says.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use e2e::hostile::Fault;
use e2e::world::{NEW, OLD, Part, World, noise};
use gptprio::SetId;

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
        let world = World::new();
        let frame = lz4(&noise("other", 4096 * 16));
        world.server.fault(&format!("{}.img", part.name()), usize::MAX, Fault::Replace(frame));
        let error = fails(&world, 75);
        assert!(error.contains("ended after"), "{error}");
    }
}

#[test]
fn another_complete_frame_padded_to_the_signed_length_is_refused() {
    let world = World::new();
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
        let world = World::new();
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
    let world = World::new();
    let target = world.target(Part::Root);
    let bytes = fs::read(&target).unwrap();
    fs::write(&target, &bytes[..bytes.len() - 1000]).unwrap();
    let error = fails(&world, 75);
    assert!(error.contains("root"), "{error}");
    fs::write(&target, bytes).unwrap();
    recovers(&world);
}

#[test]
fn a_server_that_sends_more_is_refused() {
    let world = World::new();
    world.server.fault("root.img", usize::MAX, Fault::Extra(1));
    let error = fails(&world, 4);
    assert!(error.contains("more than"), "{error}");
    recovers(&world);
}

/// Signs and publishes a transport file that a build did not make.
fn publish_transport(world: &World, part: Part, bytes: &[u8]) {
    let name = part.name();
    let file = world.parts(NEW).join(format!("{name}.img.lz4"));
    fs::write(&file, bytes).unwrap();
    let mut report = world.report(NEW);
    report["images"][name]["transport"]["length"] = bytes.len().into();
    report["images"][name]["transport"]["sha256"] = sha256(&file).into();
    world.set_report(NEW, &report);
    world.publish(NEW, &[]);
}

fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn signed_trailing_bytes_are_refused() {
    let world = World::unpublished();
    let mut bytes = fs::read(world.parts(NEW).join("root.img.lz4")).unwrap();
    bytes.extend_from_slice(b"trailing");
    publish_transport(&world, Part::Root, &bytes);
    let error = fails(&world, 4);
    assert!(error.contains("follow the end"), "{error}");
}

#[test]
fn a_signed_image_that_is_another_than_the_release_says_is_refused() {
    let world = World::unpublished();
    let mut image = fs::read(world.parts(NEW).join("root.img")).unwrap();
    let last = image.len() - 1;
    image[last] ^= 1;
    publish_transport(&world, Part::Root, &lz4(&image));
    let error = fails(&world, 4);
    assert!(error.contains("does not read back as released"), "{error}");
}

#[test]
fn a_signed_image_that_is_shorter_than_the_release_says_is_refused() {
    let world = World::unpublished();
    let image = fs::read(world.parts(NEW).join("root.img")).unwrap();
    publish_transport(&world, Part::Root, &lz4(&image[..image.len() - 4096]));
    let error = fails(&world, 4);
    assert!(error.contains("bytes and the release says"), "{error}");
}

#[test]
fn a_signed_image_that_is_longer_than_the_release_says_is_refused() {
    let world = World::unpublished();
    let mut image = fs::read(world.parts(NEW).join("root.img")).unwrap();
    image.extend_from_slice(&[0; 4096]);
    publish_transport(&world, Part::Root, &lz4(&image));
    let error = fails(&world, 4);
    assert!(error.contains("longer than"), "{error}");
}

#[test]
fn a_root_hash_that_does_not_match_is_refused() {
    let world = World::unpublished();
    let mut report = world.report(NEW);
    report["verity"]["root_hash"] = "ab".repeat(32).into();
    world.set_report(NEW, &report);
    world.publish(NEW, &[]);
    let error = fails(&world, 4);
    assert!(error.contains("root hash"), "{error}");
}

#[test]
fn an_image_larger_than_its_partition_is_refused_before_anything_is_fetched() {
    let world = World::new();
    let spec = world.path("image.toml");
    let small = fs::read_to_string(&spec).unwrap().replace("root = 8", "root = 4");
    fs::write(&spec, small).unwrap();
    let rootfs = world.path("rootfs-little");
    fs::create_dir_all(rootfs.join("boot")).unwrap();
    fs::create_dir_all(rootfs.join("etc")).unwrap();
    fs::write(rootfs.join("etc/os-release"), "ID=small\n").unwrap();
    fs::write(rootfs.join("boot/vmlinuz"), noise("kernel", 100_000)).unwrap();
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
        let world = World::new();
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

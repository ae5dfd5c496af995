//! Releases that come as a delta pack, and what happens when the pack is of no use: frames are asked for what is lacking, then the images.

#![allow(clippy::unwrap_used, clippy::panic)]

mod packed;

use std::fs;
use std::process::Stdio;
use std::thread;

use e2e::hostile::{Fault, Hostile, Request};
use e2e::programs;
use e2e::world::{NEW, OLD, Part, World, text};
use gptprio::SetId;
use pack::Image;
use packed::{Packed, Release};
use serde_json::{Value, json};

/// Name of the pack's target.
const PACK: &str = "from-1.0.0.waypack";

/// In the names of frames and of their index.
const FRAMES: &str = "frames";

/// In the name of the largest of the whole images.
const IMAGES: &str = "root.img";

/// A world whose newer release has a pack, and the pack.
fn packed() -> (World, Packed) {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    packed.publish(&world);
    (world, packed)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What stands at the end of a line that tells of a source that is given up.
const GIVEN_UP: &str = ": what is lacking is fetched another way";

/// Updates, from the frames at last and, where there are none, from the images; expects to be told why, once.
fn falls_back(world: &World, why: &str) {
    let disk = fs::read(world.disk()).unwrap();
    comes_from(FRAMES, world, why);
    fs::write(world.disk(), disk).unwrap();
    fs::remove_dir_all(world.path("state")).unwrap();
    world.change_update(|update| drop(update.as_object_mut().unwrap().remove("frames")));
    comes_from(IMAGES, world, why);
}

fn comes_from(source: &str, world: &World, why: &str) {
    let asked = || [FRAMES, IMAGES].map(|name| world.server.requests(name).len());
    let before = asked();
    assert!(!world.holds(SetId::B, NEW));
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{why}: {}", update.stderr);
    let given_up: Vec<_> = update.stderr.lines().filter(|line| line.ends_with(GIVEN_UP)).collect();
    let told: Vec<_> = update.stderr.lines().filter(|line| line.contains(why)).collect();
    assert_eq!((told.len(), &given_up), (1, &told), "{why}: {}", update.stderr);
    let (after, of_frames) = (asked(), source == FRAMES);
    let used = [after[0] > before[0], after[1] > before[1]];
    assert_eq!(used, [of_frames, !of_frames], "{why}: {}", update.stderr);
    assert!(world.holds(SetId::B, NEW), "{why}");
    assert_eq!(world.next(), Some(SetId::A), "{why}");
    assert_eq!(world.updog(&["update-apply"]).code, 0, "{why}");
    assert_eq!(world.next(), Some(SetId::B), "{why}");
}

/// Updates while neither pack nor frames nor images help: set B must not be valid.
fn neither_helps(world: &World) {
    for name in [FRAMES, IMAGES] {
        world.server.fault(name, usize::MAX, Fault::Status(404));
    }
    assert_ne!(world.updog(&["update"]).code, 0);
    assert!(!world.sets().b.unwrap().is_bootable());
    assert_ne!(world.updog(&["update-apply"]).code, 0, "nothing was staged");
    assert_eq!(world.next(), Some(SetId::A));
    assert!(world.holds(SetId::A, OLD));
}

#[test]
fn a_host_with_the_old_release_fetches_the_pack_only() {
    let (world, packed) = packed();
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD));
    assert_eq!(world.next(), Some(SetId::A), "written is not activated");
    let asked = world.server.requests(PACK);
    let parts: Vec<_> = asked.iter().map(|request| (request.offset, request.sent)).collect();
    let (head, all) = (packed.start(), packed.bytes.len());
    assert_eq!(parts, [(0, head), (head, all - head)], "the head, and the pieces");
    assert_eq!(world.server.requests(".img").len(), 0);
    assert_eq!(world.server.requests("frames").len(), 0);
    assert_eq!(json(&update.stdout)["fetched_bytes"], all);
    assert_eq!(world.updog(&["update-image"]).code, 3, "it is there already");
    assert_eq!(world.server.bytes(PACK), all, "nothing is fetched for that");
    assert_eq!(world.updog(&["update-apply"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
}

#[test]
fn a_dry_run_says_what_the_pack_saves() {
    let (world, packed) = packed();
    let before = fs::read(world.disk()).unwrap();
    let plan = json(&world.updog(&["--json", "update", "--dry-run"]).stdout);
    let length = Value::from(packed.bytes.len());
    assert_eq!((&plan["fetch_bytes"], &plan["pack"]["fetch_bytes"]), (&length, &length));
    let forecast = &plan["forecast"];
    assert_eq!((&forecast["source"], &forecast["fetch_bytes"]), (&json!("pack"), &length));
    assert_eq!((&plan["pack"]["from"], &plan["pack"]["target"]), (&json!(OLD), &json!(PACK)));
    let images = plan["images"].as_array().unwrap();
    let images: u64 = images.iter().map(|image| image["fetch_bytes"].as_u64().unwrap()).sum();
    assert_eq!(plan["pack"]["instead_of_bytes"], images);
    assert_eq!(world.server.bytes(PACK), packed.start(), "the head tells");
    let said = world.updog(&["update", "--dry-run"]).stdout;
    assert!(said.contains("from the pack for 1.0.0: fetch ") && said.contains(" instead of "));
    assert!(before == fs::read(world.disk()).unwrap(), "the disk was not touched");
}

#[test]
fn a_host_with_other_blocks_is_offered_the_images() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let other = |entry: &mut Value| entry["from_root_hash"] = "ab".repeat(32).into();
    packed.publish_as(&world, &packed.bytes, other);
    assert_eq!(world.updog(&["update-image"]).code, 0);
    assert!(world.holds(SetId::B, NEW));
    assert_eq!(world.server.requests(PACK).len(), 0);
}

#[test]
fn a_pack_that_is_longer_than_the_images_is_not_fetched() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let mut bytes = packed.bytes.clone();
    bytes.resize(16 << 20, 0);
    packed.publish_as(&world, &bytes, |_| ());
    assert_eq!(world.updog(&["update-image"]).code, 0);
    assert_eq!(world.server.requests(PACK).len(), 0);
}

#[test]
fn a_server_without_the_pack_has_frames_and_images() {
    let (world, _) = packed();
    world.server.fault(PACK, usize::MAX, Fault::Status(404));
    neither_helps(&world);
    world.server.behave();
    world.server.fault(PACK, usize::MAX, Fault::Status(404));
    falls_back(&world, "cannot fetch from-1.0.0.waypack");
}

#[test]
fn a_server_without_ranges_sends_the_pack_from_its_first_byte_to_its_last() {
    let (world, packed) = packed();
    world.server.fault(PACK, usize::MAX, Fault::IgnoreRange);
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    let ranges: Vec<_> = world.server.requests(PACK).iter().map(|one| one.range).collect();
    assert!(matches!(ranges[..], [Some(_), None]), "found out once: {ranges:?}");
    assert_eq!(json(&update.stdout)["fetched_bytes"], packed.bytes.len());
    assert_eq!(world.server.requests(".img").len(), 0);
    assert_eq!(world.server.requests("frames").len(), 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn what_is_fetched_for_nothing_is_counted_too() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let mut bytes = packed.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    packed.publish_as(&world, &bytes, |_| ());
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    let [pack, frames] = [PACK, "frames"].map(|name| world.server.bytes(name));
    assert!(pack == bytes.len() && frames > 0);
    assert_eq!(json(&update.stdout)["fetched_bytes"], pack + frames);
}

#[test]
fn a_pack_that_one_mirror_spoils_comes_from_the_next() {
    let (world, packed) = packed();
    let second = Hostile::serve(&world.path("repo")).unwrap();
    world.configure(&format!(
        "[[mirror]]\nmetadata_base_url = {:?}\ntargets_base_url = {:?}",
        second.url("metadata/"),
        second.url("targets/"),
    ));
    let mut bytes = packed.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    world.server.fault(PACK, usize::MAX, Fault::Replace(bytes));
    let update = world.updog(&["update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(update.stderr.contains("leaving the mirror"), "{}", update.stderr);
    assert_eq!((second.requests(PACK).len(), second.requests(".img").len()), (1, 0));
    assert_eq!(world.server.requests(".img").len(), 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn a_bundle_has_the_pack_or_else_the_images() {
    for (has_pack, fetched) in [(true, "pack"), (false, "images")] {
        let (world, packed) = packed();
        let targets = fs::read_dir(world.path("repo/targets")).unwrap();
        let pack =
            targets.map(|entry| entry.unwrap().path()).find(|path| text(path).ends_with(PACK));
        if !has_pack {
            fs::remove_file(pack.unwrap()).unwrap();
        }
        let repo = world.path("repo");
        let update = world.updog(&["--json", "--from", text(&repo), "update-image"]);
        assert_eq!(update.code, 0, "{fetched}: {}", update.stderr);
        assert_eq!(update.stderr.contains("from the pack"), has_pack, "{}", update.stderr);
        let is_pack = json(&update.stdout)["fetched_bytes"] == packed.bytes.len();
        assert_eq!(is_pack, has_pack, "{fetched}");
        assert!(world.holds(SetId::B, NEW), "{fetched}");
    }
}

#[test]
fn a_pack_that_ends_early_is_not_used() {
    let (world, packed) = packed();
    let half = packed.bytes[..packed.bytes.len() / 2].to_vec();
    world.server.fault(PACK, usize::MAX, Fault::Replace(half));
    falls_back(&world, "cannot fetch from-1.0.0.waypack");
}

#[test]
fn a_pack_with_a_flipped_byte_is_not_used() {
    let (world, packed) = packed();
    for place in [0, 20, packed.head.len() + 20, packed.bytes.len() - 1] {
        let mut bytes = packed.bytes.clone();
        bytes[place] ^= 1;
        world.server.fault(PACK, usize::MAX, Fault::Replace(bytes));
        neither_helps(&world);
        world.server.behave();
    }
    let mut bytes = packed.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    world.server.fault(PACK, usize::MAX, Fault::Replace(bytes));
    falls_back(&world, "is not usable");
}

#[test]
fn a_signed_pack_with_a_flipped_byte_is_not_used() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let mut bytes = packed.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    packed.publish_as(&world, &bytes, |_| ());
    falls_back(&world, "the piece has the digest");
}

#[test]
fn a_signed_pack_that_ends_early_is_not_used() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    for length in [5, 20, packed.bytes.len() - 1] {
        packed.publish_as(&world, &packed.bytes[..length], |_| ());
        neither_helps(&world);
        world.server.behave();
    }
    falls_back(&world, "are no range of a target of");
}

#[test]
fn bytes_that_follow_a_signed_pack_are_not_looked_at() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let bytes = [&packed.bytes[..], b"more"].concat();
    packed.publish_as(&world, &bytes, |_| ());
    let update = world.updog(&["update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert_eq!(world.server.bytes(PACK), packed.bytes.len());
    let last = |request: Request| request.range.and_then(|range| range.last).unwrap();
    let ends = world.server.requests(PACK).into_iter().map(last);
    assert_eq!(ends.max(), Some(packed.bytes.len() - 1));
    assert_eq!(world.server.requests(".img").len(), 0);
    assert_eq!(world.server.requests("frames").len(), 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn a_pack_with_another_head_than_the_manifest_says_is_not_used() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let other = |entry: &mut Value| entry["head"]["sha256"] = "ab".repeat(32).into();
    packed.publish_as(&world, &packed.bytes, other);
    falls_back(&world, "the head of the pack has SHA-256");
}

#[test]
fn a_pack_that_the_metadata_does_not_list_is_not_used() {
    let world = World::new();
    let packed = Packed::between(&world, OLD, NEW);
    let other = |entry: &mut Value| entry["target"] = "nowhere".into();
    packed.publish_as(&world, &packed.bytes, other);
    assert_eq!(world.updog(&["update-image"]).code, 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn a_pack_of_another_pair_is_not_used() {
    for (old, new, why) in
        [(NEW, OLD, "the pack is for hosts that run"), (OLD, OLD, "makes another release")]
    {
        let world = World::new();
        let right = Release::of(&world, OLD).root_hash;
        let packed = Packed::between(&world, old, new);
        let from = |entry: &mut Value| entry["from_root_hash"] = right.to_string().into();
        packed.publish_as(&world, &packed.bytes, from);
        falls_back(&world, why);
    }
}

#[test]
fn a_bad_block_of_the_running_set_is_not_copied() {
    let (world, packed) = packed();
    world.damage(SetId::A, Part::Root, packed.copied(Image::Root));
    falls_back(&world, "1 of its blocks are not what they had to be");
}

#[test]
fn a_bad_boot_block_of_the_running_set_is_found_in_the_end() {
    let (world, packed) = packed();
    world.damage(SetId::A, Part::Boot, packed.copied(Image::Boot));
    falls_back(&world, "was written and does not read back as released");
}

#[test]
fn a_running_set_whose_tree_does_not_hold_gets_frames() {
    let (world, _) = packed();
    world.damage(SetId::A, Part::Hash, 2);
    let update = world.updog(&["update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    let why = "no pack is used: the tree of the running set cannot be used";
    assert_eq!(update.stderr.matches(why).count(), 1, "{}", update.stderr);
    assert_eq!(world.server.requests(PACK).len(), 0);
    assert_eq!(world.server.requests(".img").len(), 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn an_update_that_is_killed_in_the_middle_of_a_pack_is_finished_by_the_same_command() {
    let (world, packed) = packed();
    world.server.fault(PACK, 1, Fault::CutAfter(packed.bytes.len() / 2));
    world.server.fault(PACK, usize::MAX, Fault::Silence);
    let mut command = programs::command("updog");
    command.args(world.updog_arguments(SetId::A, &["update"]));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The second request comes once the first half has gone through.
    while world.server.requests(PACK).len() < 2 && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(!world.sets().b.unwrap().is_bootable());
    assert!(!world.holds(SetId::B, NEW));
    assert_eq!(world.next(), Some(SetId::A));
    world.server.behave();
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert_eq!(world.server.requests(".img").len(), 0);
    assert!(world.holds(SetId::B, NEW));
    assert_eq!(world.next(), Some(SetId::B));
}

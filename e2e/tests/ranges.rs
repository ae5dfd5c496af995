//! Releases that come by ranges of frames: what is asked for, and what servers may do about it.

#![allow(clippy::unwrap_used, clippy::panic)]

use e2e::hostile::{Fault, Hostile, Request};
use e2e::programs::Finished;
use e2e::world::{NEW, OLD, Part, World};
use gptprio::SetId;
use serde_json::Value;

/// In the names of frames and of their index.
const FRAMES: &str = "frames";

/// In the names of frames alone.
const FRAMES_ALONE: &str = ".frames.zst";

/// In the name of the index.
const INDEX: &str = "frames.index";

/// Most bytes that one request asks for.
const MOST: usize = 1 << 20;

/// Tells of a source that is given up.
const GIVEN_UP: &str = ": what is lacking is fetched another way";

/// A world whose newer release has frames and no pack.
fn framed() -> World {
    World::of_both(&[]).without("packs")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// Bytes that the whole images would be.
fn image_bytes(plan: &Value) -> usize {
    plan["images"].as_array().unwrap().iter().map(|image| number(&image["fetch_bytes"])).sum()
}

/// Updates, and expects the newer release in set B, bootable once it is applied and no earlier.
fn updates(world: &World) -> Finished {
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD), "{}", update.stderr);
    assert_eq!(world.next(), Some(SetId::A), "written is not activated");
    assert_eq!(world.updog(&["update-apply"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
    update
}

/// How often a source was given up.
fn given_up(update: &Finished) -> Vec<&str> {
    update.stderr.lines().filter(|line| line.ends_with(GIVEN_UP)).collect()
}

/// Updates from the images at last, having been told why, once.
fn falls_to_images(world: &World, why: &str) {
    let update = updates(world);
    let told = given_up(&update);
    assert!(told.len() == 1 && told[0].contains(why), "{why}: {}", update.stderr);
    assert!(!world.server.requests("root.img").is_empty(), "{why}");
}

/// Updates from frames.
fn needs_no_image(world: &World) -> Finished {
    let update = updates(world);
    assert_eq!(world.server.requests(".img").len(), 0, "{}", update.stderr);
    assert_eq!(given_up(&update), [""; 0]);
    update
}

/// Whether a request is for one range, of a length that is bounded.
fn is_short_range(request: &Request) -> bool {
    let Some((first, last)) = request.range.and_then(|range| Some((range.first, range.last?)))
    else {
        return false;
    };
    first <= last && last - first < MOST && request.sent == last - first + 1
}

/// Adds a second mirror, which behaves.
fn second_mirror(world: &World) -> Hostile {
    let second = Hostile::serve(&world.path("repo")).unwrap();
    world.configure(&format!(
        "[[mirror]]\nmetadata_base_url = {:?}\ntargets_base_url = {:?}",
        second.url("metadata/"),
        second.url("targets/"),
    ));
    second
}

#[test]
fn a_host_without_a_pack_fetches_the_index_and_ranges() {
    let world = framed();
    let plan = world.plan();
    let forecast = &plan["forecast"];
    assert_eq!(forecast["source"], "frames");
    assert_eq!(world.server.bytes(FRAMES_ALONE), 1, "whether there are ranges");
    world.server.behave();
    let update = needs_no_image(&world);
    let asked = world.server.requests(FRAMES_ALONE);
    assert!(!asked.is_empty() && asked.iter().all(is_short_range), "{asked:?}");
    let index = world.server.requests(INDEX);
    assert!(index.len() == 1 && index[0].range.is_none());
    let bytes = world.server.bytes(FRAMES);
    assert_eq!((number(&plan["fetch_bytes"]), number(&forecast["fetch_bytes"])), (bytes, bytes));
    assert_eq!(number(&json(&update.stdout)["fetched_bytes"]), bytes);
    assert!(4 * bytes < image_bytes(&plan), "{bytes} bytes");
}

#[test]
fn what_is_there_is_not_fetched_again() {
    for (what, world, source) in
        [("pack", World::of_both(&[]), ".pack"), ("frames", framed(), FRAMES)]
    {
        let planned = number(&world.plan()["fetch_bytes"]);
        updates(&world);
        world.forget();
        world.server.behave();
        let before = std::fs::read(world.disk()).unwrap();
        let plan = world.plan();
        let found_out = number(&plan["fetch_bytes"]);
        assert_eq!(world.server.bytes(source), found_out, "the head, or the index");
        assert!(100 * found_out < 2 * planned, "{what}: {found_out} of {planned}");
        let [root, boot] = [Part::Root, Part::Boot].map(|part| world.image(NEW, part).len());
        let blocks = &plan["forecast"]["blocks"];
        assert_eq!(number(&blocks["in_place_bytes"]), root + boot, "{what}");
        let moved: usize = blocks.as_object().unwrap().values().map(number).sum();
        assert_eq!(moved, root + boot, "{what}: nothing else comes to them");
        world.server.behave();
        let update = updates(&world);
        assert_eq!(number(&json(&update.stdout)["fetched_bytes"]), found_out, "{what}");
        assert_eq!(world.server.bytes("targets/") - world.server.bytes("manifest"), found_out);
        assert!(before == std::fs::read(world.disk()).unwrap(), "{what}: it is what it was");
    }
}

#[test]
fn a_server_that_once_sends_something_else_is_asked_again() {
    for fault in [
        Fault::ShiftRange,
        Fault::Shorten(5),
        Fault::CutAfter(70_000),
        Fault::Status(503),
        Fault::WrongTotal,
    ] {
        let world = framed();
        world.server.fault("root.frames", 1, fault.clone());
        needs_no_image(&world);
    }
}

#[test]
fn a_server_that_never_sends_the_range_is_asked_for_the_images() {
    for (fault, why) in [
        (Fault::ShiftRange, "were asked for"),
        (Fault::WrongTotal, "were asked for"),
        (Fault::Shorten(5), "of a range of"),
        (Fault::Extra(5), "of a range that was asked for"),
        (Fault::Status(404), "is not there"),
    ] {
        let world = framed();
        world.server.fault("root.frames", usize::MAX, fault.clone());
        falls_to_images(&world, why);
        let count = world.server.requests("root.frames").len();
        assert!(count < 20, "{fault:?}: {count} requests");
    }
}

#[test]
fn a_server_in_trouble_is_not_asked_for_more() {
    for (fault, why) in
        [(Fault::CutAfter(5), "cannot be reached, or broke off"), (Fault::Status(503), "HTTP 503")]
    {
        let world = framed();
        world.server.fault("root.frames", usize::MAX, fault);
        let update = world.updog(&["update-image"]);
        assert_eq!(update.code, 75, "{}", update.stderr);
        assert!(update.stderr.contains(why), "{}", update.stderr);
        assert_eq!(world.server.requests(".img").len(), 0, "{why}");
        assert_eq!(world.next(), Some(SetId::A));
        world.server.behave();
        needs_no_image(&world);
    }
}

#[test]
fn a_server_without_ranges_is_found_out_once_and_sends_whole_frames() {
    let world = framed();
    world.server.fault(FRAMES_ALONE, usize::MAX, Fault::IgnoreRange);
    let update = needs_no_image(&world);
    let asked = world.server.requests(FRAMES_ALONE);
    let (ranges, whole): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|request| request.range.is_some());
    assert!((1..=4).contains(&ranges.len()), "those that were under way: {ranges:?}");
    assert_eq!(whole.len(), 2, "root and boot: {whole:?}");
    let whole: usize = whole.iter().map(|request| request.sent).sum();
    let fetched = number(&json(&update.stdout)["fetched_bytes"]);
    assert_eq!(fetched, world.server.bytes(INDEX) + whole);
}

#[test]
fn a_mirror_without_ranges_gives_way_to_one_with_them() {
    let world = framed();
    let second = second_mirror(&world);
    world.server.fault(FRAMES_ALONE, usize::MAX, Fault::IgnoreRange);
    let update = needs_no_image(&world);
    assert_eq!(update.stderr.matches("leaving the mirror").count(), 1, "{}", update.stderr);
    let first = world.server.requests(FRAMES_ALONE);
    assert!(first.len() <= 4 && first.iter().all(|request| request.range.is_some()), "{first:?}");
    let asked = second.requests(FRAMES_ALONE);
    assert!(!asked.is_empty() && asked.iter().all(is_short_range), "{asked:?}");
    assert_eq!(second.requests(".img").len(), 0);
}

#[test]
fn garbage_in_a_frame_is_not_used() {
    let world = framed();
    world.server.fault("root.frames", usize::MAX, Fault::Garble);
    falls_to_images(&world, "frame");
}

#[test]
fn frames_that_one_mirror_spoils_come_from_the_next() {
    let world = framed();
    let second = second_mirror(&world);
    world.server.fault("root.frames", usize::MAX, Fault::Garble);
    let update = needs_no_image(&world);
    assert_eq!(update.stderr.matches("leaving the mirror").count(), 1, "{}", update.stderr);
    assert_eq!(second.requests(".img").len(), 0);
    assert!(second.requests(FRAMES_ALONE).iter().all(is_short_range));
}

#[test]
fn another_index_than_the_signed_one_is_not_read() {
    let world = framed();
    world.plan();
    let length = world.server.bytes(INDEX);
    world.server.behave();
    world.server.fault(INDEX, usize::MAX, Fault::Replace(vec![7; length]));
    falls_to_images(&world, "is not what was signed");
    assert_eq!(world.server.requests(FRAMES_ALONE).len(), 0);
    let world = framed();
    let second = second_mirror(&world);
    world.server.fault(INDEX, usize::MAX, Fault::Replace(vec![7; length]));
    let update = needs_no_image(&world);
    assert!(update.stderr.contains("leaving the mirror"), "{}", update.stderr);
    assert_eq!((second.bytes(INDEX), second.requests(".img").len()), (length, 0));
}

#[test]
fn a_server_without_the_index_or_the_frames_has_the_images() {
    for (name, root_frames) in [(INDEX, false), (FRAMES_ALONE, true), (FRAMES, false)] {
        let world = framed();
        world.server.fault(name, usize::MAX, Fault::Status(404));
        falls_to_images(&world, "is not there (HTTP 404");
        assert_eq!(!world.server.requests(FRAMES_ALONE).is_empty(), root_frames, "{name}");
    }
}

#[test]
fn a_signed_index_of_another_release_is_not_used() {
    let world = framed();
    let manifest = world.manifest();
    let mut updates_of = manifest["updates"].as_array().unwrap().iter();
    let older = updates_of.find(|update| update["version"] == OLD).unwrap();
    world.change_update(|update| update["frames"]["index"] = older["frames"]["index"].clone());
    falls_to_images(&world, "does not read back as released");
    assert_eq!(world.server.requests(INDEX).len(), 1);
}

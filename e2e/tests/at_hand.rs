//! What the disk holds already, right or wrong, and repositories at hand: only what is lacking comes from them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::hostile::Fault;
use e2e::programs::{self, Finished};
use e2e::world::{NEW, OLD, Part, World, noise, text};
use gptprio::SetId;
use serde_json::Value;

/// Length of a block in bytes.
const BLOCK: usize = 4096;

/// Blocks of the longest frame.
const FRAME_BLOCKS: usize = 128;

/// A world whose newer release has frames and no pack.
fn framed() -> World {
    World::of_both(&[]).without("packs")
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a plan says that is to be fetched.
fn planned(world: &World) -> usize {
    number(&world.plan()["fetch_bytes"])
}

/// Updates, and expects the newer release in set B. Gives the number of bytes that were fetched, by the server's account.
fn updates(world: &World) -> (usize, Finished) {
    world.server.behave();
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW), "{}", update.stderr);
    assert_eq!(world.next(), Some(SetId::A), "written is not activated");
    assert_eq!(world.server.requests(".img").len(), 0, "{}", update.stderr);
    assert_eq!(world.updog(&["update-apply"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
    let fetched = world.server.bytes("targets/") - world.server.bytes("manifest.json");
    assert_eq!(number(&json(&update.stdout)["fetched_bytes"]), fetched);
    (fetched, update)
}

/// Blocks of an image that are there: the first three quarters of what is new, and some of the rest.
fn some_blocks(old: &[Vec<u8>], image: &[u8]) -> Vec<usize> {
    let known: HashSet<&[u8]> = old.iter().flat_map(|image| image.chunks(BLOCK)).collect();
    let numbers = noise("some blocks", image.len() / BLOCK);
    let blocks = || image.chunks_exact(BLOCK).enumerate();
    let new = blocks().filter(|(_, bytes)| !known.contains(bytes)).count();
    let mut seen = 0;
    let mut is_there = |(block, bytes): &(usize, &[u8])| {
        let is_new = !known.contains(bytes);
        seen += usize::from(is_new);
        if is_new { seen <= 3 * new / 4 } else { numbers[*block].is_multiple_of(8) }
    };
    blocks().filter(&mut is_there).map(|(block, _)| block).collect()
}

#[test]
fn bad_blocks_of_the_running_set_are_fetched_and_little_more() {
    // Amid what both releases have: the file, and the part of the set that it lies in.
    for (what, part) in [("same", Part::Root), ("initrd", Part::Boot)] {
        let world = framed();
        let whole = planned(&world);
        world.damage_content(SetId::A, part, &noise(what, 500_000)[300_000..302_000]);
        let (fetched, update) = updates(&world);
        let more = fetched - whole;
        assert!(more <= 2 * FRAME_BLOCKS * BLOCK, "{what}: {more}: {}", update.stderr);
        assert!(!world.holds(SetId::A, OLD), "{what}: the running set is not mended");
    }
}

#[test]
fn a_running_set_whose_tree_does_not_hold_is_read() {
    let world = framed();
    let whole = planned(&world);
    world.damage(SetId::A, Part::Hash, 2);
    let (fetched, update) = updates(&world);
    assert_eq!(fetched, whole);
    let why = "the tree of the running set cannot be used";
    assert_eq!(update.stderr.matches(why).count(), 1, "{}", update.stderr);
}

#[test]
fn a_half_written_set_has_its_half() {
    let world = framed();
    let whole = planned(&world);
    let old = [Part::Root, Part::Boot].map(|part| world.image(OLD, part));
    for part in [Part::Root, Part::Boot] {
        let image = world.image(NEW, part);
        world.change(SetId::B, part, |bytes| {
            for block in some_blocks(&old, &image) {
                let place = block * BLOCK..(block + 1) * BLOCK;
                bytes[place.clone()].copy_from_slice(&image[place]);
            }
        });
    }
    world.change(SetId::B, Part::Hash, |bytes| bytes.fill(0));
    let less = planned(&world);
    let (fetched, _) = updates(&world);
    assert_eq!(fetched, less);
    assert!(10 * fetched < 9 * whole, "{fetched} of {whole}");
}

#[test]
fn garbage_in_the_set_that_is_written_is_no_trouble() {
    for source in ["packs", "frames"] {
        let world = if source == "packs" { World::of_both(&[]) } else { framed() };
        let whole = planned(&world);
        for part in Part::ALL {
            world.change(SetId::B, part, |bytes| {
                let garbage = noise("garbage", bytes.len());
                bytes.copy_from_slice(&garbage);
            });
        }
        assert_eq!(updates(&world).0, whole, "{source}");
    }
}

#[test]
fn a_tree_that_lies_about_the_set_that_is_written_is_found_out() {
    let world = framed();
    let whole = planned(&world);
    // It says that the older release is there, of which there is nothing.
    world.change(SetId::B, Part::Hash, |bytes| {
        let tree = world.image(OLD, Part::Hash);
        bytes[..tree.len()].copy_from_slice(&tree);
    });
    let (fetched, update) = updates(&world);
    assert_eq!(fetched, whole, "{}", update.stderr);
}

/// Takes the images out of a folder with a repository, so that they can be of no help.
fn remove_images(folder: &Path) {
    for entry in fs::read_dir(folder.join("targets")).unwrap() {
        let path = entry.unwrap().path();
        if text(&path).contains("root.img") || text(&path).contains("boot.img") {
            // Their lengths stay: what is missing is found out before anything is done.
            let length = fs::metadata(&path).unwrap().len();
            fs::write(&path, noise("no image", usize::try_from(length).unwrap())).unwrap();
        }
    }
}

/// Updates from a bundle; nothing is asked of the server.
fn updates_from(world: &World, bundle: &Path) {
    let planned = planned(world);
    world.server.behave();
    let arguments = ["--json", "--from", text(bundle), "update-image"];
    let update = world.updog(&arguments);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW));
    assert_eq!(number(&json(&update.stdout)["fetched_bytes"]), planned);
    assert_eq!(world.server.requests("").len(), 0);
}

#[test]
fn a_bundle_is_read_by_ranges() {
    for kind in ["folder", "tar file"] {
        let world = framed();
        remove_images(&world.path("repo"));
        let bundle = world.path(if kind == "tar file" { "bundle.tar" } else { "repo" });
        if kind == "tar file" {
            let mut tar = Command::new("tar");
            let repo = world.path("repo");
            tar.args(["-cf", text(&bundle), "-C", text(&repo), "metadata", "targets"]);
            assert_eq!(programs::finished(&mut tar).code, 0);
        }
        updates_from(&world, &bundle);
    }
}

#[test]
fn a_mirror_on_a_medium_is_read_by_ranges() {
    let world = framed();
    remove_images(&world.path("repo"));
    let planned = planned(&world);
    world.server.behave();
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let medium = format!("file://{}/", text(&world.path("repo")));
    fs::write(world.path("updog.toml"), config.replace(&world.server.url(""), &medium)).unwrap();
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW));
    assert_eq!(number(&json(&update.stdout)["fetched_bytes"]), planned);
    assert_eq!(world.server.requests("").len(), 0);
}

#[test]
fn a_release_with_frames_for_its_images_comes_by_ranges_and_as_a_whole() {
    let world = World::of_both(&["--images", "frames"]).without("packs");
    let images = &world.plan()["images"];
    let all: usize = images.as_array().unwrap().iter().map(|one| number(&one["fetch_bytes"])).sum();
    let (fetched, _) = updates_of_frames(&world);
    assert!(4 * fetched < all, "{fetched} of {all}");
    let world = World::of_both(&["--images", "frames"]).without("packs");
    world.server.fault("frames.index", usize::MAX, Fault::Status(404));
    let (fetched, update) = updates_of_frames(&world);
    assert_eq!(fetched, all, "{}", update.stderr);
    let whole = world.server.requests("root.frames");
    assert!(whole.len() == 1 && whole[0].range.is_none(), "{whole:?}");
}

/// As [`updates`], of a release whose images are frames.
fn updates_of_frames(world: &World) -> (usize, Finished) {
    let update = world.updog(&["--json", "update-image"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW));
    assert_eq!(world.updog(&["update-apply"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
    (number(&json(&update.stdout)["fetched_bytes"]), update)
}

#[test]
fn a_fresh_host_takes_a_release_with_frames_for_its_images() {
    // What runs has nothing in common with it.
    for name in ["frames.index", "nothing"] {
        let world = World::unpublished();
        world.publish(NEW, &["--images", "frames"]);
        for part in Part::ALL {
            world.change(SetId::A, part, |bytes| bytes.fill(0x5A));
        }
        world.server.fault(name, usize::MAX, Fault::Status(404));
        let (fetched, update) = updates_of_frames(&world);
        assert!(fetched > 4_000_000, "{fetched}: {}", update.stderr);
        assert!(world.server.bytes(".frames.zst") > 4_000_000);
    }
}

//! `verity format` and `verity verify` beside `veritysetup`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;

use world::{World, tool};

const SALT: &str = "00ff11";
const UUID: &str = "12345678-1234-4234-8234-123456781234";

fn world(blocks: usize) -> World {
    let world = World::new();
    let data: Vec<u8> = (0..blocks * 512).flat_map(|word| word.to_le_bytes()).collect();
    fs::write(world.path("data"), data).unwrap();
    world
}

#[test]
fn trees_are_those_of_veritysetup() {
    for blocks in [1, 2, 127, 128, 129, 700] {
        let world = world(blocks);
        let root =
            world.done(&["verity", "format", "data", "ours", "--salt", SALT, "--uuid", UUID]);
        let [data, ours, theirs] = ["data", "ours", "theirs"].map(|name| world.path(name));
        let said = tool(
            "veritysetup",
            "cryptsetup-bin",
            &[
                "format",
                data.to_str().unwrap(),
                theirs.to_str().unwrap(),
                "--salt",
                SALT,
                "--uuid",
                UUID,
            ],
        );
        assert!(said.contains(root.trim()), "{blocks} blocks: {said}");
        assert!(fs::read(ours).unwrap() == fs::read(theirs).unwrap(), "{blocks} blocks");
        world.done(&["verity", "verify", "data", "theirs", root.trim()]);
    }
}

#[test]
fn without_salt_the_tree_is_the_same_every_time() {
    let world = world(3);
    let run = |arguments: &[&str]| {
        world.done(&[&["verity", "format", "data", "hash"], arguments].concat())
    };
    assert_eq!(run(&[]), run(&["--product-line", "default"]));
    assert_ne!(run(&[]), run(&["--product-line", "other"]));
    assert_ne!(run(&[]), run(&["--salt", "-"]));
}

#[test]
fn damage_is_an_error_that_names_the_block() {
    let world = world(300);
    let root = world.done(&["verity", "format", "data", "hash"]);
    let mut data = fs::read(world.path("data")).unwrap();
    data[4096 * 137 + 5] ^= 1;
    fs::write(world.path("data"), data).unwrap();
    let said = world.fails(1, &["verity", "verify", "data", "hash", root.trim()]);
    assert!(said.contains("data block 137 (at byte 561152) is wrong"), "{said}");
    world.fails(1, &["verity", "verify", "data", "hash", &"0".repeat(64)]);
    world.fails(1, &["verity", "verify", "data", "data", root.trim()]);
    let wrong = world.run(&["verity", "verify", "data", "hash", "123"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn data_that_ends_inside_a_block_is_refused_and_nothing_is_written() {
    let world = World::new();
    for (size, wanted) in [(0, "the data is empty"), (5000, "904 more than a multiple of 4096")] {
        fs::write(world.path("data"), vec![0; size]).unwrap();
        let said = world.fails(4, &["verity", "format", "data", "hash"]);
        assert!(said.contains(wanted), "{said}");
        assert!(!world.path("hash").exists());
    }
}

//! Slow retrieval: servers that send so little that an update would never come to its end.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use e2e::hostile::Fault;
use e2e::world::{NEW, OLD, World};
use gptprio::{Priority, SetId, Tries};

/// Ten bytes a second, of which none comes late enough to count as silence.
const DRIP: Fault = Fault::Drip(Duration::from_millis(100));

/// Does something on a host that takes the first failure for an answer, and soon.
fn impatient<T>(world: &World, what: impl FnOnce(&World) -> T) -> T {
    let config = fs::read(world.path("updog.toml")).unwrap();
    world.try_again(0);
    world.wait_for(4);
    let done = what(world);
    fs::write(world.path("updog.toml"), config).unwrap();
    done
}

/// The files of the metadata store.
fn store(world: &World) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(world.path("cache")).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// The update fails for now, with a message, and the host goes on with what it runs.
fn fails(world: &World) -> String {
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 75, "{}", update.stderr);
    assert_eq!(world.next(), Some(SetId::A));
    assert!(world.holds(SetId::A, OLD));
    update.stderr
}

/// Set B cannot boot, and nothing says that it holds anything.
fn is_cleared(world: &World) {
    let bits = world.sets().bits(SetId::B).unwrap();
    assert_eq!((bits.priority, bits.tries, bits.successful), (Priority::ZERO, Tries::ZERO, false));
    assert!(!world.holds(SetId::B, NEW));
    assert!(!world.path("state/staged.json").exists());
}

#[test]
fn slow_retrieval_of_an_image_ends_and_its_set_cannot_boot() {
    let world = World::of_images();
    world.server.fault("root.img", 1, DRIP);
    let error = impatient(&world, fails);
    assert!(
        error.contains("root.img.lz4 is too slow") && error.contains("1024 a second"),
        "{error}"
    );
    assert_eq!(world.server.requests("root.img").len(), 1);
    is_cleared(&world);
    assert_eq!(world.updog(&["update"]).code, 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn slow_retrieval_of_metadata_ends_and_the_store_stays_as_it_was() {
    let world = World::of_images();
    assert_eq!(world.updog(&["check-update"]).code, 0);
    let before = store(&world);
    world.server.fault("timestamp.json", 1, DRIP);
    let error = impatient(&world, fails);
    assert!(error.contains("timestamp.json is too slow"), "{error}");
    assert_eq!(store(&world), before);
}

#[test]
fn slow_retrieval_of_a_byte_a_connection_is_no_progress() {
    let world = World::of_images();
    world.server.fault("root.img", 20, Fault::CutAfter(1));
    fails(&world);
    assert_eq!(world.server.requests("root.img").len(), 3, "once, and two retries");
    is_cleared(&world);
}

#[test]
fn a_slow_link_that_keeps_up_with_the_configuration_is_waited_for() {
    let world = World::of_images();
    world.configure("minimum_bytes_per_second = 0");
    world.server.fault("timestamp.json", 1, Fault::Drip(Duration::from_millis(2)));
    assert_eq!(world.updog(&["check-update"]).code, 0);
    assert_eq!(world.server.requests("timestamp.json").len(), 1);
}

//! Updates that are interrupted again and again, on both ways: what was fetched once is not fetched again, but for what was under way.
//!
//! An interruption costs what a run has fetched and not written: four requests of 1 MiB that are under way or wait their turn, 1 MiB between
//! the network and whoever takes it, and the piece or frame that is not whole yet. A run that is killed loses 6 MiB in the writer's buffers, too,
//! and with them what else belongs to the first piece of which they hold a part.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::{Child, Stdio};
use std::thread;

use e2e::hostile::{Budget, Fault};
use e2e::programs;
use e2e::world::{NEW, OLD, Part, World, text};
use gptprio::{SetId, Tries};
use serde_json::Value;

/// Most bytes that one request asks for.
const MOST: usize = 1 << 20;

/// Four requests, and what lies between the network and whoever takes it.
const UNDER_WAY: usize = 4 * MOST + (1 << 20);

/// What a killed run had not written yet.
const BUFFERS: usize = 6 << 20;

/// The longest piece of a pack as it travels.
const PIECE: usize = (8 << 20) + (64 << 10);

/// The longest frame as it travels.
const FRAME: usize = 130 << 10;

/// How a run ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The connections are cut until it gives up.
    Cut,
    /// It is killed when they are.
    Kill,
}

/// A way to the release, by its source.
struct Way {
    /// In the names of its targets.
    targets: &'static str,
    /// Fetched before anything else, by every run that is not told: the head or the index.
    found_out: usize,
    /// What is fetched as one.
    unit: usize,
}

/// Numbers that look random and are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn within(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// What is still to be fetched.
fn left(world: &World) -> usize {
    number(&world.plan()["fetch_bytes"])
}

/// Runs an update until `budget` bytes of targets were sent; says whether it came to its end nevertheless.
fn run(world: &World, end: End, bytes: usize) -> bool {
    let budget = Budget::new(bytes);
    for targets in [".pack", "frames", ".img"] {
        world.server.fault(targets, usize::MAX, Fault::CutInTotal(budget.clone()));
    }
    let mut command = programs::command("updog");
    command.args(world.updog_arguments(SetId::A, &["update-image"]));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_done = match end {
        End::Cut => child.wait().unwrap().success(),
        End::Kill => killed(&mut child, &budget),
    };
    world.server.forgive();
    is_done
}

fn killed(child: &mut Child, budget: &Budget) -> bool {
    while budget.left() > 0 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap().success()
}

/// Nothing that is half there can boot.
fn is_safe(world: &World) {
    let bits = world.sets().b.unwrap();
    assert_eq!((bits.tries, bits.successful), (Tries::ZERO, false));
    assert_eq!(world.next(), Some(SetId::A));
    assert_ne!(world.updog(&["update-apply"]).code, 0, "nothing was staged");
}

/// Interrupts updates until one comes to its end; no interruption costs more than `waste`.
fn comes_through(world: &World, way: &Way, end: End, seed: u64) {
    let config = std::fs::read_to_string(world.path("updog.toml")).unwrap();
    std::fs::write(world.path("updog.toml"), config.replace("retries = 2", "retries = 0")).unwrap();
    let waste = UNDER_WAY + way.unit + if end == End::Kill { BUFFERS + way.unit } else { 0 };
    can_boot_the_older_from_both(world);
    let (planned, mut seeded) = (left(world), Seeded(seed));
    let (mut before, mut sent, mut interruptions) = (planned, 0, 0);
    loop {
        let started = world.server.bytes(way.targets);
        // Enough to begin with: then the set has been cleared.
        let more = (64 << 10) + seeded.within(waste + waste / 4);
        // Two runs never are enough, however much of what reached them they keep.
        let most = if interruptions < 2 { planned / 3 } else { usize::MAX };
        let bytes = way.found_out + more.min(most);
        let is_done = run(world, end, bytes);
        let fetched = world.server.bytes(way.targets) - started;
        sent += fetched;
        if is_done {
            break;
        }
        is_safe(world);
        interruptions += 1;
        assert!(interruptions < 40, "it comes no further");
        let after = left(world);
        let wasted = (fetched + after).saturating_sub(before);
        assert!(wasted <= way.found_out + waste, "{wasted} of {fetched} fetched for nothing");
        before = after;
    }
    assert!(interruptions > 1, "{interruptions}: {sent} of {planned}");
    let ranges = world.server.requests(way.targets).into_iter().filter_map(|one| one.range);
    let longest = ranges.map(|range| range.last.unwrap() - range.first + 1).max();
    assert!(longest.is_some_and(|bytes| bytes <= MOST), "{longest:?}");
    assert!(sent <= planned + interruptions * (way.found_out + waste), "{sent} of {planned}");
    assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD));
    assert_eq!(world.server.bytes(".img"), 0);
    assert_eq!(world.next(), Some(SetId::A), "written is not activated");
    assert_eq!(world.updog(&["update-apply"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
}

/// Set B holds what set A does, and is where a host would go if it were told to.
fn can_boot_the_older_from_both(world: &World) {
    for part in Part::ALL {
        let image = world.image(OLD, part);
        world.change(SetId::B, part, |bytes| bytes[..image.len()].copy_from_slice(&image));
    }
    let disk = world.disk();
    let arguments = ["--disk", text(&disk), "--active", "A", "mark-inactive-valid"];
    programs::must("signpost", &arguments);
    assert!(world.holds(SetId::B, OLD));
    assert!(world.sets().b.unwrap().tries > Tries::ZERO);
}

/// The way of a world, of which a dry run has told.
fn way(world: &World, targets: &'static str, unit: usize) -> Way {
    world.plan();
    let found_out = world.server.bytes(targets);
    assert!((1..1 << 20).contains(&found_out), "{found_out}");
    Way { targets, found_out, unit }
}

#[test]
fn a_pack_whose_connections_are_cut_is_gone_on_with() {
    let world = World::much_changed();
    let way = way(&world, ".pack", PIECE);
    comes_through(&world, &way, End::Cut, 1);
}

#[test]
fn frames_whose_connections_are_cut_are_gone_on_with() {
    let world = World::much_changed().without("packs");
    let way = way(&world, "frames", FRAME);
    comes_through(&world, &way, End::Cut, 2);
}

#[test]
fn an_update_by_a_pack_that_is_killed_again_and_again_comes_to_its_end() {
    let world = World::much_changed();
    let way = way(&world, ".pack", PIECE);
    comes_through(&world, &way, End::Kill, 3);
}

#[test]
fn an_update_by_frames_that_is_killed_again_and_again_comes_to_its_end() {
    let world = World::much_changed().without("packs");
    let way = way(&world, "frames", FRAME);
    comes_through(&world, &way, End::Kill, 4);
}

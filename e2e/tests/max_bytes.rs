//! The most that an update may fetch: what would take more is refused, and the server's record says that it was not fetched.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use e2e::hostile::Fault;
use e2e::programs::Finished;
use e2e::world::{NEW, OLD, Part, World, noise, text, write};
use gptprio::SetId;
use serde_json::Value;

/// What the kernels of both sides may hold of an answer that nobody reads.
const UNREAD: usize = 8 << 20;

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// A world whose newer release has frames and no pack.
fn framed() -> World {
    World::of_both(&[]).without("packs")
}

/// Bytes of targets that were sent, without the manifest.
fn sent(world: &World) -> usize {
    world.server.bytes("targets/") - world.server.bytes("manifest.json")
}

fn with_limit(world: &World, limit: usize) -> Finished {
    world.updog(&["--json", "update", "--max-bytes", &limit.to_string()])
}

/// It was refused, and the host has done nothing.
fn is_refused(world: &World, update: &Finished, before: &[u8]) {
    assert_eq!(update.code, 4, "{}", update.stderr);
    assert!(update.stderr.contains("would have to be fetched, and no more than "));
    assert!(update.stderr.contains("raise --max-bytes, or max_bytes in the configuration"));
    assert!(before == fs::read(world.disk()).unwrap(), "the disk was not touched");
}

#[test]
fn more_than_may_be_fetched_is_refused_before_anything_is_written() {
    for (what, world) in [("pack", World::of_both(&[])), ("frames", framed())] {
        let planned = number(&world.plan()["fetch_bytes"]);
        let before = fs::read(world.disk()).unwrap();
        world.server.behave();
        is_refused(&world, &with_limit(&world, planned - 1), &before);
        assert!(sent(&world) < planned / 10, "{what}: the head, or the index");
        let arguments = ["update", "--dry-run", "--max-bytes", &(planned - 1).to_string()];
        is_refused(&world, &world.updog(&arguments), &before);
        world.server.behave();
        let update = with_limit(&world, planned);
        assert_eq!(update.code, 0, "{what}: {}", update.stderr);
        assert_eq!(sent(&world), planned, "{what}");
        assert!(world.holds(SetId::B, NEW), "{what}");
        assert_eq!(world.next(), Some(SetId::B), "{what}");
    }
}

#[test]
fn the_figures_are_told() {
    let world = framed();
    let planned = number(&world.plan()["fetch_bytes"]);
    let update = with_limit(&world, 512 << 10);
    let planned = cli::ByteCount(u64::try_from(planned).unwrap());
    let told = format!("{planned} would have to be fetched, and no more than 512.0 KiB may be");
    assert!(update.stderr.contains(&told), "{told}: {}", update.stderr);
}

#[test]
fn a_set_that_could_boot_still_can_when_an_update_is_refused() {
    let world = framed();
    assert_eq!(world.updog(&["update-image"]).code, 0);
    let (bits, block) = (world.sets(), world.image(NEW, Part::Root).len() / 4096 / 2);
    assert!(bits.b.unwrap().tries > gptprio::Tries::ZERO);
    world.damage(SetId::B, Part::Root, block);
    world.forget();
    let before = fs::read(world.disk()).unwrap();
    is_refused(&world, &with_limit(&world, 1), &before);
    assert_eq!(world.sets(), bits);
}

#[test]
fn the_configuration_has_a_limit_and_the_command_line_another() {
    let world = framed();
    let planned = number(&world.plan()["fetch_bytes"]);
    let before = fs::read(world.disk()).unwrap();
    world.configure(&format!("[limits]\nmax_bytes = {}", planned - 1));
    is_refused(&world, &world.updog(&["update"]), &before);
    assert_eq!(with_limit(&world, planned).code, 0, "goes before the configuration");
    assert!(world.holds(SetId::B, NEW));
    let world = framed();
    world.configure(&format!("[limits]\nmax_bytes = {planned}"));
    assert_eq!(world.updog(&["update"]).code, 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn a_server_without_ranges_does_not_send_more_than_may_be_fetched() {
    let world = World::much_changed().without("packs");
    let planned = number(&world.plan()["fetch_bytes"]);
    world.server.behave();
    world.server.fault(".frames.zst", usize::MAX, Fault::IgnoreRange);
    let before = fs::read(world.disk()).unwrap();
    is_refused(&world, &with_limit(&world, planned), &before);
    let asked = world.server.requests(".frames.zst");
    assert!(asked.iter().all(|request| request.range.is_some()), "no whole target: {asked:?}");
    assert!(asked.len() <= 4 && asked.iter().all(|request| request.sent <= UNREAD), "{asked:?}");
    assert_eq!(world.server.requests(".img").len(), 0);
    assert!(!world.sets().b.unwrap().is_bootable());
    assert_eq!(world.next(), Some(SetId::A));
}

#[test]
fn what_was_fetched_for_nothing_counts() {
    let world = World::of_both(&[]);
    let planned = number(&world.plan()["fetch_bytes"]);
    let mut pack = fs::read(world.published(".pack")).unwrap();
    *pack.last_mut().unwrap() ^= 1;
    world.server.behave();
    world.server.fault(".pack", usize::MAX, Fault::Replace(pack));
    let update = with_limit(&world, planned);
    assert_eq!(update.code, 4, "{}", update.stderr);
    assert_eq!((sent(&world), world.server.requests("frames").len()), (planned, 0));
    assert!(!world.sets().b.unwrap().is_bootable());
    assert_eq!(world.next(), Some(SetId::A));
    let (before, most) = (sent(&world), 3 * planned);
    let update = with_limit(&world, most);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(sent(&world) - before <= most && world.server.bytes("frames") > 0);
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn what_finding_a_way_took_is_planned_for() {
    let world = World::of_both(&[]);
    let mut pack = fs::read(world.published(".pack")).unwrap();
    pack[20] ^= 1;
    let before = fs::read(world.disk()).unwrap();
    world.server.fault(".pack", usize::MAX, Fault::Replace(pack));
    let plan = world.plan();
    let (planned, head) = (number(&plan["fetch_bytes"]), world.server.bytes(".pack"));
    assert_eq!(plan["forecast"]["source"], "frames");
    is_refused(&world, &with_limit(&world, planned - 1), &before);
    let sent_before = sent(&world);
    let update = with_limit(&world, planned);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert_eq!(sent(&world) - sent_before, planned, "with the head of {head} bytes");
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn migrations_count() {
    let world = World::unpublished();
    let folder = world.path("migrations-of");
    fs::create_dir_all(&folder).unwrap();
    write(&folder.join("migrate_v1.1.0_first"), noise("migrate", 50_000));
    let listing =
        format!("[[migrations]]\nfrom = '{OLD}'\nto = '{NEW}'\nfiles = ['migrate_v1.1.0_first']\n");
    write(&folder.join("migrations.toml"), listing);
    world.publish(NEW, &["--migrations", text(&folder)]);
    let length =
        usize::try_from(fs::metadata(world.published("migrate_v1.1.0_first.lz4")).unwrap().len());
    let length = length.unwrap();
    let prepare = |limit: usize| world.updog(&["prepare", "--max-bytes", &limit.to_string()]);
    let before = fs::read(world.disk()).unwrap();
    is_refused(&world, &prepare(length - 1), &before);
    assert_eq!(sent(&world), 0);
    assert_eq!(prepare(length).code, 0);
    assert_eq!(sent(&world), length);
    let planned = number(&world.plan()["fetch_bytes"]);
    is_refused(&world, &with_limit(&world, planned - 1), &before);
    world.server.behave();
    assert_eq!(with_limit(&world, planned).code, 0);
    assert!((planned - length..=planned).contains(&sent(&world)), "it may be kept already");
    assert!(world.holds(SetId::B, NEW));
}

#[test]
fn images_are_refused_where_there_is_nothing_else() {
    let world = framed().without("frames");
    let plan = world.plan();
    let planned = number(&plan["fetch_bytes"]);
    assert_eq!(plan["forecast"]["source"], "images");
    let before = fs::read(world.disk()).unwrap();
    is_refused(&world, &with_limit(&world, planned - 1), &before);
    assert_eq!(sent(&world), 0);
    assert_eq!(with_limit(&world, planned).code, 0);
    assert!(world.holds(SetId::B, NEW));
}

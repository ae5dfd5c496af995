//! The main job, and what a user expects of its second run.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use e2e::world::{NEW, OLD, World};
use gptprio::SetId;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_host_is_updated_and_goes_back() {
    let world = World::new();
    let check = world.updog(&["check-update", "-j"]);
    assert_eq!((check.code, json(&check.stdout)["version"].as_str()), (0, Some(NEW)));

    let image = world.updog(&["update-image"]);
    assert_eq!(image.code, 0, "{}", image.stderr);
    assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD));
    assert_eq!(world.next(), Some(SetId::A), "written is not activated");

    let apply = world.updog(&["update-apply"]);
    assert_eq!(apply.code, 0, "{}", apply.stderr);
    assert_eq!(world.next(), Some(SetId::B));

    let revert = world.updog(&["update-revert"]);
    assert_eq!(revert.code, 0, "{}", revert.stderr);
    assert_eq!(world.next(), Some(SetId::A));
    assert_eq!(world.updog(&["update-apply"]).code, 0, "a reverted update can be applied again");
    assert_eq!(world.next(), Some(SetId::B));
}

#[test]
fn update_is_one_step_and_so_is_going_back_from_the_new_set() {
    let world = World::new();
    assert_eq!(world.updog(&["update"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
    // As after the restart into the new set.
    world.os_release("small", NEW);
    let run = |arguments: &[&str]| {
        e2e::programs::run("updog", &world.updog_arguments(SetId::B, arguments))
    };
    assert_eq!(run(&["check-update"]).code, 3, "it runs the newest version");
    assert_eq!(run(&["rollback"]).code, 0);
    assert_eq!(world.next(), Some(SetId::A));
    assert_eq!(run(&["rollback"]).code, 3);
    assert!(world.holds(SetId::A, OLD) && world.holds(SetId::B, NEW));
}

#[test]
fn a_second_run_finds_its_work_done_and_fetches_no_image() {
    let world = World::new();
    assert_eq!(world.updog(&["update-image"]).code, 0);
    world.server.behave();
    let again = world.updog(&["update-image"]);
    assert_eq!(again.code, 3, "{}{}", again.stdout, again.stderr);
    assert_eq!(world.server.requests("root.img").len(), 0);
    assert_eq!(world.updog(&["update-apply"]).code, 0);
    assert_eq!(world.updog(&["update-apply"]).code, 3);
    assert_eq!(world.updog(&["update"]).code, 3, "it is applied already");
    assert_eq!(world.next(), Some(SetId::B));
    assert_eq!(world.updog(&["update-revert"]).code, 0);
    assert_eq!(world.updog(&["update-revert"]).code, 3);
}

#[test]
fn dry_runs_change_nothing_and_say_how_much_would_travel() {
    let world = World::new();
    let before = fs::read(world.disk()).unwrap();
    for command in ["prepare", "update-image", "update"] {
        let run = world.updog(&["--json", command, "--dry-run"]);
        assert_eq!(run.code, 0, "{command}: {}", run.stderr);
        let plan = json(&run.stdout);
        assert_eq!(plan["version"], NEW, "{command}");
        assert!(plan["fetch_bytes"].as_u64().unwrap() > 1_000_000, "{command}: {plan}");
        assert!(plan["write_bytes"].as_u64().unwrap() > 4_000_000, "{command}: {plan}");
    }
    assert_eq!(world.server.requests("root.img").len(), 0);
    assert_eq!(world.updog(&["update-image"]).code, 0);
    let staged = fs::read(world.disk()).unwrap();
    assert_ne!(before, staged);
    assert_eq!(world.updog(&["update-apply", "--dry-run"]).code, 0);
    assert_eq!(fs::read(world.disk()).unwrap(), staged);
}

#[test]
fn status_and_going_back_need_no_network() {
    let world = World::new();
    assert_eq!(world.updog(&["update"]).code, 0);
    world.server.behave();
    let status = world.updog(&["--json", "status"]);
    let status = json(&status.stdout);
    assert_eq!(status["active"], "A");
    assert_eq!(status["next"]["set"], "B");
    assert_eq!(status["staged"]["version"], NEW);
    assert_eq!(world.updog(&["status"]).code, 0);
    assert_eq!(world.updog(&["update-revert"]).code, 0);
    assert_eq!(world.server.requests("").len(), 0);
}

#[test]
fn the_active_set_is_labelled_as_it_is() {
    let world = World::new();
    let arguments = world.updog_arguments(SetId::B, &["--json", "status"]);
    let status = json(&e2e::programs::run("updog", &arguments).stdout);
    assert_eq!(status["active"], "B");
}

#[test]
fn requests_carry_the_fleets_metrics() {
    for (world, target) in [(World::new(), "root.frames"), (World::of_images(), "root.img")] {
        assert_eq!(world.updog(&["update-image"]).code, 0);
        let first = &world.server.requests("timestamp.json")[0];
        assert!(
            first.query.contains("version=1.0.0") && first.query.contains("seed=7"),
            "{first:?}"
        );
        assert!(!first.query.contains("target="), "nothing was chosen yet: {first:?}");
        let asked = world.server.requests(target);
        assert!(!asked.is_empty(), "{target}");
        for request in asked {
            assert!(request.query.contains("target=1.1.0"), "{request:?}");
            assert!(request.agent.starts_with("updog/"), "{request:?}");
        }
    }
}

#[test]
fn a_forced_version_is_an_exact_match() {
    let world = World::new();
    assert_eq!(world.updog(&["update-image", "-i", "v9.9.9"]).code, 4);
    assert_eq!(world.updog(&["update-image", "-i", NEW]).code, 0);
}

#[test]
fn a_host_whose_wave_has_not_come_waits_unless_told() {
    let world = World::unpublished();
    let waves = world.path("waves.toml");
    e2e::world::write(
        &waves,
        "ends_after = '2 hours'\n[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 100\n",
    );
    world.publish(NEW, &["--waves", e2e::world::text(&waves)]);
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 3, "{}", check.stderr);
    assert!(check.stdout.contains("seed 7"), "{}", check.stdout);
    assert_eq!(world.updog(&["check-update", "--ignore-waves"]).code, 0);
    assert_eq!(world.updog(&["update-image"]).code, 3);
    assert_eq!(world.updog(&["update-image", "-n"]).code, 0);
}

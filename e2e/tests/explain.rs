//! Why a host is not offered a release, asked of the repository and without it.

#![allow(clippy::unwrap_used)]

use std::fs;

use e2e::world::{NEW, World};
use serde_json::Value;

fn explained(world: &World, arguments: &[&str]) -> Value {
    let run = world.updog(&[&["--json", "explain"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_host_says_which_wave_it_waits_for() {
    let world = World::unpublished();
    let waves = world.path("waves.toml");
    fs::write(&waves, "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 100\n").unwrap();
    let start = ["--start", "2126-01-01T00:00:00Z"];
    world.publish(NEW, &[&["--waves", waves.to_str().unwrap()], &start[..]].concat());
    let told = explained(&world, &[NEW]);
    assert_eq!((&told["seed"], &told["origin"]), (&Value::from(7), &Value::from("repository")));
    let release = &told["releases"][0];
    assert_eq!(
        (&release["verdict"], &release["waiting"]),
        (&Value::from("not_yet"), &Value::from(true))
    );
    assert_eq!(release["ready_at"], told["next_change"]);
    assert_eq!(release["ready_at"], "2126-01-01T01:00:00Z");
    let text = world.updog(&["explain"]).stdout;
    assert!(text.contains("on 2126-01-01 01:00:00 UTC its wave comes"), "{text}");
    assert!(text.contains("`updog update --now` takes it at once"), "{text}");
    let absent = world.updog(&["explain", "7.0.0"]);
    assert_eq!(absent.code, 4, "{}", absent.stderr);
}

#[test]
fn what_was_kept_answers_where_the_repository_does_not() {
    let world = World::new();
    assert_eq!(world.updog(&["explain", "--offline"]).code, 4, "nothing is kept yet");
    assert_eq!(world.updog(&["prepare"]).code, 0);
    world.server.behave();
    let told = explained(&world, &["--offline"]);
    assert_eq!(
        (&told["origin"], &told["releases"][0]["verdict"]),
        (&"kept".into(), &"chosen".into())
    );
    assert!(told["signed"].is_string(), "{told}");
    assert_eq!(world.server.requests("").len(), 0);
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let address = world.server.url("");
    let gone =
        config.replace(&address, "http://127.0.0.1:1/").replace("retries = 2", "retries = 0");
    fs::write(world.path("updog.toml"), gone).unwrap();
    let run = world.updog(&["explain", NEW]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("kept for the next boot, without the repository"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("warning:"), "{}", run.stderr);
}

//! What is seen of a host: the programs, on a disk image, as whoever watches would run them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use e2e::programs;
use e2e::world::{NEW, OLD, World, text};
use gptprio::SetId;

/// The metrics that the host prints.
fn metrics(world: &World) -> String {
    let seen = world.updog(&["metrics"]);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    seen.stdout
}

/// Every one of these lines is there.
fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|one| one == *line), "{line} is missing in\n{text}");
    }
}

/// Runs a command of the host, which must do its work.
fn does(world: &World, command: &str) {
    let done = world.updog(&[command]);
    assert_eq!(done.code, 0, "{command}: {}", done.stderr);
}

#[test]
fn an_update_is_seen_step_by_step() {
    let world = World::of_images();
    let before = metrics(&world);
    has(
        &before,
        &[
            "updog_info{version=\"1.0.0\",variant=\"small\",set=\"A\"} 1",
            "updog_state{state=\"idle\"} 1",
            "updog_set_next{set=\"A\"} 1",
            "updog_restart_waiting 0",
            "updog_failed_versions 0",
        ],
    );
    assert!(!before.contains("updog_metadata_expires") && !before.contains("_check_"), "{before}");
    does(&world, "update-image");
    let staged = metrics(&world);
    has(&staged, &["updog_state{state=\"staged\"} 1", "updog_pinned_info{version=\"1.1.0\"} 1"]);
    for role in ["root", "timestamp", "snapshot", "targets"] {
        let name = format!("updog_metadata_expires_timestamp_seconds{{role=\"{role}\"}} ");
        assert!(staged.contains(&name), "{staged}");
    }
    does(&world, "update-apply");
    let ready = metrics(&world);
    has(
        &ready,
        &[
            "updog_state{state=\"ready\"} 1",
            "updog_set_info{set=\"B\",version=\"1.1.0\"} 1",
            "updog_set_next{set=\"B\"} 1",
            "updog_restart_waiting 1",
            "updog_attempts{outcome=\"waiting\"} 1",
        ],
    );
    assert!(ready.contains("\nupdog_restart_waiting_since_timestamp_seconds "), "{ready}");
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_too() {
    let world = World::unpublished();
    fs::create_dir_all(world.path("state")).unwrap();
    fs::write(world.path("state/boots.json"), "{").unwrap();
    fs::write(world.disk(), [0; 512]).unwrap();
    let seen = world.updog(&["metrics"]);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    has(
        &seen.stdout,
        &[
            "updog_info{version=\"1.0.0\",variant=\"small\"} 1",
            "updog_unreadable{source=\"disk\"} 1",
            "updog_unreadable{source=\"ledger\"} 1",
            "updog_unreadable{source=\"host\"} 0",
        ],
    );
    assert!(!seen.stdout.contains("updog_state") && !seen.stdout.contains("updog_attempts"));
    assert!(seen.stderr.contains("boots.json"), "{}", seen.stderr);
}

#[test]
fn who_watches_does_not_hold_up_who_updates() {
    let world = World::of_images();
    does(&world, "check-update");
    let lock = fs::File::open(world.path("cache")).unwrap();
    lock.lock().unwrap();
    assert!(metrics(&world).contains("updog_metadata_expires_timestamp_seconds{role=\"root\"}"));
}

#[test]
fn a_socket_is_answered_once() {
    let world = World::unpublished();
    let (mut client, server) = UnixStream::pair().unwrap();
    let output = OwnedFd::from(server.try_clone().unwrap());
    let mut updog = programs::command("updog");
    updog.args(world.updog_arguments(SetId::A, &["metrics", "--http"]));
    let mut child = updog.stdin(OwnedFd::from(server)).stdout(output).spawn().unwrap();
    // It has the other ends of the connection, and nobody else.
    drop(updog);
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    assert!(child.wait().unwrap().success());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    has(body, &["updog_state{state=\"idle\"} 1"]);
}

#[test]
fn node_exporter_finds_a_file_where_it_has_a_folder() {
    let world = World::unpublished();
    let folder = world.path("textfile");
    let write = || world.updog(&["metrics", "--textfile", text(&folder)]);
    let nothing = write();
    assert_eq!((nothing.code, folder.exists()), (0, false), "{}", nothing.stderr);
    fs::create_dir(&folder).unwrap();
    assert_eq!(write().code, 0);
    let file = folder.join("updog.prom");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(&world));
}

#[test]
fn the_past_is_told_with_where_it_led_from() {
    let world = World::of_images();
    let health = "[health]\nwatchdog = 'none'\nchecks_dirs = []\npstore_dirs = []\n";
    world.configure(health);
    for command in ["health", "update-image", "update-apply"] {
        does(&world, command);
    }
    let told = world.updog(&["--json", "history", "--last", "1"]);
    let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let history = json["history"].as_array().unwrap();
    assert_eq!(history.len(), 1, "{json}");
    let last = &history[0];
    assert_eq!((last["from"].as_str(), last["version"].as_str()), (Some(OLD), Some(NEW)), "{last}");
    assert_eq!(last["outcome"], "waiting");
    let told = world.updog(&["history"]).stdout;
    assert!(
        told.contains(" 1.0.0 -> 1.1.0\n") && told.contains("waits for its first start"),
        "{told}"
    );
}

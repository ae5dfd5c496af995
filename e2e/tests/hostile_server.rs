//! Servers that break off, fall silent, lie about ranges, or are not there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use e2e::hostile::Fault;
use e2e::world::{NEW, OLD, Part, World};
use gptprio::SetId;

fn updates(world: &World) {
    let update = world.updog(&["update"]);
    assert_eq!(update.code, 0, "{}", update.stderr);
    assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD));
    assert_eq!(world.next(), Some(SetId::B));
}

fn fails(world: &World, code: i32) -> String {
    let update = world.updog(&["update"]);
    assert_eq!(update.code, code, "{}", update.stderr);
    assert_eq!(world.next(), Some(SetId::A));
    assert!(world.holds(SetId::A, OLD));
    update.stderr
}

#[test]
fn a_body_that_breaks_off_is_resumed_where_it_ended() {
    let world = World::of_images();
    world.server.fault("root.img", 2, Fault::CutAfter(700_000));
    updates(&world);
    let offsets: Vec<_> = world.server.requests("root.img").iter().map(|one| one.offset).collect();
    assert_eq!(offsets.len(), 3, "{offsets:?}");
    assert!(offsets[0] == 0 && offsets[1] > 0 && offsets[2] > offsets[1], "{offsets:?}");
}

#[test]
fn a_server_that_ignores_ranges_is_read_past_what_is_there() {
    let world = World::of_images();
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    world.server.fault("root.img", 1, Fault::IgnoreRange);
    updates(&world);
}

#[test]
fn a_server_that_sends_another_range_is_asked_again() {
    let world = World::of_images();
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    world.server.fault("root.img", 1, Fault::ShiftRange);
    updates(&world);
}

#[test]
fn a_server_that_never_sends_the_right_range_is_given_up() {
    let world = World::of_images();
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    world.server.fault("root.img", usize::MAX, Fault::ShiftRange);
    let error = fails(&world, 75);
    assert!(error.contains("range"), "{error}");
}

#[test]
fn a_range_of_a_file_of_another_length_is_not_taken() {
    let world = World::of_images();
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    world.server.fault("root.img", usize::MAX, Fault::WrongTotal);
    let error = fails(&world, 75);
    assert!(error.contains("was to come first"), "{error}");
}

#[test]
fn the_rest_is_asked_for_only_of_the_file_that_was_begun() {
    let world = World::of_images();
    world.server.tag("\"one\"");
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    updates(&world);
    let asked = world.server.requests("root.img");
    assert_eq!((asked[0].offset, asked[0].if_range.as_deref()), (0, None));
    assert_eq!(asked[1].if_range.as_deref(), Some("\"one\""));
    let world = World::of_images();
    world.server.tag("W/\"one\"");
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    updates(&world);
    assert_eq!(
        world.server.requests("root.img")[1].if_range,
        None,
        "a weak tag promises too little"
    );
}

#[test]
fn a_file_that_changes_on_the_way_is_noticed_at_once() {
    let world = World::of_images();
    world.server.tag("\"one\"");
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    world.server.fault("root.img", 1, Fault::Retag("\"two\"".to_owned()));
    updates(&world);
    assert_eq!(world.server.requests("root.img").len(), 2, "the same bytes under another tag");
    let world = World::of_images();
    let mut other = fs::read(world.target(Part::Root)).unwrap();
    other[1000] ^= 1;
    world.server.fault("root.img", 1, Fault::CutAfter(700_000));
    world.server.fault("root.img", 1, Fault::ReplaceAll(other));
    let error = fails(&world, 75);
    assert!(error.contains("changed while it was being fetched"), "{error}");
    assert_eq!(world.server.requests("root.img").len(), 2);
}

#[test]
fn a_passing_500_is_tried_again() {
    let world = World::of_images();
    world.server.fault("timestamp.json", 1, Fault::Status(503));
    world.server.fault("root.img", 2, Fault::Status(500));
    updates(&world);
}

#[test]
fn a_lasting_500_is_temporary() {
    let world = World::of_images();
    world.server.fault("root.img", usize::MAX, Fault::Status(500));
    let error = fails(&world, 75);
    assert!(error.contains("500"), "{error}");
    assert_eq!(world.server.requests("root.img").len(), 3, "once, and two retries");
}

#[test]
fn a_missing_target_is_a_failure_and_not_tried_again() {
    let world = World::of_images();
    fs::remove_file(world.target(Part::Root)).unwrap();
    let error = fails(&world, 1);
    assert!(error.contains("404"), "{error}");
    assert_eq!(world.server.requests("root.img").len(), 1);
}

#[test]
fn a_missing_timestamp_is_a_failure() {
    let world = World::of_images();
    world.server.fault("timestamp.json", usize::MAX, Fault::Status(404));
    let error = fails(&world, 1);
    assert!(error.contains("timestamp.json"), "{error}");
}

#[test]
fn silence_ends_after_the_idle_limit() {
    let world = World::of_images();
    world.wait_for(2);
    world.server.fault("root.img", usize::MAX, Fault::Silence);
    fails(&world, 75);
    world.server.behave();
    world.server.fault("root.img", 1, Fault::Silence);
    // One for that silence; the others if this machine itself stands still for so long.
    world.try_again(10);
    updates(&world);
}

#[test]
fn metadata_without_end_is_refused() {
    let world = World::of_images();
    world.server.fault("timestamp.json", usize::MAX, Fault::Extra(10 << 20));
    let error = fails(&world, 4);
    assert!(error.contains("timestamp.json"), "{error}");
}

#[test]
fn redirects_are_followed_a_few_times_and_never_round_in_circles() {
    let world = World::of_images();
    let path = world.target(Part::Root);
    let name = path.file_name().unwrap().to_str().unwrap();
    let here = world.server.url(&format!("targets/{name}"));
    world.server.fault("root.img", 1, Fault::Redirect(here.clone()));
    updates(&world);
    let world = World::of_images();
    let there = world.server.url("targets/x-root.img");
    world.server.fault("root.img", usize::MAX, Fault::Redirect(there));
    let error = fails(&world, 1);
    assert!(error.contains("redirect"), "{error}");
}

#[test]
fn a_redirect_to_another_host_over_plain_http_is_not_followed() {
    let world = World::of_images();
    let elsewhere = world.server.url("targets/").replace("127.0.0.1", "me:secret@localhost");
    world.server.fault("root.img", usize::MAX, Fault::Redirect(elsewhere));
    let error = fails(&world, 1);
    assert!(error.contains("a redirect leads to plain HTTP"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_temporary() {
    let world = World::of_images();
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let port = world.server.url("").split(':').nth(2).unwrap().trim_end_matches('/').to_owned();
    // Nothing listens on the discard port here.
    fs::write(world.path("updog.toml"), config.replace(&port, "9")).unwrap();
    let error = fails(&world, 75);
    assert!(error.contains("127.0.0.1:9"), "{error}");
}

#[test]
fn the_proxy_of_the_configuration_is_used_and_no_other() {
    let world = World::of_images();
    let proxy = world.server.url("");
    // The name exists only behind the proxy.
    let behind = |text: String| text.replace(&proxy, "http://updates.example/");
    let config = behind(fs::read_to_string(world.path("updog.toml")).unwrap());
    fs::write(world.path("updog.toml"), format!("{config}https_proxy = '{proxy}'\n")).unwrap();
    assert_eq!(world.updog(&["check-update"]).code, 0);
    assert!(world.server.requests("").iter().all(|request| request.proxied));
    world.server.behave();
    let exempt = format!("{config}https_proxy = '{proxy}'\nno_proxy = ['updates.example']\n");
    fs::write(world.path("updog.toml"), exempt).unwrap();
    assert_eq!(world.updog(&["check-update"]).code, 75, "the name is not to be had directly");
    assert!(world.server.requests("").is_empty());
}

//! Migrations that fail, in every way: nothing has changed, and the message has the name.

use std::fs;
use std::time::Duration;

use crate::world::{COUNTS, Scripts, World};

const NAME: &str = "migrate_v1.7.0_x";

/// A good migration, then this one: the message.
fn failed(script: &str) -> String {
    let mut world = world(script);
    let before = world.snapshot();
    let error = world.migrate("1.7.0").unwrap_err();
    let text = cli::chain(&error);
    assert!(text.contains(NAME), "{text}");
    assert_eq!(world.snapshot(), before, "{text}");
    assert_eq!(world.now(), ("v1.5.2".into(), String::new()));
    text
}

fn world(script: &str) -> World {
    let steps = Scripts::default().with("1.5.2", "1.6.0", COUNTS).with("1.6.0", "1.7.0", script);
    let mut world = World::at("1.5.2", steps);
    world.limits.time = Duration::from_secs(2);
    world
}

#[test]
fn one_that_fails_changes_nothing() {
    assert!(failed("exit 2").ends_with("exit status: 2"));
    assert!(failed(&format!("{COUNTS}\nexit 1")).ends_with("exit status: 1"));
    assert!(failed("kill -KILL $$").contains("signal: 9"));
}

#[test]
fn one_that_hangs_changes_nothing() {
    assert!(failed(&format!("{COUNTS}\nsleep 3600")).contains("did not end within 2 seconds"));
}

#[test]
fn one_that_leaves_no_store_changes_nothing() {
    assert!(failed("true").contains("left no whole data store"));
    assert!(failed("mkdir \"$5\"").contains("no live settings"));
    assert!(failed("cp -a \"$3\" \"$5\"; echo x > \"$5/live/new~\"").contains("new~"));
    assert!(failed("cp -a \"$3\" \"$5\"; : > \"$5/live/ran\"").contains("live/ran"));
    assert!(failed("cp -a \"$3\" \"$5\"; ln -s /etc \"$5/live/etc\"").contains("live/etc"));
    assert!(failed("cp -a \"$3\" \"$5\"; mkfifo \"$5/live/fifo\"").contains("fifo"));
    assert!(failed("ln -s \"$3\" \"$5\"").contains("left no whole data store"));
}

#[test]
fn one_that_spoils_what_it_reads_spoils_a_copy() {
    failed("rm -rf \"$3\"/*; exit 1");
    let mut world =
        world(&format!("{COUNTS}\necho spoilt > \"$3/live/ran\"\nrm -rf \"$3/live/settings\""));
    let before = fs::read(world.path("v1.5.2_0123456789abcdef/live/settings/host/name")).unwrap();
    world.migrate("1.7.0").unwrap();
    let after = fs::read(world.path("v1.5.2_0123456789abcdef/live/settings/host/name")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn one_that_reaches_for_the_store_that_counts_is_stopped() {
    let text = failed("echo x > \"$3/../../current/live/ran\"");
    assert!(text.contains("exit status"), "{text}");
    failed("rm -rf \"$3\"/../../v1.5.2_0123456789abcdef");
    failed("ln -sfn /etc \"$3/../../current\"");
}

#[test]
fn what_it_says_is_in_the_log_under_its_name() {
    let mut world = world(&format!("{COUNTS}\necho one; echo two >&2"));
    world.migrate("1.7.0").unwrap();
    assert_eq!(world.log, [format!("{NAME}: one"), format!("{NAME}: two")]);
}

//! Migrations that fail, in every way: nothing has changed, and the message has the name.

use std::fs;
use std::time::{Duration, Instant};

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
    World::at("1.5.2", steps)
}

/// One alone, which never ends.
fn hanging() -> World {
    World::at("1.6.0", Scripts::default().with("1.6.0", "1.7.0", &format!("{COUNTS}\nsleep 3600")))
}

#[test]
fn one_that_fails_changes_nothing() {
    assert!(failed("exit 2").ends_with("exit status: 2"));
    assert!(failed(&format!("{COUNTS}\nexit 1")).ends_with("exit status: 1"));
    assert!(failed("kill -KILL $$").contains("signal: 9"));
}

#[test]
fn one_that_hangs_changes_nothing() {
    let mut world = hanging();
    world.limits.time = Duration::from_secs(2);
    let before = world.snapshot();
    let text = cli::chain(&world.migrate("1.7.0").unwrap_err());
    assert!(text.contains(NAME) && text.contains("did not end within 2 seconds"), "{text}");
    assert_eq!(world.snapshot(), before, "{text}");
    assert_eq!(world.now(), ("v1.6.0".into(), String::new()));
}

#[test]
fn one_that_hangs_after_a_good_one_changes_nothing_either() {
    // A machine that is busy gives the good one more time.
    let named = [2, 20, 200].into_iter().any(|seconds| {
        let mut world = world(&format!("{COUNTS}\nsleep 3600"));
        world.limits.time = Duration::from_secs(seconds);
        let before = world.snapshot();
        let text = cli::chain(&world.migrate("1.7.0").unwrap_err());
        assert_eq!(world.snapshot(), before, "{text}");
        text.contains(NAME)
    });
    assert!(named);
}

#[test]
fn one_that_hangs_is_named_when_the_time_of_all_is_over() {
    let mut world = hanging();
    world.limits.time = Duration::from_secs(3600);
    world.limits.until = Some(Instant::now() + Duration::from_secs(1));
    let text = cli::chain(&world.migrate("1.7.0").unwrap_err());
    assert!(text.contains(NAME) && text.contains("did not end within"), "{text}");
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
fn one_that_leaves_something_else_than_a_folder_changes_nothing() {
    assert!(failed("echo 1 > \"$5\"").contains("Not a directory"));
    // Nobody writes into it: whoever opened it would wait for ever.
    assert!(failed("mkfifo \"$5\"").contains("Not a directory"));
    assert!(failed("mkdir \"$5\"; mkfifo \"$5/live\"").contains("live is no data store"));
    assert!(
        failed("mkdir \"$5\"; ln -s \"$3/live\" \"$5/live\"").contains("live is no data store")
    );
    assert!(failed("mknod \"$5\" b 7 0").contains("exit status: 1"), "devices are refused");
    assert!(failed("mkdir -p \"$5/live/a\"; mkfifo \"$5/live/a/b.c\"").contains("no plain file"));
}

#[test]
fn one_that_takes_away_what_it_reads_and_where_it_works() {
    assert!(failed("rm -rf \"$3\"").contains("left no whole data store"));
    assert!(failed("rm -rf \"$3\" \"$TMPDIR\"; exit 1").contains("exit status: 1"));
    let mut world = world("mv \"$3\" \"$5\"; rm -rf \"$TMPDIR\"");
    world.migrate("1.7.0").unwrap();
    assert_eq!(world.now(), ("v1.7.0".into(), "migrate_v1.6.0_x".into()));
}

#[test]
fn one_that_prepares_the_place_of_the_next_one_is_stopped_by_what_that_leaves() {
    let planted = format!("{COUNTS}\nln -s ../v1.5.2_0123456789abcdef \"${{5%/*}}/2\"");
    let steps = Scripts::default().with("1.5.2", "1.6.0", &planted).with("1.6.0", "1.7.0", COUNTS);
    let mut world = World::at("1.5.2", steps);
    let before = world.snapshot();
    world.migrate("1.7.0").unwrap_err();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn one_that_leaves_what_nobody_may_read_has_it_readable_again_or_fails() {
    let script = format!("{COUNTS}\nchmod 0 \"$5/live/ran\"");
    let mut world = world(&script);
    match world.migrate("1.7.0") {
        Ok(_) => assert_eq!(world.now().0, "v1.7.0", "root reads everything"),
        Err(error) => {
            assert!(cli::chain(&error).contains("live/ran"), "{error}");
            assert_eq!(world.now().0, "v1.5.2");
        }
    }
}

#[test]
fn one_that_leaves_more_folders_in_each_other_than_files_can_be_open_stands_in_nobodys_way() {
    let deep = "mkdir -p \"$TMPDIR/$(printf 'd/%.0s' $(seq 1900))\"";
    assert!(failed(&format!("{deep}; exit 1")).contains("exit status: 1"));
    let mut world = world(&format!("{COUNTS}\n{deep}"));
    world.migrate("1.7.0").unwrap();
    assert_eq!(world.now().0, "v1.7.0");
    assert!(!world.path(".migrator-work").exists());
}

#[test]
fn one_that_says_a_gibibyte_on_both_outputs_is_read_and_not_kept() {
    let flood = "yes | head -c 1073741824";
    let mut world = world(&format!("{COUNTS}\n{flood} >&2 & {flood}; wait"));
    world.limits.time = Duration::from_secs(300);
    world.migrate("1.7.0").unwrap();
    assert_eq!(world.now().0, "v1.7.0");
    let length: usize = world.log.iter().map(String::len).sum();
    assert!(length < 80_000, "{length}");
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

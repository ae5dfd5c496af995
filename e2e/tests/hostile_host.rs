//! Hosts in a bad way: damaged tables, the wrong variant, no room, two updaters at once.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::process::Command;

use e2e::programs;
use e2e::world::{NEW, OLD, World, text};
use gptprio::SetId;
use signpost::{Access, Disk};

/// Overwrites `length` bytes of the disk from `offset`, counted from the end if negative.
fn damage(world: &World, offset: i64, length: usize) {
    let mut disk = fs::read(world.disk()).unwrap();
    let start = if offset < 0 { i64::try_from(disk.len()).unwrap() + offset } else { offset };
    let start = usize::try_from(start).unwrap();
    disk[start..start + length].fill(0xEE);
    fs::write(world.disk(), disk).unwrap();
}

const PRIMARY_HEADER: i64 = 512;
const PRIMARY_ENTRIES: i64 = 1024;
const BACKUP_HEADER: i64 = -512;
const BACKUP_ENTRIES: i64 = -512 * 33;

#[test]
fn one_bad_copy_of_the_table_is_no_obstacle_and_is_mended() {
    for place in [PRIMARY_HEADER, PRIMARY_ENTRIES, BACKUP_HEADER, BACKUP_ENTRIES] {
        let world = World::new();
        damage(&world, place, 64);
        let update = world.updog(&["update"]);
        assert_eq!(update.code, 0, "{place}: {}", update.stderr);
        assert!(world.holds(SetId::B, NEW), "{place}");
        assert_eq!(world.next(), Some(SetId::B), "{place}");
        let disk = Disk::open(&world.disk(), Access::Read).unwrap();
        assert!(disk.medium().is_whole(), "{place}");
    }
}

#[test]
fn two_bad_copies_are_refused_and_nothing_is_written() {
    for (one, other) in [
        (PRIMARY_HEADER, BACKUP_HEADER),
        (PRIMARY_HEADER, BACKUP_ENTRIES),
        (PRIMARY_ENTRIES, BACKUP_HEADER),
        (PRIMARY_ENTRIES, BACKUP_ENTRIES),
    ] {
        let world = World::new();
        damage(&world, one, 64);
        damage(&world, other, 64);
        let before = fs::read(world.disk()).unwrap();
        let update = world.updog(&["update"]);
        assert_eq!(update.code, 4, "{}", update.stderr);
        assert!(update.stderr.contains("primary") && update.stderr.contains("backup"));
        assert!(before == fs::read(world.disk()).unwrap(), "the disk was not touched");
    }
}

#[test]
fn a_host_of_another_variant_is_told_what_there_is() {
    let world = World::new();
    world.os_release("large", OLD);
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 4, "{}", check.stderr);
    assert!(check.stderr.contains("large") && check.stderr.contains("small"), "{}", check.stderr);
}

#[test]
fn a_host_of_another_architecture_is_told_what_there_is() {
    let world = World::unpublished();
    let mut report = world.report(NEW);
    report["arch"] = "aarch64".into();
    world.set_report(NEW, &report);
    world.publish(NEW, &[]);
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 4, "{}", check.stderr);
    assert!(check.stderr.contains("aarch64"), "{}", check.stderr);
}

#[test]
fn an_expired_repository_is_refused_since_when() {
    let world = World::unpublished();
    fs::remove_dir_all(world.path("keys")).unwrap();
    let output =
        Command::new("date").args(["-u", "-d", "30 days ago", "+%FT%TZ"]).output().unwrap();
    let then = String::from_utf8(output.stdout).unwrap();
    world.init(&["--now", then.trim()]);
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 4, "{}", check.stderr);
    assert!(check.stderr.contains("timestamp metadata expired at"), "{}", check.stderr);
    assert!(check.stderr.contains("next:") && check.stderr.contains("refresh"), "{}", check.stderr);
}

#[test]
fn an_older_repository_is_refused_across_runs() {
    let world = World::unpublished();
    let repo = world.path("repo");
    let old = world.path("repo-old");
    let copied = Command::new("cp").args(["-a", text(&repo), text(&old)]).status().unwrap();
    assert!(copied.success());
    world.publish(NEW, &[]);
    assert_eq!(world.updog(&["check-update"]).code, 0);
    fs::remove_dir_all(&repo).unwrap();
    fs::rename(&old, &repo).unwrap();
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 4, "{}", check.stderr);
    assert!(check.stderr.contains("went back"), "{}", check.stderr);
}

#[test]
fn a_repository_of_other_keys_is_refused() {
    let world = World::new();
    fs::rename(world.path("root.json"), world.path("mine.json")).unwrap();
    fs::remove_dir_all(world.path("keys")).unwrap();
    world.init(&[]);
    world.publish(NEW, &[]);
    fs::rename(world.path("mine.json"), world.path("root.json")).unwrap();
    let check = world.updog(&["check-update"]);
    assert_eq!(check.code, 4, "{}", check.stderr);
    assert!(check.stderr.contains("signatures"), "{}", check.stderr);
}

#[test]
fn two_updaters_at_once_are_kept_apart() {
    let world = World::new();
    let other = Disk::open(&world.disk(), Access::Write).unwrap();
    for command in ["update", "update-image", "update-apply", "update-revert", "rollback"] {
        let run = world.updog(&[command]);
        assert_eq!(run.code, 75, "{command}: {}", run.stderr);
        assert!(run.stderr.contains("in use"), "{command}: {}", run.stderr);
    }
    assert_eq!(world.updog(&["status"]).code, 0, "looking is always possible");
    assert_eq!(world.updog(&["update", "--dry-run"]).code, 0);
    drop(other);
    assert_eq!(world.updog(&["update"]).code, 0);
}

#[test]
fn a_missing_disk_is_not_created() {
    let world = World::new();
    fs::remove_file(world.disk()).unwrap();
    for command in ["update", "update-image", "update-apply", "update-revert", "status"] {
        let run = world.updog(&[command]);
        assert_eq!(run.code, 1, "{command}: {}", run.stderr);
        assert!(!world.disk().exists(), "{command}");
    }
}

#[test]
fn a_regular_folder_or_a_character_device_is_no_disk() {
    let world = World::new();
    for path in ["/dev/null", "/tmp"] {
        let config = world.path("updog.toml");
        let arguments = ["--config", text(&config), "--disk", path, "--active", "A", "update"];
        let run = programs::run("updog", &arguments);
        assert_eq!(run.code, 4, "{path}: {}", run.stderr);
    }
}

/// Runs `updog` where `folder` has room for a few pages only.
fn on_a_full_disk(world: &World, folder: &str, arguments: &[&str]) -> programs::Finished {
    let place = world.path(folder);
    fs::create_dir_all(&place).unwrap();
    let script = "mount -t tmpfs -o size=8k,mode=0755 none \"$1\" && \
                  { head -c 65536 /dev/zero > \"$1/ballast\" 2>/dev/null || true; } && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", text(&place)]);
    command.arg(programs::command("updog").get_program());
    command.args(world.updog_arguments(SetId::A, arguments));
    programs::finished(&mut command)
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    for folder in ["cache", "state"] {
        let world = World::new();
        let run = on_a_full_disk(&world, folder, &["update"]);
        assert_eq!(run.code, 1, "{folder}: {}", run.stderr);
        assert!(run.stderr.contains("No space left"), "{folder}: {}", run.stderr);
        assert_eq!(world.next(), Some(SetId::A), "{folder}");
        assert!(!world.sets().b.unwrap().is_bootable(), "{folder}");
        let again = world.updog(&["update"]);
        assert_eq!(again.code, 0, "{folder}: {}", again.stderr);
    }
}

#[test]
fn an_update_cut_anywhere_is_finished_by_the_same_command() {
    let world = World::new();
    // A record without its set, as after a cut between the two.
    assert_eq!(world.updog(&["update-image"]).code, 0);
    let signpost =
        ["--disk", text(&world.disk()), "--active", "A", "clear-inactive"].map(str::to_owned);
    let arguments: Vec<&str> = signpost.iter().map(String::as_str).collect();
    programs::must("signpost", &arguments);
    assert_eq!(world.updog(&["update-apply"]).code, 4, "a cleared set is not activated");
    assert_eq!(world.updog(&["update"]).code, 0);
    assert_eq!(world.next(), Some(SetId::B));
}

#[test]
fn an_update_of_a_half_written_set_is_finished_by_the_same_command() {
    let world = World::of_images();
    world.server.fault("boot.img", usize::MAX, e2e::hostile::Fault::Status(404));
    assert_eq!(world.updog(&["update"]).code, 1);
    assert!(!world.sets().b.unwrap().is_bootable());
    assert!(!world.holds(SetId::B, NEW));
    world.server.behave();
    assert_eq!(world.updog(&["update"]).code, 0);
    assert!(world.holds(SetId::B, NEW));
}

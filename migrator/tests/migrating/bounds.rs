//! Full disks, files that may not be read, and more settings than anybody has.

use std::env;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use datastore::Store;
use migrator::Error;
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::world::{COUNTS, Scripts, World};

fn steps() -> Scripts {
    Scripts::default().with("1.5.2", "1.6.0", COUNTS).without("1.6.0", "1.7.0")
}

/// A file system of its own, as long as this lives.
struct Small(TempDir);

impl Small {
    /// Nothing, where nobody may mount one.
    fn mounted(options: &str) -> Option<Self> {
        let small = Self(tempfile::tempdir().unwrap());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "small"]).arg(small.0.path());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(small);
        }
        eprintln!("skipped: no file system can be mounted here");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it with one file but for so many pages.
    fn filled_but(&self, pages: u64) -> PathBuf {
        let path = self.path().join("filled");
        let mut file = File::create_new(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        file.set_len(file.metadata().unwrap().len() - pages * 4096).unwrap();
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_changes_nothing_wherever_it_is_found_out() {
    let Some(small) = Small::mounted("size=1m") else { return };
    let mut world = World::within(small.path(), "1.5.2", steps());
    let before = world.snapshot();
    // The copy has two pages, and so has what the migration makes of it.
    for (pages, words) in [
        (0, "No space left on device"),
        (1, "No space left on device"),
        (2, "migration migrate_v1.6.0_x failed: exit status: 1"),
        (3, "migration migrate_v1.6.0_x failed: exit status: 1"),
    ] {
        let filled = small.filled_but(pages);
        let text = cli::chain(&world.migrate("1.6.0").unwrap_err());
        assert!(text.contains(words), "{pages}: {text}");
        fs::remove_file(filled).unwrap();
        assert_eq!(world.snapshot(), before, "{text}");
    }
    world.migrate("1.6.0").unwrap();
    assert_eq!(world.now().0, "v1.6.0");
}

#[test]
fn a_disk_without_room_for_a_link_changes_nothing() {
    let Some(small) = Small::mounted("size=1m,nr_inodes=13") else { return };
    let mut world = World::within(small.path(), "1.6.0", steps());
    let before = world.snapshot();
    fs::write(small.path().join("last"), "").unwrap();
    let error = world.migrate("1.7.0").unwrap_err();
    assert!(matches!(error, Error::Flip { .. }), "{error}");
    assert!(cli::chain(&error).contains("No space left on device"), "{error}");
    assert_eq!(world.snapshot(), before);
}

/// Runs this test as somebody who is not root; whether this is that run.
fn as_nobody(test: &str) -> bool {
    if !geteuid().is_root() {
        return true;
    }
    // Programs may not run from memory everywhere.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tests");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut again = Command::new(program);
    again.args(["--exact", test, "--nocapture"]).uid(65534).gid(65534).current_dir("/");
    assert!(again.status().unwrap().success());
    false
}

/// Takes rights from a file or folder, and expects that nothing is done, and a message with these words.
fn forbidden(name: &str, mode: u32, words: &str) {
    let mut world = World::at("1.5.2", steps());
    let before = world.snapshot();
    let path = world.path(name);
    let allow = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    allow(mode);
    let error = world.migrate("1.6.0").unwrap_err();
    allow(0o755);
    let text = cli::chain(&error);
    assert!(text.contains("Permission denied") && text.contains(words), "{text}");
    assert_eq!(world.snapshot(), before, "{text}");
}

#[test]
fn what_may_not_be_read_or_written_is_told() {
    if !as_nobody("bounds::what_may_not_be_read_or_written_is_told") {
        return;
    }
    let store = "v1.5.2_0123456789abcdef";
    forbidden(&format!("{store}/live/settings/host/name"), 0, "cannot read");
    forbidden(&format!("{store}/live/settings"), 0, "cannot list");
    forbidden(store, 0, "cannot list");
    forbidden("", 0o555, "cannot make");
    forbidden("", 0, "cannot open");
}

#[test]
fn a_migration_that_leaves_what_may_not_be_read_fails() {
    if !as_nobody("bounds::a_migration_that_leaves_what_may_not_be_read_fails") {
        return;
    }
    for (left, words) in [("live/ran", "cannot read"), ("live", "cannot list"), ("", "cannot list")]
    {
        let script = format!("{COUNTS}\nchmod 0 \"$5/{left}\"");
        let mut world = World::at("1.5.2", Scripts::default().with("1.5.2", "1.6.0", &script));
        let before = world.snapshot();
        let text = cli::chain(&world.migrate("1.6.0").unwrap_err());
        assert!(text.contains("left no whole data store"), "{text}");
        assert!(text.contains(words), "{text}");
        assert_eq!(world.now().0, "v1.5.2");
        world.scripts = steps();
        world.migrate("1.6.0").unwrap();
        assert_eq!(world.now().0, "v1.6.0");
        assert!(before.keys().all(|path| path.symlink_metadata().is_ok()));
        assert!(!world.path(".migrator-work").exists());
    }
}

#[test]
fn a_hundred_thousand_settings_are_carried_over() {
    let steps = Scripts::default().with("1.5.2", "1.6.0", "mv \"$3\" \"$5\"");
    let mut world = World::at("1.5.2", steps);
    let live = world.path("v1.5.2_0123456789abcdef/live/many");
    for folder in 0..100 {
        let folder = live.join(folder.to_string());
        fs::create_dir_all(&folder).unwrap();
        for key in 0..1000 {
            fs::write(folder.join(key.to_string()), key.to_string()).unwrap();
        }
    }
    world.migrate("1.6.0").unwrap();
    let store = Store::open(fs::canonicalize(world.path("current")).unwrap()).unwrap();
    assert!(store.folder().ends_with(fs::read_link(world.path("v1.6.0")).unwrap()));
    assert_eq!(store.check().unwrap().files, 100_002);
}

#[test]
fn long_values_are_carried_over_and_one_that_is_too_long_is_refused() {
    let mut world = World::at("1.5.2", steps());
    let store = world.path("v1.5.2_0123456789abcdef");
    let value = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    fs::create_dir(store.join("live/long")).unwrap();
    for key in 0..8 {
        fs::write(store.join("live/long").join(key.to_string()), value(1 << 20)).unwrap();
    }
    fs::write(store.join("live/long/longest"), value((16 << 20) + 1)).unwrap();
    let before = world.snapshot();
    let text = cli::chain(&world.migrate("1.6.0").unwrap_err());
    assert!(text.contains("longest is longer than 16777216 bytes"), "{text}");
    assert!(world.snapshot() == before);
    fs::write(store.join("live/long/longest"), value(16 << 20)).unwrap();
    world.migrate("1.6.0").unwrap();
    let (old, new) = (store.join("live/long"), world.path("current/live/long"));
    for entry in fs::read_dir(&old).unwrap().map(Result::unwrap) {
        assert!(fs::read(entry.path()).unwrap() == fs::read(new.join(entry.file_name())).unwrap());
    }
}

//! Migrations that work in a stream: real programs, among others that do not, leave what they would leave by folders.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::mem::MaybeUninit;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use datastore::stream::MARKER;
use migrator::Step;
use rustix::fs::inotify;

use crate::world::{COUNTS, Scripts, World};

/// A program of `fixtures/migrations`, which are built once a process unless they are where all programs are.
fn program(name: &str) -> Vec<u8> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        if let Some(programs) = std::env::var_os("WAYSTONE_PROGRAMS") {
            return programs.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--bins", "--package", "migrations"]);
        assert!(build.status().unwrap().success());
        // target/debug/deps/this-test → target/debug
        std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
    });
    fs::read(folder.join(name)).expect("the package migrations is built")
}

fn place_of_marker(program: &[u8]) -> Option<usize> {
    program.windows(MARKER.len()).position(|window| window == MARKER)
}

/// The same program, of which nobody can tell that it works in a stream.
fn by_folders(mut program: Vec<u8>) -> Vec<u8> {
    let at = place_of_marker(&program).unwrap();
    program[at] = b'.';
    assert_eq!(place_of_marker(&program), None);
    program
}

/// A script that works in a stream.
fn streaming(script: &str) -> Vec<u8> {
    let marker = str::from_utf8(&MARKER).unwrap();
    format!("#!/bin/sh\nset -e\n# {marker}\n{script}\n").into_bytes()
}

/// Settings with pending ones, metadata and modes of all kinds.
fn world(scripts: Scripts) -> World {
    let world = World::at("1.0.0", scripts);
    let store = world.path("v1.0.0_0123456789abcdef");
    let files = [
        ("live/settings/host/name.strength", "\"weak\"", 0o600),
        ("live/settings/host/ntp-servers", "[ \"10.0.0.1\" ]\n", 0o640),
        ("live/settings/labels/a%2Eb", "1.50", 0o644),
        ("pending/edit/settings/host/name", "\"worker-8\"", 0o644),
    ];
    for (name, text, mode) in files {
        let path = store.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir_all(store.join("pending/empty")).unwrap();
    fs::set_permissions(store.join("live/settings/host"), Permissions::from_mode(0o750)).unwrap();
    world
}

/// Everything below the store that counts, with modes.
fn left(world: &World) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    fn list(top: &Path, folder: &Path, all: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let mode = fs::symlink_metadata(&path).unwrap().mode();
            let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            all.insert(path.strip_prefix(top).unwrap().to_owned(), (mode, bytes));
            if path.is_dir() {
                list(top, &path, all);
            }
        }
    }
    let top = fs::canonicalize(world.path("current")).unwrap();
    let mut all = BTreeMap::new();
    list(&top, &top, &mut all);
    all
}

/// What is left by a chain there, and by the same chain back.
#[track_caller]
fn there_and_back(programs: &[Vec<u8>]) -> [BTreeMap<PathBuf, (u32, Vec<u8>)>; 2] {
    let mut scripts = Scripts::default();
    for (minor, program) in programs.iter().enumerate() {
        let [from, to] = [minor, minor + 1].map(|minor| format!("1.{minor}.0"));
        scripts = scripts.with_program(&from, &to, program.clone());
    }
    let mut world = world(scripts);
    [format!("1.{}.0", programs.len()), "1.0.0".to_owned()].map(|to| {
        let migrated = world.migrate(&to);
        assert!(migrated.is_ok(), "{migrated:?}: {:?}", world.log);
        assert!(!world.path(".migrator-work").exists());
        left(&world)
    })
}

#[test]
fn every_mixed_chain_leaves_what_the_same_chain_by_folders_leaves() {
    let script = format!("#!/bin/sh\nset -e\nname=x\n{}\n", COUNTS.replace("$0", "$name"));
    let streams = [program("hostname"), program("ntp-servers"), script.clone().into_bytes()];
    let folders =
        [by_folders(program("hostname")), by_folders(program("ntp-servers")), script.into()];
    for number in 0..27 {
        let chain = [number % 3, number / 3 % 3, number / 9];
        let by =
            |programs: &[Vec<u8>; 3]| there_and_back(&chain.map(|kind| programs[kind].clone()));
        assert_eq!(by(&streams), by(&folders), "{chain:?}");
    }
}

#[test]
fn a_program_without_symbols_works_in_a_stream_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostname");
    fs::write(&path, program("hostname")).unwrap();
    assert!(Command::new("strip").arg(&path).status().unwrap().success());
    assert!(place_of_marker(&fs::read(path).unwrap()).is_some());
}

/// A chain of three that work in a stream.
fn three() -> Scripts {
    Scripts::default()
        .with_program("1.0.0", "1.1.0", program("hostname"))
        .with_program("1.1.0", "1.2.0", program("ntp-servers"))
        .with_program("1.2.0", "1.3.0", program("hostname"))
}

#[test]
fn however_many_follow_each_other_a_setting_is_read_once_and_written_once() {
    let mut world = world(three());
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let host = world.path("v1.0.0_0123456789abcdef/live/settings/host");
    inotify::add_watch(&watch, &host, inotify::WatchFlags::OPEN).unwrap();
    let mut written = 0;
    world
        .migrate_watched("1.3.0", &mut |step| {
            written += u32::from(matches!(step, Step::Copied(_)));
            Ok(())
        })
        .unwrap();
    assert_eq!(written, 1);
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    let mut opened = 0;
    while let Ok(event) = events.next() {
        opened += u32::from(event.file_name().is_some_and(|name| name == c"name"));
    }
    assert_eq!(opened, 1);
}

#[test]
fn settings_that_are_too_many_for_a_stream_go_by_folders() {
    let mut world = world(three());
    let big = format!("\"{}\"", "x".repeat(1 << 20));
    for number in 0..9 {
        let path = world.path(&format!("v1.0.0_0123456789abcdef/live/big-{number}"));
        fs::write(path, &big).unwrap();
    }
    let mut copied = 0;
    world
        .migrate_watched("1.3.0", &mut |step| {
            copied += u32::from(matches!(step, Step::Copied(_)));
            Ok(())
        })
        .unwrap();
    let left = left(&world);
    assert_eq!(left[Path::new("live/big-8")].1, big.as_bytes());
    assert_eq!(left[Path::new("live/settings/network/hostname")].1, b"\"worker-7\"");
    assert_eq!(copied, 1, "the store that counts");
}

/// A good migration, then this one, in a stream: the message.
fn failed(script: &str) -> String {
    let scripts = Scripts::default()
        .with_program("1.0.0", "1.1.0", program("hostname"))
        .with_program("1.1.0", "1.2.0", streaming(script));
    let mut world = world(scripts);
    let before = world.snapshot();
    let text = cli::chain(&world.migrate("1.2.0").unwrap_err());
    assert!(text.contains("migrate_v1.2.0_x"), "{text}");
    assert_eq!(world.snapshot(), before, "{text}");
    text
}

#[test]
fn one_that_fails_in_a_stream_changes_nothing() {
    assert!(failed("exit 2").ends_with("exit status: 2"));
    assert!(failed("cat; exit 1").ends_with("exit status: 1"));
    assert!(failed("true").contains("left no whole data store"));
    assert!(failed("head -c 100").contains("it is cut"));
    assert!(failed("yes | head -c 1073741824").contains("more than 16777216 bytes"));
    assert!(failed("sed s/worker/\\\"/").contains("not JSON"));
}

#[test]
fn one_in_a_stream_reaches_no_store() {
    let mut world = world(Scripts::default());
    let witness = world.path("current/live/ran").display().to_string();
    let script = format!("cat; ! echo x > {witness}; ! cat {witness} >&2");
    world.scripts = Scripts::default().with_program("1.0.0", "1.1.0", streaming(&script));
    let before = fs::read(world.path("current/live/ran")).unwrap();
    world.migrate("1.1.0").unwrap();
    assert_eq!(fs::read(world.path("v1.0.0_0123456789abcdef/live/ran")).unwrap(), before);
    assert!(!world.log.iter().any(|line| line.ends_with("\"\"")), "{:?}", world.log);
}

//! What a migration cannot do, and what it can.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::world::{COUNTS, Scripts, World};

/// A migration that also does this.
fn world(script: &str) -> World {
    World::at("1.5.2", Scripts::default().with("1.5.2", "1.6.0", &format!("{COUNTS}\n{script}")))
}

/// What it says, when it succeeds.
fn said(script: &str) -> Vec<String> {
    let mut world = world(script);
    world.migrate("1.6.0").unwrap_or_else(|error| panic!("{error}: {:?}", world.log));
    assert_eq!(world.now().0, "v1.6.0");
    lines(&world)
}

fn lines(world: &World) -> Vec<String> {
    let line = |line: &String| line.strip_prefix("migrate_v1.6.0_x: ").unwrap().to_owned();
    world.log.iter().map(line).collect()
}

/// Each of these fails, although the shell could not care less.
fn refused(commands: &[&str]) {
    for command in commands {
        let said = said(&format!("if {command}; then echo done; else echo refused; fi"));
        assert_eq!(said.last().unwrap(), "refused", "{command}: {said:?}");
    }
}

#[test]
fn there_is_no_network_of_any_kind() {
    refused(&["bash -c 'exec 3<>/dev/udp/127.0.0.1/9'", "bash -c 'exec 3<>/dev/tcp/127.0.0.1/9'"]);
    let said = said("bash -c 'exec 3<>/dev/udp/127.0.0.1/9' || true");
    assert!(said[0].contains("Operation not permitted"), "{said:?}");
}

#[test]
fn mounts_roots_namespaces_and_devices_are_refused() {
    refused(&[
        "mount -t tmpfs none \"$TMPDIR\"",
        "chroot / /bin/true",
        "unshare --mount true",
        "unshare --user true",
        "mknod \"$TMPDIR/null\" c 1 3",
    ]);
    assert_eq!(said("mkfifo \"$TMPDIR/fifo\"; echo made"), ["made"]);
}

#[test]
fn limits_cannot_be_raised() {
    refused(&["bash -c 'ulimit -n 4096'", "bash -c 'ulimit -v unlimited'"]);
    assert_eq!(said("ulimit -n; ulimit -c"), ["1024", "0"]);
}

#[test]
fn it_has_a_place_for_temporary_files_which_goes_with_it() {
    let script = format!(
        "{COUNTS}\n[ -z \"$(ls -A \"$TMPDIR\")\" ]\nfile=$(mktemp)\necho kept > \"$file\"\ncat \"$file\"\nls -ld \"$TMPDIR\" | cut -c1-10"
    );
    let steps = Scripts::default().with("1.5.2", "1.6.0", &script).with("1.6.0", "1.7.0", &script);
    let mut world = World::at("1.5.2", steps);
    world.migrate("1.7.0").unwrap();
    let said = ["kept", "drwx------"];
    let log: Vec<_> = ["6", "7"]
        .iter()
        .flat_map(|minor| said.map(|said| format!("migrate_v1.{minor}.0_x: {said}")))
        .collect();
    assert_eq!(world.log, log);
    assert!(!world.path(".migrator-work").exists());
}

/// Runs one that fails, and expects that all processes whose numbers it says are gone; how many there were.
fn all_gone(script: &str) -> usize {
    let mut world = world(&format!("{script}\nexit 3"));
    let before = world.snapshot();
    let error = world.migrate("1.6.0").unwrap_err().to_string();
    assert!(error.contains("exit status: 3"), "{error}");
    assert_eq!(world.snapshot(), before);
    let numbers = lines(&world).into_iter().filter_map(|line| line.parse().ok());
    let numbers: Vec<i32> = numbers.collect();
    numbers.iter().for_each(|number| ends(Pid::from_raw(*number).unwrap()));
    numbers.len()
}

/// Expects that a process ends, or has; whoever adopted it may not have looked yet.
fn ends(process: Pid) {
    let handle = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(handle) => handle,
        // Or the number is that of somebody's thread by now.
        Err(error) => {
            return assert!([Errno::SRCH, Errno::INVAL, Errno::NOENT].contains(&error), "{error}");
        }
    };
    let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit)).unwrap();
    assert_eq!(ended, 1, "{process:?} lives");
}

#[test]
fn nothing_of_it_leaves_the_group_that_is_killed() {
    // Two can start: it ends when both have said their numbers. What setsid says comes in pieces, between theirs.
    let script = r#"
        export SLEEPER='echo $$; : > "$TMPDIR/ready.$$"; exec sleep 3600'
        exec 2> /dev/null
        ( sh -c "$SLEEPER" & ) &
        setsid sh -c "$SLEEPER" || echo refused
        ( setsid sh -c "$SLEEPER" & ) &
        bash -m -c 'sh -c "$SLEEPER" &' || true
        until [ "$(ls "$TMPDIR" | wc -l)" -ge 2 ]; do sleep 0.1; done"#;
    assert_eq!(all_gone(script), 2);
}

#[test]
fn many_processes_at_once_are_killed_at_once() {
    let script = "for number in $(seq 200); do sleep 3600 > /dev/null 2>&1 & echo $!; done";
    assert_eq!(all_gone(script), 200);
}

#[test]
fn programs_that_are_linked_statically_and_dynamically_run() {
    for linking in ["+crt-static", "-crt-static"] {
        let steps = Scripts::default().with_program("1.5.2", "1.6.0", probe(linking));
        let mut world = World::at("1.5.2", steps);
        world.migrate("1.6.0").unwrap_or_else(|error| panic!("{error}: {:?}", world.log));
        assert_eq!(world.now(), ("v1.6.0".into(), String::new()));
        let refused = ["UDP", "TCP", "Unix", "a pair", "a group"];
        assert_eq!(lines(&world), refused.map(|what| format!("{what} refused")), "{linking}");
    }
}

/// The bytes of the probe, linked so.
fn probe(linking: &str) -> Vec<u8> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/probe.rs");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("probe");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "-C", &format!("target-feature={linking}")]);
    let made = rustc.arg("-o").arg(&program).arg(Path::new(source)).status().unwrap();
    assert!(made.success());
    fs::read(program).unwrap()
}
